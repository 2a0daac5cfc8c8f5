//! Ports: what asks for one, and who has it already.

use snapbox::str;

use crate::project::{check, with};

#[test]
fn a_port_is_asked_for_by_what_uses_it() {
    check(
        &with(
            "publish = 1\nready = { http = \"/\" }\n[services.b]\nrun = [\"x\"]\nready = \"tcp\"\naddress = \"0.0.0.0\"\n[services.b.dev]\nlive_reload = true",
        ),
        str![[r#"
error: `publish` without `port`
 --> stacks/demo/stack.toml:4:1
  |
4 | publish = 1
  | ^^^^^^^ there is nothing to publish
  |
  = help: add `port = 8080`, the port inside a container

error: `ready` asks a port, and the service has none
 --> stacks/demo/stack.toml:5:1
  |
5 | ready = { http = "/" }
  | ^^^^^
  |
  = help: add `port = 8080`, or write `ready = "started"` or `ready = { command = ["…"] }`

error: `ready` asks a port, and the service has none
 --> stacks/demo/stack.toml:8:1
  |
8 | ready = "tcp"
  | ^^^^^
  |
  = help: add `port = 8080`, or write `ready = "started"` or `ready = { command = ["…"] }`

warning: `address` without `publish` has no effect
 --> stacks/demo/stack.toml:9:1
  |
9 | address = "0.0.0.0"
  | ^^^^^^^
  |
  = help: add `publish = "auto"`

warning: no browser sees this service
  --> stacks/demo/stack.toml:11:1
   |
11 | live_reload = true
   | ^^^^^^^^^^^ there is nothing to reload

"#]],
    );
}

#[test]
fn two_services_on_one_port_are_told_with_both_places() {
    check(
        &with("port = 1\npublish = 8080\n[services.b]\nrun = [\"x\"]\nport = 1\npublish = 8080"),
        str![[r#"
error: `a` and `b` publish the same port 8080
 --> stacks/demo/stack.toml:9:11
  |
5 | publish = 8080
  |           ---- `a` has it
...
9 | publish = 8080
  |           ^^^^
  |
  = help: give one of them another port, or `publish = "auto"`

"#]],
    );
}

#[test]
fn one_port_on_two_addresses_is_no_clash_unless_one_is_all_of_them() {
    let two = |address: &str| {
        with(&format!(
            "port = 1\npublish = 8080\n[services.b]\nrun = [\"x\"]\nport = 1\npublish = 8080\naddress = \"{address}\""
        ))
    };
    check(&two("127.0.0.2"), str![]);
    check(
        &two("0.0.0.0"),
        str![[r#"
error: `a` and `b` publish the same port 8080
 --> stacks/demo/stack.toml:9:11
  |
5 | publish = 8080
  |           ---- `a` has it
...
9 | publish = 8080
  |           ^^^^
  |
  = help: give one of them another port, or `publish = "auto"`

"#]],
    );
}

#[test]
fn stacks_that_share_a_port_are_warned_of() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\npublish = 8080\n== stacks/other/stack.toml\nversion = 1\n[services.b]\nrun = [\"x\"]\nport = 1\npublish = 8080",
        str![[r#"
warning: `demo/a` and `other/b` publish the same port 8080: their stacks cannot run at once
 --> stacks/other/stack.toml:5:11
  |
5 | publish = 8080
  |           ^^^^
  |
 ::: stacks/demo/stack.toml:5:11
  |
5 | publish = 8080
  |           ---- `demo/a` has it

"#]],
    );
}

#[test]
fn an_offset_does_not_lead_past_the_last_port() {
    check(
        "== hob.toml\nport_offset = 10\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\npublish = 65530",
        str![[r#"
error: port 65530 and the project's offset of 10 are past 65535
 --> stacks/demo/stack.toml:5:11
  |
5 | publish = 65530
  |           ^^^^^
  |
  = help: lower `publish`, or `port_offset` in `hob.toml`

"#]],
    );
}

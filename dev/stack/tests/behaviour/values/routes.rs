//! Routes of services and their stack's own door.

use snapbox::str;

use crate::project::{check, project, with};

/// Two services, the first one with these keys.
fn two(first: &str, second: &str) -> String {
    with(&format!(
        "port = 1\n{first}\n[services.b]\nrun = [\"x\"]\nport = 1\n{second}"
    ))
}

#[test]
fn paths_are_kept_in_the_files_order_and_a_slash_at_the_end_says_nothing() {
    let fixture = project(&with("port = 1\nroutes = [\"/b/\", \"/a.b/~c\", \"/\"]"));
    let routes = fixture.service("a").routes;
    let routes: Vec<&str> = routes.iter().map(|it| it.as_str()).collect();
    assert_eq!(routes, ["/b", "/a.b/~c", "/"]);
}

#[test]
fn a_door_may_have_no_port_and_routes_may_have_no_door() {
    let none = project(&two("routes = [\"/\"]", "")).valid();
    let stack = none.stacks.values().next().unwrap();
    assert_eq!(stack.ingress, None);
    let door = project(&format!("{}[ingress]\n", two("", ""))).valid();
    let stack = door.stacks.values().next().unwrap();
    assert_eq!(stack.ingress.as_ref().map(|it| it.port), Some(None));
}

#[test]
fn a_path_that_no_request_begins_with_is_told_with_what_was_meant() {
    check(
        &with(
            "port = 1\nroutes = [\"greeting\", \"/a//b\", \"/*\", \"/a/../b\", \"/ok\", \"/a b\"]",
        ),
        str![[r#"
error: `routes`: a path begins with `/`, and `greeting` does not
 --> stacks/demo/stack.toml:5:11
  |
5 | routes = ["greeting", "/a//b", "/*", "/a/../b", "/ok", "/a b"]
  |           ^^^^^^^^^^
  |
  = help: write `"/greeting"`

error: `routes`: `/a//b` has an empty part between two slashes
 --> stacks/demo/stack.toml:5:23
  |
5 | routes = ["greeting", "/a//b", "/*", "/a/../b", "/ok", "/a b"]
  |                       ^^^^^^^
  |
  = help: write `"/a/b"`

error: `routes`: '*' cannot stand in a path: letters, digits, `-`, `.`, `_` and `~` can
 --> stacks/demo/stack.toml:5:32
  |
5 | routes = ["greeting", "/a//b", "/*", "/a/../b", "/ok", "/a b"]
  |                                ^^^^
  |
  = help: a path stands for all below it, so `"/"` is for every path

error: `routes`: `/a/../b` has a part `.` or `..`, which no request has
 --> stacks/demo/stack.toml:5:38
  |
5 | routes = ["greeting", "/a//b", "/*", "/a/../b", "/ok", "/a b"]
  |                                      ^^^^^^^^^

error: `routes`: ' ' cannot stand in a path: letters, digits, `-`, `.`, `_` and `~` can
 --> stacks/demo/stack.toml:5:56
  |
5 | routes = ["greeting", "/a//b", "/*", "/a/../b", "/ok", "/a b"]
  |                                                        ^^^^^^

"#]],
    );
}

#[test]
fn a_path_twice_in_a_service_is_worth_a_word() {
    check(
        &with("port = 1\nroutes = [\"/a\", \"/a/\"]"),
        str![[r#"
warning: `routes` has the path /a twice
 --> stacks/demo/stack.toml:5:17
  |
5 | routes = ["/a", "/a/"]
  |                 ^^^^^

"#]],
    );
}

#[test]
fn routes_lead_to_a_port_that_speaks_http() {
    check(
        &with(
            "routes = [\"/\"]\n[services.b]\nrun = [\"x\"]\nport = 1\nprotocol = \"tcp\"\nroutes = [\"/b\"]",
        ),
        str![[r#"
error: `routes` without `port`
 --> stacks/demo/stack.toml:4:1
  |
4 | routes = ["/"]
  | ^^^^^^ there is nowhere to lead to
  |
  = help: add `port = 8080`, the port inside a container

error: `routes` of a service that speaks `tcp`
 --> stacks/demo/stack.toml:9:1
  |
8 | protocol = "tcp"
  | -------- said here
9 | routes = ["/b"]
  | ^^^^^^ paths are those of HTTP and gRPC
  |
  = help: take `protocol = "tcp"` away, or these routes

"#]],
    );
}

#[test]
fn routes_lead_to_a_service_of_grpc_that_no_browser_sees() {
    check(
        &with(
            "port = 1\nprotocol = \"grpc\"\nroutes = [\"/hello.Greeter\"]\ndev = { live_reload = true }",
        ),
        str![[r#"
warning: no browser sees this service
 --> stacks/demo/stack.toml:7:9
  |
7 | dev = { live_reload = true }
  |         ^^^^^^^^^^^ there is nothing to reload

"#]],
    );
}

#[test]
fn two_services_of_a_stack_do_not_have_one_path() {
    check(
        &two("routes = [\"/\", \"/a\"]", "routes = [\"/a/\", \"/\"]"),
        str![[r#"
error: `a` and `b` both have the route /a
 --> stacks/demo/stack.toml:9:11
  |
5 | routes = ["/", "/a"]
  |                ---- `a` has it
...
9 | routes = ["/a/", "/"]
  |           ^^^^^
  |
  = help: give one of them another path; the longest that fits wins: `"/a/b"`

error: `a` and `b` both have the route /
 --> stacks/demo/stack.toml:9:18
  |
5 | routes = ["/", "/a"]
  |           --- `a` has it
...
9 | routes = ["/a/", "/"]
  |                  ^^^
  |
  = help: give one of them another path; the longest that fits wins: `"/b"`

"#]],
    );
}

#[test]
fn services_of_two_stacks_do() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\nroutes = [\"/\"]\n== stacks/other/stack.toml\nversion = 1\n[services.b]\nrun = [\"x\"]\nport = 1\nroutes = [\"/\"]",
        str![],
    );
}

#[test]
fn the_doors_port_is_nobody_elses() {
    check(
        &format!(
            "{}\n[ingress]\nport = 8080\n",
            two("publish = 8080\nroutes = [\"/\"]", "")
        ),
        str![[r#"
error: `a` and the ingress of `demo` publish the same port 8080
  --> stacks/demo/stack.toml:12:8
   |
 5 | publish = 8080
   |           ---- `a` has it
...
12 | port = 8080
   |        ^^^^
   |
   = help: give one of them another port, or `publish = "auto"`

"#]],
    );
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\npublish = 8080\n== stacks/other/stack.toml\nversion = 1\n[ingress]\nport = 8080\n[services.b]\nrun = [\"x\"]\nport = 1\nroutes = [\"/\"]",
        str![[r#"
warning: `demo/a` and the ingress of `other` publish the same port 8080: their stacks cannot run at once
 --> stacks/other/stack.toml:3:8
  |
3 | port = 8080
  |        ^^^^
  |
 ::: stacks/demo/stack.toml:5:11
  |
5 | publish = 8080
  |           ---- `demo/a` has it

"#]],
    );
}

#[test]
fn a_doors_port_without_routes_leads_nowhere() {
    check(
        &format!("{}\n[ingress]\nport = 8080\n", two("", "")),
        str![[r#"
warning: no service of this stack has `routes`
  --> stacks/demo/stack.toml:11:8
   |
11 | port = 8080
   |        ^^^^ the ingress answers 404 here, whatever is asked for
   |
   = help: add `routes = ["/"]` to one

"#]],
    );
}

#[test]
fn an_offset_does_not_lead_a_door_past_the_last_port() {
    check(
        "== hob.toml\nport_offset = 10\n== stacks/demo/stack.toml\nversion = 1\n[ingress]\nport = 65530\n[services.a]\nrun = [\"x\"]\nport = 1\nroutes = [\"/\"]",
        str![[r#"
error: port 65530 and the project's offset of 10 are past 65535
 --> stacks/demo/stack.toml:3:8
  |
3 | port = 65530
  |        ^^^^^
  |
  = help: lower `port`, or `port_offset` in `hob.toml`

"#]],
    );
}

//! `stack.local.toml`: what it overrides, and mistakes in it.

use hob_stack::Publish;
use snapbox::str;

use crate::project::{check, project};

#[test]
fn a_local_file_alone_is_told_and_an_empty_folder_is_not() {
    check(
        "== stacks/demo/stack.local.toml\n== stacks/empty/\n== stacks/note.txt\n== stacks/.git/stack.toml\nx",
        str![[r#"
error: `stack.local.toml` without `stack.toml`
 --> stacks/demo/stack.local.toml
  = note: it only overrides
  = help: create `stack.toml` beside it

"#]],
    );
}

#[test]
fn an_error_in_a_local_file_points_into_it() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\n== stacks/demo/stack.local.toml\n[services.a]\nport = \"x\"\nsource = \"gone\"\nfoo = 1\n[services.b]\nenv = {}",
        str![[r#"
error: `port` cannot be a string
 --> stacks/demo/stack.local.toml:2:8
  |
2 | port = "x"
  |        ^^^ expected an integer from 1 to 65535

error: the source folder `stacks/demo/gone` is not there
 --> stacks/demo/stack.local.toml:3:10
  |
3 | source = "gone"
  |          ^^^^^^

error: unknown key `foo` in `a`
 --> stacks/demo/stack.local.toml:4:1
  |
4 | foo = 1
  | ^^^
  |
  = help: known here: `source`, `port`, `publish`, `address`, `protocol`, `routes`, `needs`, `wants`, `ready`, `env`, `pass_env`, `secrets`, `volumes`, `mounts`, `network`, `image`, `read_only`, `build`, `run`, `serve`, `restart`, `limits`, `packages`, `dev`

error: nothing says how this service runs
 --> stacks/demo/stack.local.toml:5:11
  |
5 | [services.b]
  |           ^
  |
  = help: add `run = ["…"]`, `serve = "public"` or `image = {}` for a `Dockerfile`

"#]],
    );
}

#[test]
fn a_clash_between_a_file_and_its_local_file_shows_both() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nport = 1\npublish = 8080\n[services.b]\nrun = [\"x\"]\nport = 1\n== stacks/demo/stack.local.toml\n[services.b]\npublish = 8080",
        str![[r#"
error: `a` and `b` publish the same port 8080
 --> stacks/demo/stack.local.toml:2:11
  |
2 | publish = 8080
  |           ^^^^
  |
 ::: stacks/demo/stack.toml:5:11
  |
5 | publish = 8080
  |           ---- `a` has it
  |
  = help: give one of them another port, or `publish = "auto"`

"#]],
    );
}

#[test]
fn a_local_file_in_error_is_told_together_with_the_file() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\nfoo = 1\n[services.a]\nrun = [\"x\"]\n== stacks/demo/stack.local.toml\n[services.a\n",
        str![[r#"
error: unclosed table
 --> stacks/demo/stack.local.toml:1:12
  |
1 | [services.a
  |            ^ expected `]`

error: unknown key `foo`
 --> stacks/demo/stack.toml:2:1
  |
2 | foo = 1
  | ^^^
  |
  = help: known here: `version`, `name`, `ingress`, `services`

"#]],
    );
}

#[test]
fn local_tables_merge_and_everything_else_is_replaced() {
    let fixture = project(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\", \"y\"]\nport = 1\npublish = 8080\nready = { http = \"/\" }\nenv = { A = \"1\", B = \"2\" }\nsecrets = { S = { file = \"x\" } }\n== stacks/demo/stack.local.toml\n[services.a]\nrun = [\"z\"]\npublish = \"auto\"\nready = { command = [\"c\"] }\nenv = { B = \"3\" }\nsecrets = { S = { env = \"E\" } }",
    );
    let service = fixture.service("a");
    assert_eq!(service.publish, Some(Publish::Auto));
    snapbox::assert_data_eq!(
        format!(
            "{:?}\n{:?}\n{:?}\n{:?}",
            service.run_form, service.ready, service.env, service.secrets
        ),
        str![[r#"
Program { build: None, run: ["z"] }
Command(["c"])
{"A": "1", "B": "3"}
{"S": Env("E")}
"#]]
    );
}

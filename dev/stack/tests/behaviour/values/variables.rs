//! Variables: those that values refer to, and those that a service gets.

use snapbox::str;

use crate::project::{check, project, with};

#[test]
fn unknown_variables_are_told_where_they_stand() {
    check(
        &with(
            "env = { A = \"${TAGG}\", B = \"${TAG}\", C = \"x-${A}-${B}\", D = \"${TAG:-x}${NO:-y}\", E = \"$$${TAG}\" }",
        ),
        str![[r#"
error: nothing sets the variable `TAGG`
 --> stacks/demo/stack.toml:4:14
  |
4 | env = { A = "${TAGG}", B = "${TAG}", C = "x-${A}-${B}", D = "${TAG:-x}${NO:-y}", E = "$$${TAG...
  |              ^^^^^^^
  |
  = help: did you mean `${TAG}`?
  = help: set it in the environment or in `.env`, or give a default: `${TAGG:-…}`

error: nothing sets the variable `A`
 --> stacks/demo/stack.toml:4:45
  |
4 | env = { A = "${TAGG}", B = "${TAG}", C = "x-${A}-${B}", D = "${TAG:-x}${NO:-y}", E = "$$${TAG...
  |                                             ^^^^
  |
  = help: set it in the environment or in `.env`, or give a default: `${A:-…}`

error: nothing sets the variable `B`
 --> stacks/demo/stack.toml:4:50
  |
4 | env = { A = "${TAGG}", B = "${TAG}", C = "x-${A}-${B}", D = "${TAG:-x}${NO:-y}", E = "$$${TAG...
  |                                                  ^^^^
  |
  = help: set it in the environment or in `.env`, or give a default: `${B:-…}`

"#]],
    );
}

#[test]
fn malformed_references_are_told() {
    check(
        &with(
            "env = { A = \"${\", B = \"${}\", C = \"${A-b}\", D = \"${A:-${B}}\", E = \"a ${TAG b\", F = \"$TAG $ $1\" }",
        ),
        str![[r#"
error: the closing `}` is missing
 --> stacks/demo/stack.toml:4:14
  |
4 | env = { A = "${", B = "${}", C = "${A-b}", D = "${A:-${B}}", E = "a ${TAG b", F = "$TAG $ $1" }
  |              ^^
  |
  = help: a dollar sign that means itself is written `$$`

error: only `${NAME}` and `${NAME:-default}` are understood
 --> stacks/demo/stack.toml:4:24
  |
4 | env = { A = "${", B = "${}", C = "${A-b}", D = "${A:-${B}}", E = "a ${TAG b", F = "$TAG $ $1" }
  |                        ^^^
  |
  = help: a dollar sign that means itself is written `$$`

error: only `${NAME}` and `${NAME:-default}` are understood
 --> stacks/demo/stack.toml:4:35
  |
4 | env = { A = "${", B = "${}", C = "${A-b}", D = "${A:-${B}}", E = "a ${TAG b", F = "$TAG $ $1" }
  |                                   ^^^^^^
  |
  = help: a dollar sign that means itself is written `$$`

error: a default cannot hold another `${`
 --> stacks/demo/stack.toml:4:49
  |
4 | env = { A = "${", B = "${}", C = "${A-b}", D = "${A:-${B}}", E = "a ${TAG b", F = "$TAG $ $1" }
  |                                                 ^^^^^^^^^
  |
  = help: a dollar sign that means itself is written `$$`

error: the closing `}` is missing
 --> stacks/demo/stack.toml:4:69
  |
4 | env = { A = "${", B = "${}", C = "${A-b}", D = "${A:-${B}}", E = "a ${TAG b", F = "$TAG $ $1" }
  |                                                                     ^^^^^^^
  |
  = help: a dollar sign that means itself is written `$$`

"#]],
    );
}

#[test]
fn a_value_of_a_secret_is_not_shown_when_it_does_not_fit() {
    let files = with(
        "address = \"${DB_PASSWORD}\"\nprotocol = \"${DB_PASSWORD}\"\nlimits = { ready = \"${DB_PASSWORD}\" }",
    );
    check(
        &files,
        str![[r#"
warning: `address` without `publish` has no effect
 --> stacks/demo/stack.toml:4:1
  |
4 | address = "${DB_PASSWORD}"
  | ^^^^^^^
  |
  = help: add `publish = "auto"`

error: `address`: the value of `${DB_PASSWORD}` does not fit here
 --> stacks/demo/stack.toml:4:11
  |
4 | address = "${DB_PASSWORD}"
  |           ^^^^^^^^^^^^^^^^

error: `protocol`: the value of `${DB_PASSWORD}` does not fit here
 --> stacks/demo/stack.toml:5:12
  |
5 | protocol = "${DB_PASSWORD}"
  |            ^^^^^^^^^^^^^^^^ expected `"http"`, `"grpc"` or `"tcp"`

error: `ready`: the value of `${DB_PASSWORD}` does not fit here
 --> stacks/demo/stack.toml:6:20
  |
6 | limits = { ready = "${DB_PASSWORD}" }
  |                    ^^^^^^^^^^^^^^^^

"#]],
    );
    let fixture = project(&files);
    let json = serde_json::to_string(&fixture.load().diagnostics).unwrap();
    assert!(!json.contains("hunter2"), "{json}");
}

#[test]
fn a_secret_on_a_command_line_is_warned_of() {
    check(
        "version = 1\n[services.a]\nrun = [\"x\", \"--password=${DB_PASSWORD}\"]",
        str![[r#"
warning: `DB_PASSWORD` on a command line can be read by every process
 --> stacks/demo/stack.toml:3:25
  |
3 | run = ["x", "--password=${DB_PASSWORD}"]
  |                         ^^^^^^^^^^^^^
  |
  = help: hand it over as a variable: `secrets = { DB_PASSWORD = { env = "DB_PASSWORD" } }`

"#]],
    );
}

#[test]
fn variables_that_hob_sets_are_reserved() {
    check(
        &with(
            "env = { PORT = \"1\", HOB_X = \"1\", \"A B\" = \"1\" }\npass_env = [\"HOST\", \"1A\"]\nsecrets = { OUT = { env = \"X\" } }\n[services.a.dev]\nenv = { HOST = \"1\" }",
        ),
        str![[r#"
error: `PORT` is set by hob itself
 --> stacks/demo/stack.toml:4:9
  |
4 | env = { PORT = "1", HOB_X = "1", "A B" = "1" }
  |         ^^^^

error: `HOB_X` is set by hob itself
 --> stacks/demo/stack.toml:4:21
  |
4 | env = { PORT = "1", HOB_X = "1", "A B" = "1" }
  |                     ^^^^^

error: `A B` cannot be the name of a variable: letters, digits, `_`, `-` and `.` only, no digit first
 --> stacks/demo/stack.toml:4:34
  |
4 | env = { PORT = "1", HOB_X = "1", "A B" = "1" }
  |                                  ^^^^^

error: `pass_env`: `HOST` is set by hob itself
 --> stacks/demo/stack.toml:5:13
  |
5 | pass_env = ["HOST", "1A"]
  |             ^^^^^^

error: `pass_env`: `1A` cannot be the name of a variable: letters, digits, `_`, `-` and `.` only, no digit first
 --> stacks/demo/stack.toml:5:21
  |
5 | pass_env = ["HOST", "1A"]
  |                     ^^^^

error: `OUT` is set by hob itself
 --> stacks/demo/stack.toml:6:13
  |
6 | secrets = { OUT = { env = "X" } }
  |             ^^^

error: `HOST` is set by hob itself
 --> stacks/demo/stack.toml:8:9
  |
8 | env = { HOST = "1" }
  |         ^^^^

"#]],
    );
}

#[test]
fn a_variable_is_set_in_one_place() {
    check(
        &with(
            "env = { A = \"1\" }\nsecrets = { A = { env = \"X\" }, B = { env = \"Y\" } }\n[services.a.dev]\nenv = { B = \"1\" }",
        ),
        str![[r#"
error: `A` is set by both `secrets` and `env`
 --> stacks/demo/stack.toml:5:13
  |
4 | env = { A = "1" }
  |         - also here
5 | secrets = { A = { env = "X" }, B = { env = "Y" } }
  |             ^

error: `B` is set by both `secrets` and `env`
 --> stacks/demo/stack.toml:5:32
  |
5 | secrets = { A = { env = "X" }, B = { env = "Y" } }
  |                                ^
6 | [services.a.dev]
7 | env = { B = "1" }
  |         - also here

"#]],
    );
}

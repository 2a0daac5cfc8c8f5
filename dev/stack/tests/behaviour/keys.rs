//! Keys and syntax.

mod names;
mod types;

use snapbox::str;

use crate::project::{check, with};

#[test]
fn a_file_in_order_tells_nothing() {
    check(&with("source = \"src\""), str![]);
}

#[test]
fn syntax_errors_are_told_once_a_line_and_hide_no_other_stack() {
    check(
        "== stacks/demo/stack.toml\nversion = \nname = demo\nx = [y, 1 2 3]\n[services.a\nrun = [\"x\"]\n== stacks/other/stack.toml\nversion = 1\nfoo = 1",
        str![[r#"
error: the value is missing
 --> stacks/demo/stack.toml:1:11
  |
1 | version = 
  |           ^

error: string values must be quoted
 --> stacks/demo/stack.toml:2:8
  |
2 | name = demo
  |        ^^^^
  |
  = help: write `"demo"`

error: string values must be quoted
 --> stacks/demo/stack.toml:3:6
  |
3 | x = [y, 1 2 3]
  |      ^
  |
  = help: write `"y"`

error: unclosed table
 --> stacks/demo/stack.toml:4:12
  |
4 | [services.a
  |            ^ expected `]`

error: the stack has no services
 --> stacks/other/stack.toml
  = help: add a table `[services.NAME]` with `run = ["…"]`

error: unknown key `foo`
 --> stacks/other/stack.toml:2:1
  |
2 | foo = 1
  | ^^^
  |
  = help: known here: `version`, `name`, `ingress`, `services`

"#]],
    );
}

#[test]
fn unknown_keys_are_told_at_every_level_with_the_nearest_known_one() {
    check(
        "version = 1\nservcies = {}\n[services.a]\nrun = [\"x\"]\npublsh = 1\nzzz = 1\nready = { htp = \"/\" }\nlimits = { redy = \"1s\" }\nimage = { docker_file = \"x\" }\n[services.a.dev]\nsawp = \"overlap\"\non_change = [{ path = [\"a\"] }]\n",
        str![[r#"
error: unknown key `servcies`
 --> stacks/demo/stack.toml:2:1
  |
2 | servcies = {}
  | ^^^^^^^^
  |
  = help: did you mean `services`?

error: unknown key `publsh` in `a`
 --> stacks/demo/stack.toml:5:1
  |
5 | publsh = 1
  | ^^^^^^
  |
  = help: did you mean `publish`?

error: unknown key `zzz` in `a`
 --> stacks/demo/stack.toml:6:1
  |
6 | zzz = 1
  | ^^^
  |
  = help: known here: `source`, `port`, `publish`, `address`, `protocol`, `routes`, `needs`, `wants`, `ready`, `env`, `pass_env`, `secrets`, `volumes`, `mounts`, `network`, `image`, `read_only`, `build`, `run`, `serve`, `restart`, `limits`, `packages`, `dev`

error: unknown key `htp` in `ready`
 --> stacks/demo/stack.toml:7:11
  |
7 | ready = { htp = "/" }
  |           ^^^
  |
  = help: did you mean `http`?

error: unknown key `redy` in `limits`
 --> stacks/demo/stack.toml:8:12
  |
8 | limits = { redy = "1s" }
  |            ^^^^
  |
  = help: did you mean `ready`?

error: the Dockerfile `stacks/demo/Dockerfile` is not there
 --> stacks/demo/stack.toml:9:1
  |
9 | image = { docker_file = "x" }
  | ^^^^^

error: unknown key `docker_file` in `image`
 --> stacks/demo/stack.toml:9:11
  |
9 | image = { docker_file = "x" }
  |           ^^^^^^^^^^^
  |
  = help: did you mean `dockerfile`?

error: unknown key `sawp` in `dev`
  --> stacks/demo/stack.toml:11:1
   |
11 | sawp = "overlap"
   | ^^^^
   |
   = help: did you mean `swap`?

error: a rule without `paths`
  --> stacks/demo/stack.toml:12:14
   |
12 | on_change = [{ path = ["a"] }]
   |              ^^^^^^^^^^^^^^^^
   |
   = help: add `paths = ["static/**"]`

error: unknown key `path` in `on_change`
  --> stacks/demo/stack.toml:12:16
   |
12 | on_change = [{ path = ["a"] }]
   |                ^^^^
   |
   = help: did you mean `paths`?

"#]],
    );
}

#[test]
fn words_of_other_tools_and_keys_of_another_level_are_recognised() {
    check(
        &with("depends_on = []\nenvironment = {}\nswap = \"overlap\"\ncommand = \"x\""),
        str![[r#"
error: unknown key `depends_on` in `a`
 --> stacks/demo/stack.toml:4:1
  |
4 | depends_on = []
  | ^^^^^^^^^^
  |
  = help: did you mean `needs`?

error: unknown key `environment` in `a`
 --> stacks/demo/stack.toml:5:1
  |
5 | environment = {}
  | ^^^^^^^^^^^
  |
  = help: did you mean `env`?

error: unknown key `swap` in `a`
 --> stacks/demo/stack.toml:6:1
  |
6 | swap = "overlap"
  | ^^^^
  |
  = help: `swap` is a key of `dev`

error: unknown key `command` in `a`
 --> stacks/demo/stack.toml:7:1
  |
7 | command = "x"
  | ^^^^^^^
  |
  = help: did you mean `run`?

"#]],
    );
}

#[test]
fn a_file_without_version_or_of_another_one() {
    check(
        "[services.a]\nrun = [\"x\"]\nfoo = 1",
        str![[r#"
error: the file does not say its `version`
 --> stacks/demo/stack.toml
  = help: begin with `version = 1`

error: unknown key `foo` in `a`
 --> stacks/demo/stack.toml:3:1
  |
3 | foo = 1
  | ^^^
  |
  = help: known here: `source`, `port`, `publish`, `address`, `protocol`, `routes`, `needs`, `wants`, `ready`, `env`, `pass_env`, `secrets`, `volumes`, `mounts`, `network`, `image`, `read_only`, `build`, `run`, `serve`, `restart`, `limits`, `packages`, `dev`

"#]],
    );
    check(
        "version = 2\nwhatever = 1",
        str![[r#"
error: a stack file of version 2; this hob reads version 1
 --> stacks/demo/stack.toml:1:11
  |
1 | version = 2
  |           ^
  |
  = help: use the hob that it was written for, or a newer one

"#]],
    );
    check(
        "version = \"1\"\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `version` cannot be a string
 --> stacks/demo/stack.toml:1:11
  |
1 | version = "1"
  |           ^^^ expected 1

"#]],
    );
}

#[test]
fn an_empty_file_says_so() {
    check(
        "",
        str![[r#"
error: the file is empty
 --> stacks/demo/stack.toml
  = help: begin with `version = 1`

"#]],
    );
    check(
        "# nothing yet\n",
        str![[r#"
error: the file is empty
 --> stacks/demo/stack.toml
  = help: begin with `version = 1`

"#]],
    );
}

#[test]
fn spans_are_right_beside_text_of_several_bytes() {
    check(
        "\u{feff}version = 1\r\n[services.a] # Grüße 東京\r\nrun = [\"日本\"]\r\nenv = { \"X\" = \"ü\" , ÜX = 1 }\r\nenv2 = \"ß\"\r\n",
        str![[r#"
error: invalid unquoted key
 --> stacks/demo/stack.toml:4:21
  |
4 | env = { "X" = "ü" , ÜX = 1 }
  |                     ^ expected letters, numbers, `-`, `_`

"#]],
    );
    check(
        "version = 1\n[services.a]\nrun = [\"x\"]\nenv = { A = \"東京\", B = 2, C = \"🦀${NOPE}\" }\n",
        str![[r#"
error: `B` cannot be an integer
 --> stacks/demo/stack.toml:4:23
  |
4 | env = { A = "東京", B = 2, C = "🦀${NOPE}" }
  |                         ^ expected a string
  |
  = help: with quotes: `B = "2"`

error: nothing sets the variable `NOPE`
 --> stacks/demo/stack.toml:4:32
  |
4 | env = { A = "東京", B = 2, C = "🦀${NOPE}" }
  |                                   ^^^^^^^
  |
  = help: set it in the environment or in `.env`, or give a default: `${NOPE:-…}`

"#]],
    );
}

#[test]
fn past_a_hundred_diagnostics_are_counted() {
    let keys: Vec<String> = (0..103).map(|n| format!("zz{n} = 1\n")).collect();
    let loaded = crate::project::project(&with(&keys.concat())).load();
    assert_eq!(loaded.diagnostics.len(), 103);
    let text = crate::project::told(&loaded);
    assert_eq!(text.matches("error: ").count(), 100);
    assert!(text.ends_with("\n… and 3 more\n"), "{text}");
}

#[test]
fn diagnostics_are_data_too() {
    let fixture = crate::project::project(&with("env = { \"ß\" = \"x\", B = 1 }\nsorce = \"x\""));
    let json = serde_json::to_string_pretty(&fixture.load().diagnostics).unwrap();
    snapbox::assert_data_eq!(
        fixture.anonymous(&json),
        str![[r#"
[
  {
    "severity": "error",
    "message": "`ß` cannot be the name of a variable: letters, digits, `_`, `-` and `.` only, no digit first",
    "file": "ROOT/stacks/demo/stack.toml",
    "line": 4,
    "column": 9,
    "label": "",
    "related": [],
    "hints": []
  },
  {
    "severity": "error",
    "message": "`B` cannot be an integer",
    "file": "ROOT/stacks/demo/stack.toml",
    "line": 4,
    "column": 24,
    "label": "expected a string",
    "related": [],
    "hints": [
      "with quotes: `B = /"1/"`"
    ]
  },
  {
    "severity": "error",
    "message": "unknown key `sorce` in `a`",
    "file": "ROOT/stacks/demo/stack.toml",
    "line": 5,
    "column": 1,
    "label": "",
    "related": [],
    "hints": [
      "did you mean `source`?"
    ]
  }
]
"#]]
    );
}

#[test]
fn colour_is_only_asked_for() {
    let loaded = crate::project::project("").load();
    assert!(hob_stack::render(&loaded.diagnostics, true, 80).contains("\u{1b}["));
    assert!(!hob_stack::render(&loaded.diagnostics, false, 80).contains('\u{1b}'));
    assert_eq!(hob_stack::render(&[], true, 80), "");
}

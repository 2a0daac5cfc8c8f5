//! Types: what a value cannot be, and what is expected in its place.

use snapbox::str;

use crate::project::{check, with};

#[test]
fn wrong_types_are_told_with_what_is_expected_and_what_to_write() {
    check(
        "version = 1\n[services.a]\nsource = 1\nport = \"80\"\npublish = 70000\nprotocol = \"htpp\"\nneeds = \"b\"\nready = 5\nenv = []\nrun = \"go run .\"\nrestart = true\nvolumes = { data = [] }\nlimits = { ready = 30 }\n[services.a.dev]\nlive_reload = \"true\"\n[services.b]\nrun = [1]\n[services.c]\nrun = 1.5\nserve = 1979-05-27\n",
        str![[r#"
error: `source` cannot be an integer
 --> stacks/demo/stack.toml:3:10
  |
3 | source = 1
  |          ^ expected a string
  |
  = help: with quotes: `source = "1"`

error: `port` cannot be a string
 --> stacks/demo/stack.toml:4:8
  |
4 | port = "80"
  |        ^^^^ expected an integer from 1 to 65535
  |
  = help: without quotes: `port = 80`

error: `publish` cannot be 70000
 --> stacks/demo/stack.toml:5:11
  |
5 | publish = 70000
  |           ^^^^^ expected an integer from 1 to 65535 or `"auto"`

error: `protocol` cannot be "htpp"
 --> stacks/demo/stack.toml:6:12
  |
6 | protocol = "htpp"
  |            ^^^^^^ expected `"http"`, `"grpc"` or `"tcp"`
  |
  = help: did you mean `"http"`?

error: `needs` cannot be a string
 --> stacks/demo/stack.toml:7:9
  |
7 | needs = "b"
  |         ^^^ expected an array
  |
  = help: write `needs = ["b"]`

error: `ready` cannot be an integer
 --> stacks/demo/stack.toml:8:9
  |
8 | ready = 5
  |         ^ expected `"tcp"`, `"started"`, `{ http = … }` or `{ command = … }`

error: `env` cannot be an array
 --> stacks/demo/stack.toml:9:7
  |
9 | env = []
  |       ^^ expected a table

error: `run` cannot be a string
  --> stacks/demo/stack.toml:10:7
   |
10 | run = "go run ."
   |       ^^^^^^^^^^ expected an array
   |
   = help: write `run = ["go", "run", "."]`

error: `restart` cannot be a boolean
  --> stacks/demo/stack.toml:11:11
   |
11 | restart = true
   |           ^^^^ expected `"always"`, `"on-failure"` or `"never"`

error: `data` cannot be an array
  --> stacks/demo/stack.toml:12:20
   |
12 | volumes = { data = [] }
   |                    ^^ expected a string

error: `ready` cannot be an integer
  --> stacks/demo/stack.toml:13:20
   |
13 | limits = { ready = 30 }
   |                    ^^ expected a string
   |
   = help: with a unit: `ready = "30s"`

error: `live_reload` cannot be a string
  --> stacks/demo/stack.toml:15:15
   |
15 | live_reload = "true"
   |               ^^^^^^ expected `true` or `false`
   |
   = help: without quotes: `live_reload = true`

error: `run` cannot be an integer
  --> stacks/demo/stack.toml:17:8
   |
17 | run = [1]
   |        ^ expected a string
   |
   = help: with quotes: `run = "1"`

error: `run` cannot be a number with a fraction
  --> stacks/demo/stack.toml:19:7
   |
19 | run = 1.5
   |       ^^^ expected an array

error: `serve` together with `build` or `run`
  --> stacks/demo/stack.toml:20:1
   |
19 | run = 1.5
   | --- and this is a program
20 | serve = 1979-05-27
   | ^^^^^ hob itself serves these files
   |
   = help: keep one of them

error: `serve` cannot be a date or time
  --> stacks/demo/stack.toml:20:9
   |
20 | serve = 1979-05-27
   |         ^^^^^^^^^^ expected a string

"#]],
    );
}

#[test]
fn services_may_be_anything_but_what_they_are() {
    check(
        "version = 1\nservices = 1",
        str![[r#"
error: `services` cannot be an integer
 --> stacks/demo/stack.toml:2:12
  |
2 | services = 1
  |            ^ expected a table

"#]],
    );
    check(
        "version = 1\nservices = { a = 1 }",
        str![[r#"
error: `a` cannot be an integer
 --> stacks/demo/stack.toml:2:18
  |
2 | services = { a = 1 }
  |                  ^ expected a table

"#]],
    );
    check(
        "version = 1\n[[services]]\nrun = [\"x\"]",
        str![[r#"
error: `services` cannot be an array
 --> stacks/demo/stack.toml:2:1
  |
2 | [[services]]
  | ^^^^^^^^^^^^ expected a table

"#]],
    );
    check(
        "version = 1\n[services]",
        str![[r#"
error: the stack has no services
 --> stacks/demo/stack.toml:2:2
  |
2 | [services]
  |  ^^^^^^^^
  |
  = help: add a table `[services.NAME]` with `run = ["…"]`

"#]],
    );
    check(
        "version = 1",
        str![[r#"
error: the stack has no services
 --> stacks/demo/stack.toml
  = help: add a table `[services.NAME]` with `run = ["…"]`

"#]],
    );
}

#[test]
fn a_choice_takes_exactly_one_key() {
    check(
        &with(
            "port = 1\nready = { http = \"/\", command = [\"x\"] }\nsecrets = { A = {}, B = { file = \"x\", env = \"Y\" }, C = \"x\" }",
        ),
        str![[r#"
error: `ready` takes one of its keys, not 2
 --> stacks/demo/stack.toml:5:9
  |
5 | ready = { http = "/", command = ["x"] }
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected `"tcp"`, `"started"`, `{ http = … }` or `{ command = … }`

error: `A` says nothing
 --> stacks/demo/stack.toml:6:17
  |
6 | secrets = { A = {}, B = { file = "x", env = "Y" }, C = "x" }
  |                 ^^ expected `{ file = … }` or `{ env = … }`

error: `B` takes one of its keys, not 2
 --> stacks/demo/stack.toml:6:25
  |
6 | secrets = { A = {}, B = { file = "x", env = "Y" }, C = "x" }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^ expected `{ file = … }` or `{ env = … }`

error: `C` cannot be a string
 --> stacks/demo/stack.toml:6:56
  |
6 | secrets = { A = {}, B = { file = "x", env = "Y" }, C = "x" }
  |                                                        ^^^ expected `{ file = … }` or `{ env = … }`

"#]],
    );
}

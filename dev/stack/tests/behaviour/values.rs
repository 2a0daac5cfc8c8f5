//! Single values and what several of them ask of each other.

mod ports;
mod routes;
mod variables;

use snapbox::str;

use crate::project::{check, with};

#[test]
fn values_that_are_none_are_told_all_at_once() {
    check(
        &with(
            "port = 0\naddress = \"localhost\"\nvolumes = { data = \"var/data\", up = \"/a/../b\", all = \"//\" }\nlimits = { ready = \"soon\", hold = \"0s\", drain = \"500 ms\" }\npackages = { \"bin/mcs\" = \"mono-mcs\", mcs = \"Mono Mcs\" }\nbuild = []\n[services.a.dev]\nrun = [\"\"]\ncache = [\"root\"]\nignore = [\"[a\", \"\"]\non_change = [{ paths = [\"a{b\"] }, { paths = [] }, { action = \"reload\" }, {}]",
        ),
        str![[r#"
error: `port` cannot be 0
 --> stacks/demo/stack.toml:4:8
  |
4 | port = 0
  |        ^ expected an integer from 1 to 65535

warning: `address` without `publish` has no effect
 --> stacks/demo/stack.toml:5:1
  |
5 | address = "localhost"
  | ^^^^^^^
  |
  = help: add `publish = "auto"`

error: `address`: `localhost` is not an IP address
 --> stacks/demo/stack.toml:5:11
  |
5 | address = "localhost"
  |           ^^^^^^^^^^^
  |
  = help: write `"127.0.0.1"` or `"::1"`; names are not looked up

error: `data`: `var/data` is not an absolute path
 --> stacks/demo/stack.toml:6:20
  |
6 | volumes = { data = "var/data", up = "/a/../b", all = "//" }
  |                    ^^^^^^^^^^
  |
  = help: write `"/var/data"`

error: `up`: `/a/../b` holds `..`
 --> stacks/demo/stack.toml:6:37
  |
6 | volumes = { data = "var/data", up = "/a/../b", all = "//" }
  |                                     ^^^^^^^^^

error: `all`: this is the whole file system of the container
 --> stacks/demo/stack.toml:6:54
  |
6 | volumes = { data = "var/data", up = "/a/../b", all = "//" }
  |                                                      ^^^^

error: `ready`: `soon` is not a length of time
 --> stacks/demo/stack.toml:7:20
  |
7 | limits = { ready = "soon", hold = "0s", drain = "500 ms" }
  |                    ^^^^^^
  |
  = help: write `"500ms"`, `"30s"`, `"10m"` or `"1h"`

error: `hold`: a limit cannot be 0
 --> stacks/demo/stack.toml:7:35
  |
7 | limits = { ready = "soon", hold = "0s", drain = "500 ms" }
  |                                   ^^^^
  |
  = help: write `"500ms"`, `"30s"`, `"10m"` or `"1h"`

error: `bin/mcs` is not a program's name
 --> stacks/demo/stack.toml:8:14
  |
8 | packages = { "bin/mcs" = "mono-mcs", mcs = "Mono Mcs" }
  |              ^^^^^^^^^
  |
  = help: write the program's bare name, as in `mcs`

error: `mcs`: `Mono Mcs` is not the name of a Debian package
 --> stacks/demo/stack.toml:8:44
  |
8 | packages = { "bin/mcs" = "mono-mcs", mcs = "Mono Mcs" }
  |                                            ^^^^^^^^^^

error: `build`: it names no program
 --> stacks/demo/stack.toml:9:9
  |
9 | build = []
  |         ^^
  |
  = help: write the program and its arguments, as in `["go", "build"]`

error: `run`: the program's name is empty
  --> stacks/demo/stack.toml:11:7
   |
11 | run = [""]
   |       ^^^^

error: `cache`: `root` is not an absolute path
  --> stacks/demo/stack.toml:12:10
   |
12 | cache = ["root"]
   |          ^^^^^^
   |
   = help: write `"/root"`

error: `ignore`: it cannot be empty
  --> stacks/demo/stack.toml:13:17
   |
13 | ignore = ["[a", ""]
   |                 ^^

error: `paths`: `a{b` is not a pattern: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
  --> stacks/demo/stack.toml:14:25
   |
14 | on_change = [{ paths = ["a{b"] }, { paths = [] }, { action = "reload" }, {}]
   |                         ^^^^^

error: `paths`: it cannot be empty
  --> stacks/demo/stack.toml:14:45
   |
14 | on_change = [{ paths = ["a{b"] }, { paths = [] }, { action = "reload" }, {}]
   |                                             ^^

error: a rule without `paths`
  --> stacks/demo/stack.toml:14:51
   |
14 | on_change = [{ paths = ["a{b"] }, { paths = [] }, { action = "reload" }, {}]
   |                                                   ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: add `paths = ["static/**"]`

error: `action` cannot be "reload"
  --> stacks/demo/stack.toml:14:62
   |
14 | on_change = [{ paths = ["a{b"] }, { paths = [] }, { action = "reload" }, {}]
   |                                                              ^^^^^^^^ expected `"rebuild"`, `"restart"`, `"signal"` or `"none"`

error: a rule without `paths`
  --> stacks/demo/stack.toml:14:74
   |
14 | on_change = [{ paths = ["a{b"] }, { paths = [] }, { action = "reload" }, {}]
   |                                                                          ^^
   |
   = help: add `paths = ["static/**"]`

"#]],
    );
}

#[test]
fn a_ready_path_is_one_of_a_url() {
    check(
        &with(
            "port = 1\nready = { http = \"healthz\" }\n[services.a.dev]\nready = { http = \"/a b\" }",
        ),
        str![[r#"
error: `http`: `healthz` does not begin with `/`
 --> stacks/demo/stack.toml:5:18
  |
5 | ready = { http = "healthz" }
  |                  ^^^^^^^^^
  |
  = help: write `"/healthz"`; host and port are known

error: `http`: ' ' cannot stand in the path of a request
 --> stacks/demo/stack.toml:7:18
  |
7 | ready = { http = "/a b" }
  |                  ^^^^^^
  |
  = help: write it as `%` and two hexadecimal digits for each byte

"#]],
    );
}

#[test]
fn something_has_to_run() {
    check(
        "version = 1\n[services.a]\nport = 1\n[services.b]\nbuild = [\"x\"]\n[services.c.dev]\nrun = [\"x\"]\n[services.d]\nserve = \"src\"\nrun = [\"x\"]\n[services.e]\nserve = \"src\"\n[services.e.dev]\nserve = \"src\"\nbuild = [\"x\"]",
        str![[r#"
error: nothing says how this service runs
 --> stacks/demo/stack.toml:2:11
  |
2 | [services.a]
  |           ^
  |
  = help: add `run = ["…"]`, `serve = "public"` or `image = {}` for a `Dockerfile`

error: `build` without `run`
 --> stacks/demo/stack.toml:5:1
  |
5 | build = ["x"]
  | ^^^^^ what it makes is never started
  |
  = help: add `run = ["$OUT/…"]`

error: nothing says how this service runs
 --> stacks/demo/stack.toml:6:11
  |
6 | [services.c.dev]
  |           ^
  |
  = help: move it out of `dev`, which takes over what it does not set itself

error: `serve` together with `build` or `run`
  --> stacks/demo/stack.toml:9:1
   |
 9 | serve = "src"
   | ^^^^^ hob itself serves these files
10 | run = ["x"]
   | --- and this is a program
   |
   = help: keep one of them

error: `serve` together with `build` or `run`
  --> stacks/demo/stack.toml:12:1
   |
12 | serve = "src"
   | ^^^^^ hob itself serves these files
...
15 | build = ["x"]
   | ----- and this is a program
   |
   = help: keep one of them

"#]],
    );
}

#[test]
fn folders_and_files_that_are_not_there_are_told_with_what_was_meant() {
    check(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nsource = \"scr\"\nrun = [\"x\"]\n[services.b]\nsource = \"stack.toml\"\nrun = [\"x\"]\n[services.c]\nsource = \"src\"\nimage = { dockerfile = \"Dokerfile\", context = \"nowhere\" }\n[services.d]\nimage = {}\n[services.e]\nsource = \"~/code\"\nserve = \"public\"\n[services.f]\nserve = \"publik\"\nsecrets = { PW = { file = \".secrets/db\" } }\n[services.f.dev]\nwatch = [\"../lib\"]\nimage = { target = \"dev\" }\n== stacks/demo/src/Dockerfile\n\n== stacks/demo/public/index.html\n",
        str![[r#"
error: the source folder `stacks/demo/scr` is not there
 --> stacks/demo/stack.toml:3:10
  |
3 | source = "scr"
  |          ^^^^^
  |
  = help: did you mean `src`?

error: the source folder `stacks/demo/stack.toml` is not a folder
 --> stacks/demo/stack.toml:6:10
  |
6 | source = "stack.toml"
  |          ^^^^^^^^^^^^

error: the Dockerfile `stacks/demo/src/Dokerfile` is not there
  --> stacks/demo/stack.toml:10:24
   |
10 | image = { dockerfile = "Dokerfile", context = "nowhere" }
   |                        ^^^^^^^^^^^
   |
   = help: did you mean `Dockerfile`?

error: the build context `stacks/demo/src/nowhere` is not there
  --> stacks/demo/stack.toml:10:47
   |
10 | image = { dockerfile = "Dokerfile", context = "nowhere" }
   |                                               ^^^^^^^^^

error: the Dockerfile `stacks/demo/Dockerfile` is not there
  --> stacks/demo/stack.toml:12:1
   |
12 | image = {}
   | ^^^^^

error: the source folder `stacks/demo/~/code` is not there
  --> stacks/demo/stack.toml:14:10
   |
14 | source = "~/code"
   |          ^^^^^^^^
   |
   = help: `~` means nothing here: write `${HOME}/code`

error: the folder to serve `stacks/demo/publik` is not there
  --> stacks/demo/stack.toml:17:9
   |
17 | serve = "publik"
   |         ^^^^^^^^
   |
   = help: did you mean `public`?

warning: the secret file `stacks/demo/.secrets/db` is not there
  --> stacks/demo/stack.toml:18:27
   |
18 | secrets = { PW = { file = ".secrets/db" } }
   |                           ^^^^^^^^^^^^^ `PW` cannot be set at the start
   |
   = help: write the secret's text into `stacks/demo/.secrets/db`

warning: `stacks/lib` is not there to be watched
  --> stacks/demo/stack.toml:20:10
   |
20 | watch = ["../lib"]
   |          ^^^^^^^^

error: the Dockerfile `stacks/demo/Dockerfile` is not there
  --> stacks/demo/stack.toml:21:1
   |
21 | image = { target = "dev" }
   | ^^^^^

"#]],
    );
}

#[test]
fn what_lies_outside_the_project_is_noted() {
    check(
        &with("source = \"/\""),
        str![[r#"
note: the source folder `/` lies outside the project
 --> stacks/demo/stack.toml:4:10
  |
4 | source = "/"
  |          ^^^

"#]],
    );
}

#[test]
fn two_volumes_at_one_path_are_told() {
    check(
        &with("volumes = { a = \"/x/y\", b = \"/x//y/\" }"),
        str![[r#"
error: two volumes at `/x/y`
 --> stacks/demo/stack.toml:4:29
  |
4 | volumes = { a = "/x/y", b = "/x//y/" }
  |                 ------      ^^^^^^^^
  |                 |
  |                 the first one

"#]],
    );
}

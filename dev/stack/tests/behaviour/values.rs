//! Single values and what several of them ask of each other.

use snapbox::str;

use crate::project::{check, project, with};

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
  |            ^^^^^^^^^^^^^^^^ expected `"http"` or `"tcp"`

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

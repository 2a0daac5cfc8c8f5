//! `hob.toml`: what all stacks of a project share.

use snapbox::str;

use crate::project::{check, project};

#[test]
fn an_error_in_what_all_stacks_share_leaves_no_project() {
    check(
        "== hob.toml\nengine = \"dokcer\"\nport_ofset = 1\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `engine` cannot be "dokcer"
 --> hob.toml:1:10
  |
1 | engine = "dokcer"
  |          ^^^^^^^^ expected `"auto"`, `"host"` or `"docker"`
  |
  = help: did you mean `"docker"`?

error: unknown key `port_ofset`
 --> hob.toml:2:1
  |
2 | port_ofset = 1
  | ^^^^^^^^^^
  |
  = help: did you mean `port_offset`?

"#]],
    );
}

#[test]
fn the_project_file_is_read() {
    let project = project("== hob.toml\nengine = \"host\"\nport_offset = 5\npass_env = [\"GOPROXY\"]\n== stacks/demo/").valid();
    snapbox::assert_data_eq!(
        format!("{:?}", project.config),
        str![[
            r#"Config { engine: Host, port_offset: 5, pass_env: ["GOPROXY"], base: ImageName("debian:trixie-slim"), mirrors: [], domains: {"test"}, docker: None, agents_over: None, agent: None }"#
        ]]
    );
}

#[test]
fn the_project_file_says_all_about_docker() {
    let project = project("== hob.toml\nengine = \"docker\"\nbase = \"debian:bookworm-slim\"\nmirrors = [\"https://mirror.example/debian\"]\ndocker = \"/run/d.sock\"\nagents_over = \"tcp\"\nagent = \"built\"\n== stacks/demo/").valid();
    snapbox::assert_data_eq!(
        format!("{:?}", project.config),
        str![[
            r#"Config { engine: Docker, port_offset: 0, pass_env: [], base: ImageName("debian:bookworm-slim"), mirrors: ["https://mirror.example/debian"], domains: {"test"}, docker: Some(Unix("/run/d.sock")), agents_over: Some(Tcp), agent: Some(Built) }"#
        ]]
    );
}

#[test]
fn settings_that_no_engine_takes_are_told() {
    check(
        "== hob.toml\nbase = \"Debian\"\nmirrors = [\"mirror.example\", \"https://a b\"]\ndocker = \"ssh://me@there\"\nagents_over = \"pipe\"\nagent = \"mine\"\n== stacks/demo/",
        str![[r#"
error: `base`: `Debian` cannot be a part of an image's name: `a` to `z`, `0` to `9`, and between them `.`, `_` or `-`
 --> hob.toml:1:8
  |
1 | base = "Debian"
  |        ^^^^^^^^
  |
  = help: write `"debian"`

error: `mirrors`: `mirror.example` is not the URL of a mirror
 --> hob.toml:2:12
  |
2 | mirrors = ["mirror.example", "https://a b"]
  |            ^^^^^^^^^^^^^^^^
  |
  = help: write it as `"https://HOST/debian"`

error: `mirrors`: `https://a b` is not the URL of a mirror
 --> hob.toml:2:30
  |
2 | mirrors = ["mirror.example", "https://a b"]
  |                              ^^^^^^^^^^^^^
  |
  = help: write it as `"https://HOST/debian"`

error: `docker`: `ssh://me@there` is behind SSH, and that engine sees no file of this machine to mount
 --> hob.toml:3:10
  |
3 | docker = "ssh://me@there"
  |          ^^^^^^^^^^^^^^^^
  |
  = help: run hob on that machine, or use the engine of this one

error: `agents_over` cannot be "pipe"
 --> hob.toml:4:15
  |
4 | agents_over = "pipe"
  |               ^^^^^^ expected `"socket"` or `"tcp"`

error: `agent` cannot be "mine"
 --> hob.toml:5:9
  |
5 | agent = "mine"
  |         ^^^^^^ expected `"own"` or `"built"`

"#]],
    );
    check(
        "== hob.toml\ndocker = \"localhost:2375\"\n== stacks/demo/",
        str![[r#"
error: `docker`: `localhost:2375` is not the address of a Docker engine
 --> hob.toml:1:10
  |
1 | docker = "localhost:2375"
  |          ^^^^^^^^^^^^^^^^
  |
  = help: write `unix:///var/run/docker.sock`, `/var/run/docker.sock` or `tcp://127.0.0.1:2375`

"#]],
    );
}

#[test]
fn a_domain_below_which_others_have_names_is_warned_of() {
    check(
        "== hob.toml\ndomains = [\"com\", \"localhost\", \"shop.local\", \"test\", \"lan\", \"dev.example.com\"]\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
warning: `com` may be a top-level domain of the Internet: all of it would lead to this machine
 --> hob.toml:1:12
  |
1 | domains = ["com", "localhost", "shop.local", "test", "lan", "dev.example.com"]
  |            ^^^^^
  |
  = help: write `test`, or a domain below one that is yours, as in `dev.example.com`

warning: `localhost` leads programs to this machine before hob is asked: names below it are the system's
 --> hob.toml:1:19
  |
1 | domains = ["com", "localhost", "shop.local", "test", "lan", "dev.example.com"]
  |                   ^^^^^^^^^^^
  |
  = help: write `test`, or a domain below one that is yours, as in `dev.example.com`

warning: `shop.local` is asked of the network by multicast: names below it are other machines'
 --> hob.toml:1:32
  |
1 | domains = ["com", "localhost", "shop.local", "test", "lan", "dev.example.com"]
  |                                ^^^^^^^^^^^^
  |
  = help: write `test`, or a domain below one that is yours, as in `dev.example.com`

"#]],
    );
}

#[test]
fn a_domain_is_a_name_that_questions_are_asked_below() {
    check(
        "== hob.toml\ndomains = [\"test\", \".Shop.test.\", \"a_b\", \"\"]\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `domains`: `.Shop.test.` is not a domain
 --> hob.toml:1:20
  |
1 | domains = ["test", ".Shop.test.", "a_b", ""]
  |                    ^^^^^^^^^^^^^
  |
  = help: write `"shop.test"`

error: `domains`: `a_b` is not a domain
 --> hob.toml:1:35
  |
1 | domains = ["test", ".Shop.test.", "a_b", ""]
  |                                   ^^^^^

error: `domains`: `` is not a domain
 --> hob.toml:1:42
  |
1 | domains = ["test", ".Shop.test.", "a_b", ""]
  |                                          ^^

"#]],
    );
    check(
        "== hob.toml\ndomains = [\"shop.10\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccc\"]\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `domains`: `shop.10` is not a domain: a name that ends in a number is an address
 --> hob.toml:1:12
  |
1 | domains = ["shop.10", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbb...
  |            ^^^^^^^^^

error: `domains`: a domain has at most 125 characters, this one has 126: with a service and a stack before it, no name in it is longer than DNS takes
 --> hob.toml:1:23
  |
1 | ...", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccc"]
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]],
    );
    check(
        "== hob.toml\ndomains = []\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
        str![[r#"
error: `domains`: it cannot be empty
 --> hob.toml:1:11
  |
1 | domains = []
  |           ^^

"#]],
    );
}

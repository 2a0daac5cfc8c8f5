//! Files that are missing, unreadable, strange; which one of several wins.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use std::os::unix::ffi::OsStrExt;

use hob_stack::{Project, Publish};
use snapbox::str;

use crate::project::{check, check_fixture, exists, project, told, with};

#[test]
fn a_folder_where_the_file_should_be() {
    check(
        "== stacks/demo/stack.toml/",
        str![[r#"
error: cannot read `stacks/demo/stack.toml`: it is a folder, not a file
 --> stacks/demo/stack.toml

"#]],
    );
}

#[test]
fn a_link_to_nothing_and_a_link_to_itself() {
    let fixture = project("== stacks/demo/");
    let file = fixture.root().join("stacks/demo/stack.toml");
    std::os::unix::fs::symlink("nowhere", &file).unwrap();
    check_fixture(
        &fixture,
        str![[r#"
error: cannot read `stacks/demo/stack.toml`: it is a symbolic link to something that is not there
 --> stacks/demo/stack.toml

"#]],
    );
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("stack.toml", &file).unwrap();
    check_fixture(
        &fixture,
        str![[r#"
error: cannot read `stacks/demo/stack.toml`: Too many levels of symbolic links (os error 40)
 --> stacks/demo/stack.toml

"#]],
    );
}

#[test]
fn a_device_is_not_read() {
    let fixture = project("== stacks/demo/");
    let file = fixture.root().join("stacks/demo/stack.toml");
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    check_fixture(
        &fixture,
        str![[r#"
error: cannot read `stacks/demo/stack.toml`: it is not a regular file
 --> stacks/demo/stack.toml

"#]],
    );
}

#[test]
fn a_file_that_is_not_utf8() {
    let fixture = project("== stacks/demo/");
    fixture.write(
        "stacks/demo/stack.toml",
        b"version = 1\nname = \"d\xe9mo\"\n",
    );
    check_fixture(
        &fixture,
        str![[r#"
error: `stacks/demo/stack.toml` is not UTF-8
 --> stacks/demo/stack.toml:2:10
  |
2 | name = "d�mo"
  |          ^ this byte begins no character
  |
  = help: save the file as UTF-8

"#]],
    );
}

#[test]
fn a_huge_file() {
    let fixture = project("== stacks/demo/");
    fixture.write("stacks/demo/stack.toml", &vec![b'#'; (1 << 20) + 1]);
    check_fixture(
        &fixture,
        str![[r#"
error: cannot read `stacks/demo/stack.toml`: it is larger than 1024 KiB
 --> stacks/demo/stack.toml

"#]],
    );
    fixture.write("stacks/demo/stack.toml", &vec![b'#'; 1 << 20]);
    check_fixture(
        &fixture,
        str![[r#"
error: the file is empty
 --> stacks/demo/stack.toml
  = help: begin with `version = 1`

"#]],
    );
}

#[test]
fn a_bom_and_carriage_returns_are_no_errors() {
    check(
        "\u{feff}version = 1\r\n[services.a]\r\nrun = [\"x\"]\r\n",
        str![],
    );
}

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
fn a_stack_in_error_hides_no_other() {
    let fixture = project(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\n== stacks/bad/stack.toml\nversion = 1\n== stacks/Worse/stack.toml\n",
    );
    let loaded = fixture.load();
    assert_eq!(loaded.failed, ["Worse", "bad"]);
    let stacks = loaded.project.unwrap().stacks;
    assert_eq!(
        stacks.keys().map(|n| n.as_str()).collect::<Vec<_>>(),
        ["demo"]
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
  = help: known here: `source`, `port`, `publish`, `address`, `protocol`, `needs`, `wants`, `ready`, `env`, `pass_env`, `secrets`, `volumes`, `image`, `read_only`, `build`, `run`, `serve`, `restart`, `limits`, `packages`, `dev`

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
  = help: known here: `version`, `name`, `services`

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

#[test]
fn the_environment_goes_before_env_files_and_the_nearer_one_before_the_farther() {
    let fixture = project(
        "== .env\nTAG=root\nONE=root\nTWO=root\n== stacks/demo/.env\nTAG=stack\nONE=stack\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nenv = { A = \"${TAG} ${ONE} ${TWO} ${THREE:-default} ${EMPTY:-} $$ $X\" }",
    );
    assert_eq!(fixture.service("a").env["A"], "v1 stack root default  $ $X");
}

#[test]
fn an_env_file_takes_quotes_comments_and_several_lines() {
    let fixture = project(
        "== stacks/demo/.env\n# note\n\nA= plain # comment\nexport B = 'single $X # \"'\nC=\"double \\\"q\\\" \\n\\t\\\\ \\$ \\x\"\nD=\"two\nlines\"\nE=\nF=a#b\r\nG='x' # after\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\nenv = { A = \"[${A}][${B}][${C}][${D}][${E}][${F}][${G}]\" }",
    );
    assert_eq!(
        fixture.service("a").env["A"],
        "[plain][single $X # \"][double \"q\" \n\t\\ $ \\x][two\nlines][][a#b][x]"
    );
}

#[test]
fn a_folder_called_as_the_env_file_is_another_tools() {
    check(&with("\n== stacks/demo/.env/\n== .env/"), str![]);
}

#[test]
fn an_env_file_in_error_is_told_without_its_text() {
    let fixture = project(
        "== stacks/demo/.env\nGOOD=1\nhunter3\nhunter4/x=hunter4\nOPEN=\"hunter5\n== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]",
    );
    check_fixture(
        &fixture,
        str![[r#"
error: this line sets no variable
 --> stacks/demo/.env:2:1
  = help: write `NAME=value`

error: what stands before `=` cannot name a variable
 --> stacks/demo/.env:3:1
  = help: write `NAME=value`

error: the value's closing quote is missing
 --> stacks/demo/.env:4:1
  = help: end the value with the quote that it begins with

"#]],
    );
    assert!(!told(&fixture.load()).contains("hunter"));
}

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
            r#"Config { engine: Host, port_offset: 5, pass_env: ["GOPROXY"], base: ImageName("debian:trixie-slim"), mirrors: [], docker: None, agents_over: None, agent: None }"#
        ]]
    );
}

#[test]
fn the_project_file_says_all_about_docker() {
    let project = project("== hob.toml\nengine = \"docker\"\nbase = \"debian:bookworm-slim\"\nmirrors = [\"https://mirror.example/debian\"]\ndocker = \"/run/d.sock\"\nagents_over = \"tcp\"\nagent = \"built\"\n== stacks/demo/").valid();
    snapbox::assert_data_eq!(
        format!("{:?}", project.config),
        str![[
            r#"Config { engine: Docker, port_offset: 0, pass_env: [], base: ImageName("debian:bookworm-slim"), mirrors: ["https://mirror.example/debian"], docker: Some(Unix("/run/d.sock")), agents_over: Some(Tcp), agent: Some(Built) }"#
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
fn a_project_is_found_upwards() {
    let fixture = project(&with(""));
    let found = Project::find(&fixture.root().join("stacks/demo/src")).unwrap();
    assert_eq!(found, fixture.root());
    let project = fixture.valid();
    assert_eq!(project.root, fixture.root());
    assert_eq!(project.id.as_str().len(), 12);
    assert_eq!(
        Project::load(&fixture.root().join("stacks/.."), &Default::default())
            .project
            .unwrap()
            .id,
        project.id
    );
}

#[test]
fn a_project_that_is_nowhere_says_where_it_was_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("in")).unwrap();
    let error = Project::find(&root.join("in")).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "no folder `stacks` in `{}/in`, `{}`",
            root.display(),
            root.display()
        )),
        "{text}"
    );
    assert!(error.hints()[0].contains("`--project DIR`"));
    let error = Project::find(&root.join("gone")).unwrap_err();
    assert!(error.to_string().contains("gone"));
    let loaded = Project::load(&root, &Default::default());
    assert!(loaded.project.is_none());
    snapbox::assert_data_eq!(
        told(&loaded).replace(&root.display().to_string(), "ROOT"),
        str![[r#"
error: cannot read `ROOT/stacks`: No such file or directory (os error 2)
 --> ROOT/stacks
  = help: name the project's folder: `--project DIR`
  = help: or create `stacks/NAME/stack.toml` there

"#]]
    );
}

#[test]
fn the_files_to_watch_are_all_that_were_or_would_be_read() {
    let fixture = project(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\n== stacks/empty/",
    );
    let files: Vec<String> = fixture
        .load()
        .files
        .iter()
        .map(|f| fixture.anonymous(&f.display().to_string()))
        .collect();
    assert!(exists(&fixture.root().join("stacks/demo/stack.toml")));
    snapbox::assert_data_eq!(
        files.join("\n"),
        str![[r#"
ROOT/.env
ROOT/hob.toml
ROOT/stacks/demo/stack.toml
ROOT/stacks/demo/stack.local.toml
ROOT/stacks/demo/.env
ROOT/stacks/empty/stack.toml
"#]]
    );
}

#[test]
fn a_folder_whose_name_is_no_text_is_told() {
    let fixture = project("== stacks/demo/");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let dir = fixture.root().join("stacks").join(name);
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(
        dir.join("stack.toml"),
        "version = 1\n[services.a]\nrun = [\"x\"]",
    )
    .unwrap();
    check_fixture(
        &fixture,
        str![[r#"
error: the folder `caf�` cannot name a stack: a name holds only `a` to `z`, `0` to `9` and `-`, not `�`
 --> stacks/caf�/stack.toml
  = help: rename the folder to `caf`

"#]],
    );
}

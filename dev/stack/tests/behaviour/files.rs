//! Files that are missing, unreadable, strange; which one of several wins.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

mod hob_toml;
mod local;

use std::os::unix::ffi::OsStrExt;

use hob_stack::Project;
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

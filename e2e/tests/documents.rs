//! Every command block of the documents is run, word for word, in a copy of
//! this repository.
//!
//! A block of `sh` is run on both engines, one of `sh docker` in Docker alone.
//! A block that starts a dev session goes on in the background until the next
//! one does, or the document ends; the block that runs the tests is what runs
//! this. `cargo xtask` is the program that was just built: a stand-in for cargo
//! on `PATH` starts it, so that nothing is compiled a second time.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests drive programs and files"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hob_e2e::{Engine, Session, World};

/// How a session is started, at a block's start or behind a setup.
const DEV: &str = "cargo xtask dev ";

/// For how long a session may build its images and fill the caches of its
/// compilers, all of it from nothing.
const FIRST: Duration = Duration::from_secs(10 * 60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn git(folder: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A copy of what is tracked here, committed, so that a block may use git.
fn copy() -> World {
    let mut world = World::new();
    world.keep_home();
    // A reader's images stand on Debian, and not on the tests' own base.
    world.remove("hob.toml");
    let files = git(&repository(), &["ls-files", "-z"]);
    for name in String::from_utf8(files).unwrap().split_terminator('\0') {
        let (from, to) = (repository().join(name), world.root().join(name));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // A file that is being removed is still listed.
        if from.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
    let root = world.root().to_owned();
    git(&root, &["init", "--quiet"]);
    git(&root, &["add", "--all"]);
    let who = [
        "-c",
        "user.name=reader",
        "-c",
        "user.email=reader@localhost",
    ];
    git(
        &root,
        &[&who[..], &["commit", "--quiet", "--message", "a copy"]].concat(),
    );
    let bin = world.outside().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let hob = world
        .command::<&str>([])
        .get_program()
        .to_str()
        .unwrap()
        .to_owned();
    let cargo =
        format!("#!/bin/sh\nif [ \"$1\" = xtask ]; then shift; exec '{hob}' \"$@\"; fi\nexit 1\n");
    fs::write(bin.join("cargo"), cargo).unwrap();
    fs::set_permissions(bin.join("cargo"), Permissions::from_mode(0o755)).unwrap();
    world.set(
        "PATH",
        &format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()),
    );
    world
}

/// A block of commands.
struct Block {
    /// Where its first command stands.
    line: usize,
    /// Whether it says nothing of the host engine.
    docker: bool,
    text: String,
}

/// The blocks of a document that are marked as commands.
fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut block: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut block, line.trim()) {
            (None, mark @ ("```sh" | "```sh docker")) => {
                block = Some(Block {
                    line: at + 2,
                    docker: mark.ends_with("docker"),
                    text: String::new(),
                });
            }
            (Some(_), "```") => found.extend(block.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, _) => {}
        }
    }
    found
}

/// A command of bash with the environment that `hob` has in this world.
fn bash(world: &World, script: &str) -> Command {
    let hob = world.command::<&str>([]);
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script])
        .current_dir(world.root())
        .env_clear();
    for (name, value) in hob.get_envs() {
        if let Some(value) = value {
            bash.env(name, value);
        }
    }
    bash
}

/// Runs the blocks that hold on this engine; returns how many there are.
fn run(document: &str) -> usize {
    let mut world = copy();
    // One that does not say where: not where a person's own are.
    if document != "README.md" {
        let (http, dns) = (world.port(), world.port());
        world.platform_on(http, dns);
    }
    let text = fs::read_to_string(repository().join(document)).unwrap();
    let mut session: Option<Session> = None;
    let mut found = blocks(&text);
    found.retain(|block| !block.docker || world.engine() == Engine::Docker);
    for Block { line, text, .. } in &found {
        let place = format!("{document}:{line}");
        if text.trim() == "cargo xtask test" {
            continue;
        }
        if text.contains(DEV) {
            assert_eq!(text.lines().count(), 1, "{place}: a session stands alone");
            if let Some(mut before) = session.take() {
                before.stop();
            }
            // Ctrl-C is for the session and for no shell before it.
            let script = text.trim().replace(DEV, &format!("exec {DEV}"));
            let started = Session::start(bash(&world, &script));
            started.wait_within(FIRST, "Ctrl-C stops");
            session = Some(started);
            continue;
        }
        let output = bash(&world, text).output().unwrap();
        assert!(
            output.status.success(),
            "{place} ended with {}:\n{text}\nstdout:\n{}\nstderr:\n{}\nthe session said:\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            session
                .as_ref()
                .map(Session::transcript)
                .unwrap_or_default(),
        );
    }
    if let Some(mut session) = session {
        session.stop();
    }
    found.len()
}

/// One after the other: they publish the same ports.
#[test]
fn every_command_block_of_the_documents_runs() {
    assert!(run("README.md") >= 8);
    assert!(run("stacks/polykube/README.md") >= 2);
    assert!(run("stacks/platformer/README.md") >= 6);
    run("dev/ARCHITECTURE.md");
}

#[test]
fn every_document_with_a_command_block_is_run() {
    let files = String::from_utf8(git(&repository(), &["ls-files", "*.md"])).unwrap();
    let with_blocks: Vec<&str> = files
        .lines()
        .filter(|name| {
            let text = fs::read_to_string(repository().join(name)).unwrap_or_default();
            !blocks(&text).is_empty()
        })
        .collect();
    let known = [
        "README.md",
        "stacks/platformer/README.md",
        "stacks/polykube/README.md",
    ];
    assert_eq!(with_blocks, known);
}

/// What stands in the fenced blocks of the README that are marked so.
fn fenced(mark: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let mark = format!("```{mark}\n");
    text.split(&mark)
        .skip(1)
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_stack_files_of_the_readme_are_whole_ones() {
    let files = fenced("toml");
    assert_eq!(files.len(), 3);
    let [dockerfile] = &fenced("dockerfile")[..] else {
        panic!("the README has one Dockerfile");
    };
    for file in files {
        let world = World::with_stack("mine", &file);
        world.write("stacks/mine/Dockerfile", dockerfile);
        world.write("stacks/mine/server.py", "");
        world.hob(["check"]).good();
        if world.engine() == Engine::Docker && file.contains("target") {
            world.hob(["build", "web"]).good();
            world.hob(["build", "--dev", "web"]).good();
        }
    }
}

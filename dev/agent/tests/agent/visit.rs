//! `visit`: a program beside a service's process.

use std::path::Path;
use std::process::{Command, Output};

use hob_wire::{Request, Spec};
use rustix::process::geteuid;

use crate::support::{Agent, get, with_the_rights_of_a_container};

/// A service that serves, and its process.
fn serving(change: impl FnOnce(&mut Spec)) -> (Agent, Spec, String) {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start_with(folder, &["--keep"]);
    let spec = agent.takes(|spec| {
        spec.env.insert("WHO".into(), "the service".into());
        change(spec);
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let pid = agent.status().serving.unwrap().pid.to_string();
    (agent, spec, pid)
}

fn visit(args: &[&str]) -> Output {
    visit_by(Command::new(program()), args)
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_hob-agent")
}

fn visit_by(mut command: Command, args: &[&str]) -> Output {
    command.arg("visit").args(args);
    command.env("TERM", "of-the-visitor");
    command.env("OWN", "of-the-visitor");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn fails(args: &[&str], code: i32, expected: &str) {
    let output = visit(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("error: {expected}\n"));
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn it_sees_what_the_process_sees_but_not_hobs_marks() {
    let (agent, spec, pid) = serving(|_| {});
    let seen = text(&visit(&["--pid", &pid, "--", "sh", "-c", "pwd; env"]));
    let (folder, env) = seen.split_once('\n').unwrap();
    assert_eq!(Path::new(folder), agent.folder.path());
    let own = get(&spec, "/env").body;
    let port = own.lines().find(|line| line.starts_with("PORT=")).unwrap();
    for line in ["WHO=the service", "TERM=of-the-visitor", port] {
        assert!(env.lines().any(|it| it == line), "{line} in {env}");
    }
    assert!(!env.contains("HOB_") && !env.contains("OWN="), "{env}");
    assert!(own.contains("HOB_PROJECT="), "{own}");
}

#[test]
fn without_a_process_the_kept_spec_says_what_it_would_see() {
    let (agent, spec, _pid) = serving(|_| {});
    let state = agent.state();
    let seen = text(&visit(&[
        "--spec",
        state.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        "pwd; env",
    ]));
    let (folder, env) = seen.split_once('\n').unwrap();
    assert_eq!(Path::new(folder), agent.folder.path());
    assert!(env.contains("WHO=the service\n"), "{env}");
    // The port that the service has for others: each process has its own.
    let port = spec.listen.unwrap().addr.port();
    assert!(env.contains(&format!("PORT={port}\n")), "{env}");
    for name in ["HOB_", "OWN=", "OUT="] {
        assert!(!env.contains(name), "{name} in {env}");
    }
}

#[test]
fn a_process_that_wrote_over_its_environment_is_known_by_the_kept_spec() {
    let (agent, _spec, _pid) = serving(|_| {});
    let state = agent.state();
    let mut other = Command::new("sleep")
        .arg("1000")
        .env_clear()
        .spawn()
        .unwrap();
    let pid = other.id().to_string();
    let state = state.to_str().unwrap();
    let script = "pwd; env";
    let seen = text(&visit(&[
        "--pid", &pid, "--spec", state, "--", "sh", "-c", script,
    ]));
    other.kill().unwrap();
    other.wait().unwrap();
    let own = std::env::current_dir().unwrap();
    assert!(seen.starts_with(&format!("{}\n", own.display())), "{seen}");
    assert!(seen.contains("WHO=the service\n"), "{seen}");
    assert!(!seen.contains("HOB_"), "{seen}");
}

#[test]
fn it_is_the_processs_user_or_the_one_that_was_asked_for() {
    let user = geteuid().is_root().then_some("65534:1234");
    let (_agent, _spec, pid) = serving(|spec| {
        spec.user = user.map(String::from);
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        spec.build = None;
        spec.run.argv = ["sleep", "1000"].map(String::from).into();
        spec.run.cwd = "/".into();
    });
    let visit = |args: &[&str]| {
        if user.is_none() {
            return visit(args);
        }
        let mut less = with_the_rights_of_a_container();
        less.arg(program());
        visit_by(less, args)
    };
    let who = |more: &[&str]| {
        let script = "echo $(id -u):$(id -G)";
        let args = [&["--pid", &pid][..], more, &["--", "sh", "-c", script]].concat();
        text(&visit(&args))
    };
    if user.is_none() {
        let own = format!("{}:", geteuid().as_raw());
        assert!(who(&[]).starts_with(&own));
        let other = visit(&["--pid", &pid, "--user", "65534:1234", "--", "id"]);
        return assert_eq!(other.status.code(), Some(125), "{other:?}");
    }
    assert_eq!(who(&[]), "65534:1234\n");
    assert_eq!(who(&["--user", "0:0"]), "0:0\n");
    let home = visit(&[
        "--pid",
        &pid,
        "--user",
        "root",
        "--",
        "sh",
        "-c",
        "echo $HOME $USER",
    ]);
    assert_eq!(text(&home), "/root root\n");
}

#[test]
fn what_cannot_be_run_is_told_as_a_shell_tells_it() {
    let (agent, _spec, pid) = serving(|_| {});
    let pid = pid.as_str();
    fails(
        &["--pid", pid, "--", "no-such-program"],
        127,
        "cannot run `no-such-program`: it is not installed here",
    );
    fails(
        &["--pid", pid, "--", "/etc/passwd"],
        126,
        "cannot run `/etc/passwd`: Permission denied (os error 13)",
    );
    fails(
        &["--pid", pid, "--cwd", "/no/such/folder", "--", "sh"],
        126,
        "cannot run `sh`: its folder /no/such/folder is not there",
    );
    // Above the highest number that there can be.
    let nobody = "4194305";
    fails(
        &["--pid", nobody, "--", "sh"],
        125,
        "process 4194305 is gone",
    );
    let nowhere = agent.folder.path().to_str().unwrap();
    let expected = format!("there is no spec.json in {nowhere}");
    fails(&["--spec", nowhere, "--", "sh"], 125, &expected);
    for wrong in [
        &["--pid", pid][..],
        &["--pid", "x", "--", "sh"],
        &["--", "sh"],
        &[],
    ] {
        let usage = format!("usage: visit {}", hob_agent::visit::USAGE);
        fails(wrong, 2, &usage);
    }
    let folder = visit(&["--pid", pid, "--cwd", "/", "--", "pwd"]);
    assert_eq!(text(&folder), "/\n");
}

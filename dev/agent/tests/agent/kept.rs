//! `--keep`: an agent in another's place goes on with what that one was told.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use hob_wire::{Phase, Reply, Request, SecretSource, Spec};
use rustix::process::Signal;

use crate::support::{Agent, get, until};

/// An agent that keeps what it is told.
fn keeping() -> Agent {
    Agent::start_with(tempfile::tempdir().unwrap(), &["--keep"])
}

/// The next agent in the same folder, after this one's end.
fn next(mut agent: Agent, signal: Signal) -> Agent {
    agent.signal(signal);
    agent.ended();
    let folder = std::mem::replace(&mut agent.folder, tempfile::tempdir().unwrap());
    Agent::start_with(folder, &["--keep"])
}

fn serving() -> (Agent, Spec) {
    let agent = keeping();
    let spec = agent.takes(|_| {});
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    (agent, spec)
}

/// An agent after one whose file was changed so, and what it says to the log.
#[track_caller]
fn check(change: impl FnOnce(&std::path::Path), expected: &str) {
    let (mut agent, _spec) = serving();
    agent.signal(Signal::TERM);
    agent.ended();
    change(&agent.state().join("spec.json"));
    let folder = std::mem::replace(&mut agent.folder, tempfile::tempdir().unwrap());
    let agent = Agent::start_with(folder, &["--keep"]);
    let said = until("a word about it", || {
        let log = agent.log();
        let said = log.into_iter().find(|line| line.text.contains("spec.json"));
        said.map(|line| line.text)
    });
    assert_eq!(said, format!("spec.json is ignored: {expected}"));
    let status = agent.status();
    assert_eq!((status.phase, status.started), (Phase::Waiting, false));
    assert_eq!(status.spec_digest, "");
}

#[test]
fn the_next_agent_serves_by_itself() {
    let (agent, spec) = serving();
    let agent = next(agent, Signal::TERM);
    let status = agent.until("a new process", |status| status.phase == Phase::Ready);
    assert_eq!((status.started, status.spec_digest.as_str()), (true, "d"));
    assert_eq!(get(&spec, "/").body, "one");
}

#[test]
fn a_service_that_was_not_told_to_start_is_built_and_waits() {
    let agent = keeping();
    agent.takes(|_| {});
    let agent = next(agent, Signal::TERM);
    let status = agent.until("the build", |status| status.built.is_some());
    assert_eq!((status.phase, status.started), (Phase::Waiting, false));
    agent.done(Request::Start);
    let agent = next(agent, Signal::TERM);
    agent.until("the process", |status| status.phase == Phase::Ready);
}

#[test]
fn the_newest_spec_is_kept_closed_to_others_and_without_secrets() {
    let (agent, mut spec) = serving();
    let path = agent.state().join("spec.json");
    let secret = agent.folder.path().join("secret");
    fs::write(&secret, "the-secret-value").unwrap();
    spec.secrets
        .insert("KEY".into(), SecretSource::File(secret));
    spec.env.insert("NEW".into(), "value".into());
    agent.configure(&spec);
    agent.until("the new process", |status| status.phase == Phase::Ready);
    let about = fs::metadata(&path).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(about.uid(), rustix::process::geteuid().as_raw());
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("the-secret-value") && text.contains("NEW"));
    let agent = next(agent, Signal::TERM);
    agent.until("the process", |status| status.phase == Phase::Ready);
    let env = get(&spec, "/env").body;
    assert!(env.contains("NEW=value\n") && env.contains("KEY=the-secret-value\n"));
}

#[test]
fn whoever_watches_is_told_whether_it_goes_on_later() {
    let last_words = |agent: &Agent, end: &dyn Fn()| {
        let mut client = agent.request(&Request::Watch { logs: false });
        client.reply();
        end();
        let statuses = std::iter::from_fn(|| client.next()).filter_map(|reply| match reply {
            Reply::Status(status) => Some(*status),
            _ => None,
        });
        let last = statuses.last().unwrap();
        (last.phase, last.returns)
    };
    let (agent, _spec) = serving();
    let told = last_words(&agent, &|| agent.signal(Signal::TERM));
    assert_eq!(told, (Phase::Stopped, true));
    let (agent, _spec) = serving();
    let told = last_words(&agent, &|| agent.done(Request::Shutdown));
    assert_eq!(told, (Phase::Stopped, false));
    let (agent, _spec) = Agent::ready(|_| {});
    let told = last_words(&agent, &|| agent.signal(Signal::TERM));
    assert_eq!(told, (Phase::Stopped, false));
}

#[test]
fn a_shutdown_by_request_forgets_and_an_agent_that_keeps_nothing_never_goes_on() {
    let (mut agent, _spec) = serving();
    agent.done(Request::Shutdown);
    agent.ended();
    assert!(!agent.state().join("spec.json").exists());

    let (mut plain, _spec) = Agent::ready(|_| {});
    assert!(!plain.state().join("spec.json").exists());
    plain.done(Request::Shutdown);
    plain.ended();
}

#[test]
fn a_file_that_others_may_have_written_is_not_believed() {
    check(
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o620)).unwrap(),
        "others may write it",
    );
    check(
        |path| {
            let other = path.with_file_name("other.json");
            fs::rename(path, &other).unwrap();
            symlink(other, path).unwrap();
        },
        "it is a link",
    );
    check(
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
        "it is no regular file",
    );
}

#[test]
fn the_file_of_another_user_is_not_believed() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away. The rule is the same one as above.
        return check(
            |path| fs::set_permissions(path, fs::Permissions::from_mode(0o602)).unwrap(),
            "others may write it",
        );
    }
    check(
        |path| std::os::unix::fs::chown(path, Some(65534), None).unwrap(),
        "it belongs to another user than the agent",
    );
}

#[test]
fn the_file_of_another_version_or_service_is_ignored() {
    let change = |from: &'static str, to: &'static str| {
        move |path: &std::path::Path| {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(path, text.replace(from, to)).unwrap();
        }
    };
    let protocol = hob_wire::PROTOCOL;
    let own: &'static str = format!("\"protocol\":{protocol},").leak();
    check(
        change(own, "\"protocol\":999,"),
        &format!("it is of version 999 of the protocol, not {protocol}"),
    );
    check(
        change("\"s/web\"", "\"s/other\""),
        "it is of another service",
    );
}

//! The socket: who may attach, and what no client can do to it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use hob_wire::{Hello, Reply, Request, encode};
use rustix::process::Signal;

use crate::support::{Agent, Guard, command, kill, service, session, until};

#[test]
fn one_session_at_a_time_may_send_changes() {
    let (agent, _spec) = Agent::ready(|_| {});
    let first = agent.attach();
    assert_eq!(agent.status().session, Some(session()));
    let refused = agent.ask(Request::Attach(session()));
    let reason = format!("process {} is in a dev session with it", std::process::id());
    let expected = Reply::Refused {
        reason,
        session: Some(session()),
    };
    assert_eq!(refused, expected);
    drop(first);
    agent.until("the release", |status| status.session.is_none());
    let mut second = agent.attach();
    second.save(2);
    agent.done(Request::Await { generation: 2 });
}

#[test]
fn a_session_that_was_killed_is_released() {
    let (agent, _spec) = Agent::ready(|_| {});
    let line = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap().trim().to_owned();
    let other = Command::new(service())
        .arg("attach")
        .arg(agent.socket())
        .arg(line(&encode(&Hello::current())))
        .arg(line(&encode(&Request::Attach(session()))))
        .stdout(Stdio::piped())
        .spawn();
    let mut other = Guard(other.unwrap());
    let mut said = String::new();
    let mut words = BufReader::new(other.0.stdout.take().unwrap());
    words.read_line(&mut said).unwrap();
    assert_eq!(said.trim(), r#""done""#);
    assert!(matches!(
        agent.ask(Request::Attach(session())),
        Reply::Refused { .. }
    ));
    drop(other);
    agent.until("the release", |status| status.session.is_none());
    agent.attach();
}

#[test]
fn only_a_session_sends_changes_and_an_unknown_version_is_told_so() {
    let (agent, _spec) = Agent::ready(|_| {});
    let digest = "d".into();
    let generation = 1;
    let Reply::Refused { reason, .. } = agent.ask(Request::Digest { generation, digest }) else {
        panic!("taken");
    };
    assert_eq!(reason, "only an attached session may send changes");
    let mut client = agent.connect();
    client.raw(b"{\"protocol\":999}\n");
    let protocol = hob_wire::PROTOCOL;
    assert_eq!(client.reply(), Reply::Version { protocol });
    assert_eq!(client.next(), None);
}

#[test]
fn nonsense_harms_nobody_but_its_sender() {
    let (agent, _spec) = Agent::ready(|_| {});
    let session = agent.attach();
    let hello = encode(&Hello::current());
    let said = |bytes: &[u8]| {
        let mut client = agent.connect();
        client.raw(bytes);
        client.next()
    };
    for nonsense in [&b"hello\n"[..], b"\xff\xfe\0\n", b"[]\n", b"{}\n", b"\n"] {
        for prefix in [&b""[..], &hello] {
            let reply = said(&[prefix, nonsense].concat());
            assert!(matches!(reply, Some(Reply::Refused { .. })), "{reply:?}");
        }
    }
    // Nested as deep as it goes, and a line that never ends.
    let deep = [&hello[..], &b"[".repeat(1 << 20), b"\n"].concat();
    assert!(matches!(said(&deep), Some(Reply::Refused { .. })));
    let mut endless = UnixStream::connect(agent.socket()).unwrap();
    let refused = until("the end of the endless", || {
        endless.write_all(&[b'x'; 1 << 16]).err()
    });
    assert_eq!(refused.kind(), std::io::ErrorKind::BrokenPipe);
    // Half a line, then nothing, and one that goes in the middle.
    let mut half = agent.connect();
    half.raw(&hello[..5]);
    drop(agent.connect());
    let mut gone = agent.connect();
    gone.raw(&hello[..5]);
    drop(gone);
    assert_eq!(agent.status().session, Some(crate::support::session()));
    half.raw(&hello[5..]);
    half.send(&Request::Status);
    assert!(matches!(half.reply(), Reply::Status(_)));
    drop(session);
}

#[test]
fn nonsense_of_a_session_ends_the_session() {
    let (agent, _spec) = Agent::ready(|_| {});
    let mut session = agent.attach();
    session.raw(b"no request\n");
    session.find("the refusal", |reply| {
        matches!(reply, Reply::Refused { .. }).then_some(())
    });
    agent.until("the release", |status| status.session.is_none());
}

#[test]
fn two_hundred_clients_are_told_the_same() {
    let (agent, _spec) = Agent::ready(|_| {});
    let mut clients: Vec<_> = (0..200)
        .map(|_| agent.request(&Request::Watch { logs: true }))
        .collect();
    for client in &mut clients {
        assert!(matches!(client.reply(), Reply::Status(_)));
    }
    let mut session = agent.attach();
    session.save(2);
    for client in &mut clients {
        client.event("the swap", |kind| match kind {
            hob_wire::EventKind::Swapped { waterfall } => (waterfall.generation == 2).then_some(()),
            _ => None,
        });
    }
}

#[test]
fn nobody_else_may_come_near() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("state")).unwrap();
    let agent = Agent::start_in(folder);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(agent.socket()), 0o600);
    assert_eq!(mode(agent.state()), 0o700);
}

#[test]
fn a_second_agent_is_refused_and_the_first_goes_on() {
    let (agent, _spec) = Agent::ready(|_| {});
    let second = command(agent.folder.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("an agent for s/web runs already"), "{said}");
    assert_eq!(agent.status().agent_pid, agent.pid());
}

#[test]
fn the_socket_and_the_output_of_a_killed_agent_are_replaced() {
    let (mut agent, _spec) = Agent::ready(|_| {});
    let left = agent.status().serving.unwrap().pid;
    agent.signal(Signal::KILL);
    agent.ended();
    kill(left, Signal::KILL);
    assert!(agent.socket().exists() && agent.state().join("out/1").exists());
    let folder = std::mem::replace(&mut agent.folder, tempfile::tempdir().unwrap());
    let next = Agent::start_in(folder);
    assert!(!next.state().join("out").exists());
    assert_eq!(next.status().agent_pid, next.pid());
}

//! The agent as PID 1 of a container. Where no PID namespace can be made, the
//! same is asked of one that is not.

use std::fs;

use hob_wire::{Hello, Reply, Request, decode, encode};
use rustix::process::{Signal, getgid, getuid};

use crate::support::{Agent, children, service, sh, until};

fn own() -> String {
    format!("{}:{}", getuid().as_raw(), getgid().as_raw())
}

/// PID 1 if that can be had.
fn first(options: &[&str]) -> Agent {
    Agent::first(options).unwrap_or_else(|| {
        eprintln!("no PID namespace can be made here: the agent is not PID 1");
        Agent::start_with(tempfile::tempdir().unwrap(), options)
    })
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[test]
fn term_ends_it_with_code_0_and_all_that_was_left_to_it() {
    let mut agent = first(&[]);
    agent.takes(|spec| {
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        // One that leaves its session and forgets its marks.
        let script = "(setsid env -i /bin/sleep 1000 &) ; (true &) ; exec sleep 1000";
        spec.run = sh(script, &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    let both = until("the process and what it left", || {
        let all = children(agent.pid());
        (all.len() == 2).then_some(all)
    });
    agent.signal(Signal::TERM);
    assert_eq!(agent.ended().code(), Some(0));
    assert!(both.iter().all(|pid| state(*pid).is_none()), "{both:?}");
}

#[test]
fn strangers_that_are_left_to_it_are_reaped() {
    let agent = first(&[]);
    agent.takes(|spec| {
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        let script = "for i in 1 2 3 4 5; do (sleep 0.01 &); done; exec sleep 1000";
        spec.run = sh(script, &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    until("no zombie", || {
        let all = children(agent.pid());
        (all.len() == 1 && state(all[0]) != Some('Z')).then_some(())
    });
}

#[test]
fn who_is_outside_commands_and_who_is_inside_only_looks() {
    let Some(agent) = Agent::first(&["--own", &own()]) else {
        // Then nobody is outside, as `doors.rs` has it.
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start_with(folder, &["--own", &own()]);
        return assert!(matches!(agent.ask(Request::Start), Reply::Refused { .. }));
    };
    let line = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap().trim().to_owned();
    let (hello, socket) = (line(&encode(&Hello::current())), agent.socket());
    let asks = |request: &Request| {
        let (service, request) = (service(), line(&encode(request)));
        let (service, socket) = (service.display(), socket.display());
        format!("{service} attach {socket} '{hello}' '{request}'")
    };
    let (command, look) = (asks(&Request::Shutdown), asks(&Request::Status));
    agent.takes(|spec| {
        spec.listen = None;
        spec.ready = hob_wire::Ready::Started;
        let script = format!("{command} > command; {look} > look; echo > end; exec sleep 1000");
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    let end = agent.folder.path().join("end");
    until("the answers", || end.exists().then_some(()));
    let said = |name: &str| {
        let text = fs::read(agent.folder.path().join(name)).unwrap();
        decode::<Reply>(text.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
    };
    let reason = "commands are taken from outside of this container only".to_owned();
    let session = None;
    assert_eq!(said("command"), Reply::Refused { reason, session });
    assert!(matches!(said("look"), Reply::Status(status) if status.agent_pid == 1));
}

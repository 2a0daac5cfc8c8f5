//! Restart, Start, Await, Configure, Shutdown.

use std::net::TcpListener;

use hob_wire::{Phase, Reply, Request};
use rustix::process::Signal;

use crate::support::{Agent, exists, free_port, get, pid_in, sh, until, until_gone};

#[test]
fn restart_gives_a_new_process_of_the_same_generation() {
    let (agent, spec) = Agent::ready(|_| {});
    let old = agent.status().serving.unwrap();
    agent.done(Request::Restart);
    let new = agent.status().serving.unwrap();
    assert_eq!(new.generation, old.generation);
    assert_ne!(new.pid, old.pid);
    until_gone(old.pid);
    assert_eq!(get(&spec, "/").body, "one");
}

#[test]
fn a_service_that_rests_has_no_process_and_comes_back_from_what_is_built() {
    let (agent, spec) = Agent::ready(|_| {});
    let old = agent.status().serving.unwrap();
    agent.done(Request::Rest);
    until_gone(old.pid);
    let status = agent.status();
    assert_eq!(status.phase, Phase::Resting);
    assert_eq!((status.started, status.serving), (false, None));
    agent.done(Request::Restart);
    assert_eq!(agent.status().serving.unwrap().generation, old.generation);
    assert_eq!(get(&spec, "/").body, "one");
}

#[test]
fn a_restart_is_refused_with_the_reason_when_nothing_can_be_started() {
    let (agent, _spec) = Agent::configured(|spec| {
        spec.build = Some(sh("echo no >&2; exit 4", &spec.run.cwd.clone()));
    });
    agent.until("a failed build", |status| status.problem.is_some());
    let (status, reason) = agent.refused(Request::Restart);
    assert!(reason.ends_with("exited with code 4"), "{reason}");
    assert_eq!(status.phase, Phase::Failed);
}

#[test]
fn a_created_service_builds_and_waits_until_it_is_told_to_start() {
    let (agent, _spec) = Agent::configured(|_| {});
    let status = agent.until("the build", |status| status.phase == Phase::Waiting);
    assert_eq!(status.built.unwrap().generation, 1);
    assert_eq!((status.started, status.serving), (false, None));
}

#[test]
fn an_await_whose_client_has_gone_leaves_nothing_behind() {
    let (agent, _spec) = Agent::ready(|_| {});
    let open = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap();
        files.count()
    };
    let waiting: Vec<_> = (0..100)
        .map(|_| agent.request(&Request::Await { generation: 99 }))
        .collect();
    until("all who wait", || (open() >= 100).then_some(()));
    drop(waiting);
    until("their end", || (open() < 50).then_some(()));
}

#[test]
fn another_environment_is_built_and_started_and_another_port_is_refused() {
    let (agent, mut spec) = Agent::ready(|_| {});
    let pid = agent.status().serving.unwrap().pid;
    spec.env.insert("NEW".into(), "value".into());
    assert_eq!(agent.configure(&spec), Reply::Done);
    agent.until("the new process", |status| {
        let serving = status.serving.as_ref();
        status.phase == Phase::Ready && serving.is_some_and(|it| it.pid != pid)
    });
    assert!(get(&spec, "/env").body.contains("NEW=value\n"));

    let mut other = spec.clone();
    other.listen.as_mut().unwrap().addr.set_port(free_port());
    let Reply::Refused { reason, .. } = agent.configure(&other) else {
        panic!("taken");
    };
    assert_eq!(reason, "its port changes: make it anew");
    assert_eq!(get(&spec, "/").status, 200);
}

#[test]
fn a_port_that_somebody_has_is_refused() {
    let agent = Agent::start();
    let spec = agent.spec();
    let _other = TcpListener::bind(spec.listen.unwrap().addr).unwrap();
    let Reply::Refused { reason, .. } = agent.configure(&spec) else {
        panic!("taken");
    };
    assert!(
        reason.starts_with("cannot listen on 127.0.0.1:"),
        "{reason}"
    );
    assert_eq!(agent.status().spec_digest, "");
}

#[test]
fn a_production_process_whose_port_is_taken_is_not_taken_for_its_holder() {
    let (agent, spec) = Agent::configured(|spec| spec.mode = hob_wire::Mode::Run);
    let _other = TcpListener::bind(spec.listen.unwrap().addr).unwrap();
    agent.done(Request::Start);
    let (_, reason) = agent.refused(Request::Await { generation: 1 });
    assert!(reason.contains("something else listens on"), "{reason}");
}

#[test]
fn a_production_process_owns_its_port_and_is_started_again_on_it() {
    let (agent, spec) = Agent::ready(|spec| spec.mode = hob_wire::Mode::Run);
    let answer = get(&spec, "/");
    assert_eq!((answer.body.as_str(), answer.generation()), ("one", None));
    for _ in 0..3 {
        agent.done(Request::Restart);
        assert_eq!(get(&spec, "/").body, "one");
    }
}

/// A service with a build in the middle, a daemon and a stubborn process.
fn busy() -> (Agent, hob_wire::Spec, Vec<u32>) {
    let (agent, spec) = Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        let script = format!("setsid sleep 1000 & echo $! > daemon; exec {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
        let build = "cp greeting $OUT; test -e slow && echo $$ > build && exec sleep 1000; true";
        spec.build = Some(sh(build, &spec.run.cwd.clone()));
    });
    let mut session = agent.attach();
    agent.write("slow", "");
    session.save(2);
    let build = pid_in(&agent, "build");
    let pids = vec![
        build,
        pid_in(&agent, "daemon"),
        agent.status().serving.unwrap().pid,
    ];
    (agent, spec, pids)
}

#[test]
fn shutdown_is_answered_when_all_is_gone_and_another_agent_may_come_at_once() {
    let (mut agent, spec, pids) = busy();
    agent.done(Request::Shutdown);
    for pid in pids {
        assert!(!exists(pid), "process {pid} is left");
    }
    TcpListener::bind(spec.listen.unwrap().addr).unwrap();
    assert!(!agent.socket().exists());
    assert!(!agent.state().join("out").exists());
    let folder = std::mem::replace(&mut agent.folder, tempfile::tempdir().unwrap());
    let next = Agent::start_in(folder);
    assert_eq!(next.status().phase, Phase::Waiting);
    assert!(agent.ended().success());
}

#[test]
fn term_ends_all_too() {
    let (mut agent, spec, pids) = busy();
    agent.signal(Signal::TERM);
    assert!(agent.ended().success());
    for pid in pids {
        assert!(!exists(pid), "process {pid} is left");
    }
    TcpListener::bind(spec.listen.unwrap().addr).unwrap();
}

//! What processes leave behind.

use std::time::{Duration, Instant};

use hob_wire::{EventKind, Phase, Request};

use crate::support::{Agent, children, exists, pid_in, sh, until, until_gone};

#[test]
fn a_process_that_ignores_term_is_killed_after_its_grace() {
    let (agent, _spec) = Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        let script = format!("trap '' TERM; exec {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
        spec.limits.grace.0 = 300;
    });
    let pid = agent.status().serving.unwrap().pid;
    let mut watch = agent.request(&Request::Watch { logs: false });
    let began = Instant::now();
    agent.done(Request::Restart);
    let killed = watch.event("its end", |kind| match kind {
        EventKind::Retired { killed, .. } => Some(killed),
        _ => None,
    });
    assert!(killed);
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(!exists(pid));
}

/// A service with two daemons: one that kept its environment and one that
/// emptied it, both in sessions of their own, their parents gone.
fn with_daemons() -> (Agent, [u32; 2]) {
    let (agent, _spec) = Agent::ready(|spec| {
        spec.restart = hob_wire::Restart::Never;
        let program = spec.run.argv.join(" ");
        let script = format!(
            "setsid sh -c 'setsid sleep 1000 & echo $! > kept'\n\
             env -i /usr/bin/setsid /bin/sh -c '/usr/bin/setsid /bin/sleep 1000 & echo $! > emptied'\n\
             exec {program}"
        );
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    let pids = ["kept", "emptied"].map(|name| pid_in(&agent, name));
    for name in ["kept", "emptied"] {
        std::fs::remove_file(agent.folder.path().join(name)).unwrap();
    }
    (agent, pids)
}

#[test]
fn daemons_end_with_the_process_that_started_them_and_no_zombie_is_left() {
    let (agent, pids) = with_daemons();
    let environment = std::fs::read(format!("/proc/{}/environ", pids[1])).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("HOB_"));
    let mut watch = agent.request(&Request::Watch { logs: false });
    let process = agent.status().serving.unwrap().pid;
    crate::support::kill(process, rustix::process::Signal::KILL);
    watch.event("its end", |kind| {
        matches!(kind, EventKind::Crashed { .. }).then_some(())
    });
    pids.into_iter().for_each(until_gone);
    until("no child, no zombie", || {
        children(agent.pid()).is_empty().then_some(())
    });
}

/// When a process began, in seconds since the machine's start.
fn began(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(ticks.parse::<f64>().ok()? / 100.0)
}

#[test]
fn in_a_swap_the_old_daemons_go_and_the_new_ones_stay() {
    let (agent, old) = with_daemons();
    // Younger by what the kernel can tell, a hundredth of a second.
    until("another tick of the clock", || {
        let now = std::fs::read_to_string("/proc/uptime").ok()?;
        let now: f64 = now.split(' ').next()?.parse().ok()?;
        (now > began(old[1])? + 0.02).then_some(())
    });
    agent.done(Request::Restart);
    old.into_iter().for_each(until_gone);
    for name in ["kept", "emptied"] {
        assert!(exists(pid_in(&agent, name)), "the new one, {name}");
    }
}

#[test]
fn children_of_a_crashed_process_are_gone_before_the_next_one_starts() {
    let (agent, _spec) = Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        let script = format!("sleep 1000 & echo $! >> children; exec {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    let first = pid_in(&agent, "children");
    let pid = agent.status().serving.unwrap().pid;
    crate::support::kill(pid, rustix::process::Signal::KILL);
    agent.until("another process", |status| {
        status.serving.as_ref().is_some_and(|it| it.pid != pid)
    });
    assert!(!exists(first));
}

#[test]
fn who_was_put_beside_a_service_is_no_leftover_but_goes_with_the_agent() {
    let (mut agent, _spec) = Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        // As `docker exec` does: none of hob's marks, and the agent adopts it.
        let script = format!(
            "test -e guest || {{ prlimit --locks=unlimited \
             setsid env -i /bin/sh -c 'echo $$ > guest; exec /bin/sleep 1000' & }}; exec {program}"
        );
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    let guest = pid_in(&agent, "guest");
    for _ in 0..2 {
        agent.done(Request::Restart);
    }
    assert!(exists(guest));
    agent.signal(rustix::process::Signal::TERM);
    assert!(agent.ended().success());
    assert!(!exists(guest));
}

#[test]
fn a_compile_server_lives_from_build_to_build_and_goes_with_the_agent() {
    let (mut agent, _spec) = Agent::ready(|spec| {
        let script =
            "test -e server || { setsid sleep 1000 & echo $! > server; }; cp greeting $OUT";
        spec.build = Some(sh(script, &spec.run.cwd.clone()));
    });
    let server = pid_in(&agent, "server");
    let mut session = agent.attach();
    for generation in 2..4 {
        session.save(generation);
        agent.done(Request::Await { generation });
    }
    assert!(exists(server));
    drop(session);
    agent.done(Request::Shutdown);
    assert!(!exists(server));
    assert!(agent.ended().success());
}

#[test]
fn a_probe_that_hangs_ends_with_its_process() {
    let (agent, _spec) = Agent::configured(|spec| {
        let folder = spec.run.cwd.clone();
        let hang = "echo $$ > new && mv new probe; exec sleep 1000";
        spec.ready = hob_wire::Ready::Command(sh(hang, &folder));
        spec.restart = hob_wire::Restart::Never;
        spec.run = sh("while ! test -e probe; do :; done; exit 1", &folder);
    });
    agent.done(Request::Start);
    agent.until("the crash", |status| status.phase == Phase::Failed);
    until_gone(pid_in(&agent, "probe"));
    until("no child, no zombie", || {
        children(agent.pid()).is_empty().then_some(())
    });
}

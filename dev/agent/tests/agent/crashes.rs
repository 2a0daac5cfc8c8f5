//! A process that ends by itself.

use hob_wire::{EventKind, Phase, Request, Restart};
use rustix::process::Signal;

use crate::support::{Agent, Client, get, kill, sh, until};

fn crashed(watch: &mut Client) -> (String, Option<u64>) {
    watch.event("a crash", |kind| match kind {
        EventKind::Crashed {
            message, retry_ms, ..
        } => Some((message, retry_ms)),
        _ => None,
    })
}

/// A service that does not start while the file `broken` is there.
fn fragile(change: impl FnOnce(&mut hob_wire::Spec)) -> (Agent, hob_wire::Spec) {
    Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        let script =
            format!("test -e broken && {{ echo my last words >&2; exit 7; }}; exec {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
        change(spec);
    })
}

#[test]
fn a_crash_is_mended_with_longer_and_longer_waits() {
    let (agent, spec) = fragile(|_| {});
    let mut watch = agent.request(&Request::Watch { logs: false });
    let mut waits = Vec::new();
    for _ in 0..3 {
        let pid = agent.status().serving.unwrap().pid;
        kill(pid, Signal::KILL);
        let (message, retry) = crashed(&mut watch);
        assert_eq!(message, "was ended by signal 9 (KILL)");
        waits.extend(retry);
        // Held until the next process is ready.
        assert_eq!(get(&spec, "/").body, "one");
        agent.done(Request::Await { generation: 1 });
    }
    assert_eq!(waits, [100, 200, 400]);
    assert_eq!(agent.status().crashes, 3);
}

#[test]
fn while_a_process_does_not_start_again_requests_are_answered_with_its_last_words() {
    let (agent, spec) = fragile(|spec| spec.limits.hold.0 = 2_000);
    agent.write("broken", "");
    let pid = agent.status().serving.unwrap().pid;
    kill(pid, Signal::ABORT);
    let answer = until("an answer of the front's own", || {
        let answer = get(&spec, "/");
        (answer.status == 503).then_some(answer)
    });
    assert!(answer.head.contains("retry-after:"), "{}", answer.head);
    let says = |text: &str| answer.body.contains(text);
    assert!(
        says("exited with code 7") || says("ABRT") || says("is starting"),
        "{}",
        answer.body
    );
    // Between two tries it is failed, and the words are there.
    until("the last words", || {
        get(&spec, "/").body.contains("my last words").then_some(())
    });
    let status = agent.until("the pause between", |status| status.phase == Phase::Backoff);
    // Those of the last try only.
    let output = status.problem.unwrap().output;
    let said: Vec<&str> = output.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said, ["my last words"]);

    std::fs::remove_file(agent.folder.path().join("broken")).unwrap();
    agent.done(Request::Restart);
    assert_eq!(get(&spec, "/").body, "one");
    assert_eq!(agent.status().problem, None);
}

#[test]
fn a_service_that_is_never_restarted_stays_away_and_says_so() {
    let (agent, spec) = fragile(|spec| spec.restart = Restart::Never);
    let pid = agent.status().serving.unwrap().pid;
    kill(pid, Signal::KILL);
    let status = agent.until("the crash", |status| status.problem.is_some());
    assert_eq!(status.phase, Phase::Failed);
    let message = status.problem.unwrap().message;
    assert!(
        message.starts_with("it was ended by signal 9 (KILL) and is not"),
        "{message}"
    );
    let answer = get(&spec, "/");
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("is not started again"),
        "{}",
        answer.body
    );
}

#[test]
fn a_service_that_goes_to_the_background_is_told_to_stay_in_front() {
    let (agent, _spec) = Agent::configured(|spec| {
        // It listens nowhere: one that does may be ready before its parent's
        // end is known.
        spec.run = sh("sleep 1000 & exit 0", &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    let reason = agent.refused(Request::Await { generation: 1 }).1;
    assert_eq!(
        reason,
        "exited with code 0 before it was ready, but what it had started went on: `run` must \
         stay in the foreground (nginx: `-g 'daemon off;'`)"
    );
}

#[test]
fn a_process_that_runs_and_accepts_no_connection_any_more_is_told_of_once() {
    let (agent, spec) = Agent::ready(|spec| {
        spec.limits.hold.0 = 200;
        let program = spec.run.argv.join(" ");
        let script = format!(
            "{program} & p=$!; while ! test -e deaf; do sleep 0.01; done; kill $p; exec sleep 1000"
        );
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    let mut watch = agent.request(&Request::Watch { logs: false });
    agent.write("deaf", "");
    let answer = until("a refusal", || {
        let answer = get(&spec, "/");
        (answer.status == 503).then_some(answer)
    });
    assert!(answer.body.contains("does not accept"), "{}", answer.body);
    let note = watch.event("a word of it", |kind| match kind {
        EventKind::Note(note) => Some(note),
        _ => None,
    });
    let begin = "its process runs, but accepts no connection on its `$PORT` (127.0.0.1:";
    assert!(note.starts_with(begin), "{note}");
    get(&spec, "/");
    let log = agent.log();
    assert_eq!(log.iter().filter(|line| line.text == note).count(), 1);
}

//! Saves: superseded, broken, crashing on start, without a build.

use std::sync::atomic::{AtomicBool, Ordering};

use hob_wire::{ChangeAction, EventKind, Phase, Reply, Request, Stage, Swap};

use crate::support::{Agent, children, get, pid_in, sh, until_gone};

#[test]
fn a_newer_save_ends_the_whole_build_before_it_and_its_words_are_never_told() {
    let (agent, spec) = Agent::ready(|spec| {
        spec.build = Some(sh("sh ./build.sh; cp greeting $OUT", &spec.run.cwd.clone()));
    });
    let mut session = agent.attach();
    let slow = "echo words of a build that was given up\n\
                sleep 1000 & echo $! > child\n\
                setsid sh -c 'sleep 1000 & echo $! > grandchild; wait' &\n\
                echo $$ > build\n\
                wait";
    agent.write("build.sh", slow);
    session.save(2);
    let mut began = 0;
    session.find("the build", |reply| match reply {
        Reply::Event(event) if matches!(event.kind, EventKind::BuildStarted { .. }) => {
            began = event.at;
            Some(())
        }
        _ => None,
    });
    let pids = ["child", "grandchild", "build"].map(|name| pid_in(&agent, name));
    agent.write("build.sh", "echo words of the newest build");
    agent.write("greeting", "three");
    session.save(3);
    let superseded = session.find("the end of the build", |reply| match reply {
        Reply::Event(event) => match event.kind {
            EventKind::BuildSuperseded { generation, by } => {
                assert_eq!((generation, by), (2, 3));
                Some(event.at)
            }
            _ => None,
        },
        _ => None,
    });
    agent.done(Request::Await { generation: 3 });
    pids.into_iter().for_each(until_gone);
    assert_eq!(get(&spec, "/").body, "three");
    let log = agent.log();
    let told = |words: &str| log.iter().any(|line| line.text == words);
    assert!(told("words of the newest build"));
    // A build of more than a second is shown as it goes.
    if superseded - began < 900_000 {
        assert!(!told("words of a build that was given up"));
    }
}

#[test]
fn a_broken_build_leaves_the_old_process_and_shows_the_compilers_words() {
    let (agent, spec) = Agent::ready(|spec| {
        let script = "cp greeting $OUT && if test -e broken; then cat broken >&2; exit 2; fi";
        spec.build = Some(sh(script, &spec.run.cwd.clone()));
    });
    let pid = agent.status().serving.unwrap().pid;
    let mut session = agent.attach();
    agent.write("broken", "main.c:1: expected a semicolon\n");
    session.save(2);
    let (status, reason) = agent.refused(Request::Await { generation: 2 });
    assert!(reason.ends_with("exited with code 2"), "{reason}");
    let problem = status.problem.unwrap();
    assert_eq!((problem.generation, problem.stage), (2, Stage::Build));
    assert_eq!(problem.output[0].text, "main.c:1: expected a semicolon");
    assert_eq!(status.phase, Phase::Stale);
    let answer = get(&spec, "/");
    assert_eq!(
        (answer.body.as_str(), answer.generation()),
        ("one", Some(1))
    );
    assert_eq!(agent.status().serving.unwrap().pid, pid);

    std::fs::remove_file(agent.folder.path().join("broken")).unwrap();
    agent.write("greeting", "mended");
    session.save(3);
    agent.done(Request::Await { generation: 3 });
    assert_eq!(get(&spec, "/").body, "mended");
    assert_eq!(agent.status().problem, None);
    until_gone(pid);
}

#[test]
fn a_crash_on_start_leaves_the_old_process() {
    let (agent, spec) = Agent::ready(|_| {});
    let mut session = agent.attach();
    agent.write("greeting", "crash");
    session.save(2);
    let (status, reason) = agent.refused(Request::Await { generation: 2 });
    assert_eq!(reason, "exited with code 3 before it was ready");
    let problem = status.problem.unwrap();
    assert_eq!(problem.stage, Stage::Start);
    assert_eq!(problem.output[0].text, "a crash was asked for");
    assert_eq!(get(&spec, "/").body, "one");
}

#[test]
fn many_saves_of_a_service_that_is_slow_to_end_leave_few_processes_and_fail_no_request() {
    let (agent, spec) = Agent::ready(|spec| {
        let program = spec.run.argv.join(" ");
        // Two processes each, one of them in a session of its own.
        let script = format!("trap '' TERM; setsid sleep 1000 & exec {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
        spec.build = None;
        spec.limits.grace.0 = 3_000;
    });
    let mut session = agent.attach();
    let mut most = 0;
    for generation in 2..40 {
        session.save(generation);
        // Some of them come while the one before is starting.
        if generation % 4 == 0 {
            agent.done(Request::Await { generation });
        }
        most = most.max(children(agent.pid()).len());
        assert_eq!(get(&spec, "/").status, 200);
    }
    agent.done(Request::Await { generation: 39 });
    assert!((4..=8).contains(&most), "{most} processes");
    assert_eq!(get(&spec, "/").generation(), Some(39));
}

#[test]
fn an_exclusive_service_never_runs_twice_and_fails_no_request() {
    let (agent, spec) = Agent::ready(|spec| {
        spec.swap = Swap::Exclusive;
        let program = spec.run.argv.join(" ");
        let script = format!(
            "mkdir lock || exit 9; trap 'kill $p; wait $p; rmdir lock; exit 0' TERM; \
             {program} & p=$!; wait $p"
        );
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    let mut session = agent.attach();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let poll = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let answer = get(&spec, "/");
                assert_eq!(answer.status, 200, "{answer:?}");
                seen.extend(answer.generation());
            }
            seen
        });
        for generation in 2..=5 {
            agent.write("greeting", &format!("save {generation}"));
            session.save(generation);
            agent.done(Request::Await { generation });
        }
        over.store(true, Ordering::Relaxed);
        let seen = poll.join().unwrap();
        assert!(seen.is_sorted(), "{seen:?}");
    });
    assert_eq!(agent.status().crashes, 0);
    assert_eq!(get(&spec, "/").body, "save 5");
}

#[test]
fn each_action_does_no_more_than_it_says() {
    let (agent, _spec) = Agent::ready(|spec| {
        spec.run.argv = vec![spec.run.argv[0].clone(), "hups".into(), "hups".into()];
        spec.build = Some(sh("echo b >> builds", &spec.run.cwd.clone()));
    });
    let first = agent.status().serving.unwrap().pid;
    let builds = || std::fs::read_to_string(agent.folder.path().join("builds")).unwrap();
    let mut session = agent.attach();
    let mut reloaded = |action, generation| {
        session.change(generation, action);
        let told = session.event("a reload", |kind| match kind {
            EventKind::Reloaded { generation } => Some(generation),
            _ => None,
        });
        assert_eq!(told, generation);
        let serving = agent.status().serving.unwrap();
        assert_eq!((serving.generation, serving.pid), (generation, first));
    };
    reloaded(ChangeAction::None, 2);
    assert!(!agent.folder.path().join("hups").exists());
    reloaded(ChangeAction::Signal, 3);
    crate::support::until("the signal", || {
        let hups = std::fs::read_to_string(agent.folder.path().join("hups")).ok();
        hups.filter(|hups| !hups.is_empty())
    });

    session.change(4, ChangeAction::Restart);
    agent.done(Request::Await { generation: 4 });
    let serving = agent.status().serving.unwrap();
    assert_eq!(serving.generation, 4);
    assert_ne!(serving.pid, first);
    assert_eq!(builds(), "b\n");

    session.save(5);
    agent.done(Request::Await { generation: 5 });
    assert_eq!(builds(), "b\nb\n");
    // An old number is no news.
    session.save(5);
    session.save(3);
    agent.done(Request::Restart);
    assert_eq!(agent.status().accepted, 5);
    assert_eq!(builds(), "b\nb\n");
}

#[test]
fn that_a_service_writes_files_is_told_with_the_change_that_comes_after() {
    // What goes to a file system in memory is not counted.
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = disk.path().join("file");
    let (agent, _spec) = Agent::ready(|spec| {
        let (program, file) = (spec.run.argv.join(" "), file.display());
        let script =
            format!("test -e writes && sh -c 'echo x > {file}; exec {program}'; {program}");
        spec.run = sh(&script, &spec.run.cwd.clone());
        spec.build = None;
    });
    let mut session = agent.attach();
    let mut save = |generation| {
        let before = agent.status().serving.unwrap().pid;
        session.save(generation);
        agent.done(Request::Await { generation });
        until_gone(before);
        agent.status().writes_files
    };
    assert!(!save(2));
    agent.write("writes", "");
    // The process of save 2 wrote nothing, that of save 3 does.
    assert!(!save(3));
    assert!(save(4));
    std::fs::remove_file(agent.folder.path().join("writes")).unwrap();
    assert!(save(5));
    assert!(!save(6));
}

#[test]
fn a_build_over_its_limit_is_a_problem() {
    let (agent, _spec) = Agent::configured(|spec| {
        spec.limits.build = Some(hob_wire::Duration(200));
        spec.build = Some(sh(
            "echo $$ > build; exec sleep 1000",
            &spec.run.cwd.clone(),
        ));
    });
    let status = agent.until("a failed build", |status| status.problem.is_some());
    let message = status.problem.unwrap().message;
    assert!(
        message.ends_with("took longer than 0.2 s (`limits.build`)"),
        "{message}"
    );
    until_gone(pid_in(&agent, "build"));
}

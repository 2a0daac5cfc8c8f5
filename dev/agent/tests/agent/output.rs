//! Output: much of it, long lines, bytes, secrets, a full disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use hob_wire::{EventKind, LogLine, LogQuery, Phase, Ready, Reply, Request, SecretSource, Stream};

use crate::support::{Agent, get, session, sh, until};

/// A service that says this and then waits.
fn saying(script: &str) -> Agent {
    let (agent, _spec) = Agent::ready(|spec| {
        spec.listen = None;
        spec.ready = Ready::Started;
        let script = format!("{script}; echo the end; exec sleep 1000");
        spec.run = sh(&script, &spec.run.cwd.clone());
    });
    agent
}

fn said(agent: &Agent) -> Vec<LogLine> {
    until("the end", || {
        let mut log = agent.log();
        log.retain(|line| line.stream == Stream::Out);
        (log.last()?.text == "the end").then_some(log)
    })
}

#[test]
fn a_flood_is_bounded_on_disk_and_in_memory_and_the_agent_stays_awake() {
    let (agent, spec) = Agent::configured(|spec| {
        spec.run.argv[1] = "flood".into();
        spec.run.argv.push("100000000".into());
        spec.limits.log_bytes = 1 << 20;
    });
    // One that reads all, and one that never reads.
    let mut reader = agent.request(&Request::Watch { logs: true });
    let _stuck = agent.request(&Request::Watch { logs: true });
    agent.done(Request::Start);
    reader.find("output", |reply| match reply {
        Reply::Event(event) => matches!(event.kind, hob_wire::EventKind::Log(_)).then_some(()),
        _ => None,
    });
    let mut slowest = Duration::ZERO;
    until("the end of the flood", || {
        let began = Instant::now();
        let phase = agent.status().phase;
        slowest = slowest.max(began.elapsed());
        (phase == Phase::Ready).then_some(())
    });
    assert!(slowest < Duration::from_secs(5), "{slowest:?} for a status");
    assert_eq!(get(&spec, "/").status, 200);
    let files = fs::read_dir(agent.state().join("log")).unwrap();
    let bytes: u64 = files.map(|it| it.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 1 << 20, "{bytes} bytes on disk");
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    assert!(peak < 96 << 10, "{peak} kB of memory");
}

#[test]
fn a_line_without_an_end_comes_in_pieces_and_whole_characters() {
    let agent = saying("head -c 1000000 /dev/zero | sed 's/\\x00/ü/g'; echo");
    let log = said(&agent);
    let pieces = &log[..log.len() - 1];
    assert!(pieces.len() > 1 && pieces.iter().all(|it| it.text.len() <= 16 << 10));
    let whole: String = pieces.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(whole.chars().count(), 1_000_000);
    assert!(whole.chars().all(|it| it == 'ü'));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    let agent = saying(r"printf 'a\000b\377\376\n\033[31mred\033[0m\r\n'");
    let log = said(&agent);
    let texts: Vec<&str> = log.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(
        texts,
        ["a\0b\u{fffd}\u{fffd}", "\u{1b}[31mred\u{1b}[0m", "the end"]
    );
}

#[test]
fn the_last_words_without_a_line_break_are_told() {
    let (agent, _spec) = Agent::configured(|spec| {
        spec.run = sh("printf 'no break' >&2; exit 1", &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    let (status, _) = agent.refused(Request::Await { generation: 1 });
    assert_eq!(status.problem.unwrap().output[0].text, "no break");
}

#[test]
fn a_build_with_endless_words_fits_into_one_reply() {
    let (agent, _spec) = Agent::configured(|spec| {
        let script = "head -c 30000000 /dev/zero | tr '\\0' '\\001'; exit 1";
        spec.build = Some(sh(script, &spec.run.cwd.clone()));
    });
    let status = agent.until("the problem", |status| status.problem.is_some());
    assert!(!status.problem.unwrap().output.is_empty());
}

#[test]
fn secrets_are_seen_by_the_process_and_in_no_output() {
    let (agent, spec) = Agent::configured(|spec| {
        let file = spec.root.join("secret");
        spec.secrets.insert("S".into(), SecretSource::File(file));
        spec.ready = Ready::Command(sh("echo probe says $S; test -e go", &spec.run.cwd.clone()));
        spec.limits.ready.0 = 1_000;
        spec.restart = hob_wire::Restart::Never;
        let program = spec.run.argv.join(" ");
        spec.run = sh(
            &format!("echo the value is $S; exec {program}"),
            &spec.run.cwd.clone(),
        );
    });
    agent.done(Request::Start);
    let (_, reason) = agent.refused(Request::Await { generation: 1 });
    let file = agent.folder.path().join("secret").display().to_string();
    assert!(
        reason.starts_with(&format!("secret S: cannot read {file}: No such file")),
        "{reason}"
    );

    agent.write("secret", "hunter22-value\r\n");
    let (status, reason) = agent.refused(Request::Restart);
    assert!(reason.ends_with("probe says ***"), "{reason}");
    assert_eq!(status.problem.unwrap().output[0].text, "the value is ***");
    assert!(!get(&spec, "/").body.contains("hunter22"));

    agent.write("go", "");
    agent.done(Request::Restart);
    assert!(get(&spec, "/env").body.contains("S=hunter22-value\n"));
    assert!(
        agent
            .log()
            .iter()
            .all(|line| !line.text.contains("hunter22"))
    );
}

#[test]
fn a_full_disk_is_told_once_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("state/log");
    fs::create_dir_all(&log).unwrap();
    symlink("/dev/full", log.join("current.log")).unwrap();
    let agent = Agent::start_in(folder);
    agent.write("greeting", "one");
    let mut follow = agent.request(&Request::Logs(LogQuery {
        follow: true,
        ..LogQuery::default()
    }));
    let spec = agent.spec();
    assert_eq!(agent.configure(&spec), Reply::Done);
    agent.done(Request::Start);
    agent.done(Request::Await { generation: 1 });
    assert_eq!(get(&spec, "/").body, "one");
    let mut told = Vec::new();
    follow.find("the service's own words", |reply| match reply {
        Reply::Log(line) => {
            told.push(line.text);
            told.iter().any(|it| it == "listening").then_some(())
        }
        _ => None,
    });
    let said = |text: &&String| text.starts_with("the log cannot be written to disk: No space");
    assert_eq!(told.iter().filter(said).count(), 1, "{told:?}");
}

#[test]
fn logs_give_what_is_stored_and_then_what_comes() {
    let (agent, spec) = Agent::ready(|_| {});
    let query = LogQuery {
        tail: Some(1),
        follow: true,
        ..LogQuery::default()
    };
    let mut follow = agent.request(&Request::Logs(query));
    let Reply::Log(stored) = follow.reply() else {
        panic!("no stored line");
    };
    assert_eq!(stored, *agent.log().last().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| get(&spec, "/exit/4"));
        follow.find("a new line", |reply| match reply {
            Reply::Log(line) => (line.text == "told to exit with 4").then_some(()),
            _ => None,
        });
        agent.done(Request::Restart);
    });
}

#[test]
fn the_first_session_of_a_new_agent_hears_what_was_said_before_it_came_and_no_later_one_does() {
    let agent = saying("echo the first words");
    said(&agent);
    let words = |reply: Reply| match reply {
        Reply::Event(event) => match event.kind {
            EventKind::Log(line) if line.stream == Stream::Out => Some(line.text),
            _ => None,
        },
        _ => None,
    };
    let mut first = agent.request(&Request::Attach(session()));
    assert_eq!(first.find("the first words", words), "the first words");
    assert_eq!(first.find("the end", words), "the end");
    drop(first);
    until("its farewell", || {
        agent.status().session.is_none().then_some(())
    });
    let mut second = agent.request(&Request::Attach(session()));
    second.send(&Request::Restart);
    // The next it hears is what the next process says.
    assert_eq!(second.find("new words", words), "the first words");
    let all = agent.log();
    let spoken = all.iter().filter(|line| line.text == "the first words");
    assert_eq!(spoken.count(), 2, "{all:?}");
}

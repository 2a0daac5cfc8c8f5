//! Building, starting, becoming ready, and what the process gets to see.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use hob_wire::{EventKind, Mode, Phase, Protocol, Ready, Reply, Request, Restart, SecretSource};

use crate::support::{Agent, get, pid_in, sh, until};

#[test]
fn a_service_is_ready_when_its_probe_says_so() {
    for ready in [Ready::Tcp, Ready::Http("/".into())] {
        let (agent, spec) = Agent::ready(|spec| spec.ready = ready);
        let answer = get(&spec, "/");
        assert_eq!((answer.status, answer.body.as_str()), (200, "one"));
        assert_eq!(answer.generation(), Some(1));
        let status = agent.status();
        assert_eq!(status.phase, Phase::Ready);
        assert_eq!(status.serving.unwrap().generation, 1);
    }
}

#[test]
fn a_probe_says_who_asks_so_that_an_access_log_can_leave_it_out() {
    let (agent, spec) = Agent::configured(|spec| {
        spec.mode = Mode::Run;
        spec.ready = Ready::Http("/healthz".into());
        spec.run = sh("touch started; exec sleep 1000", &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    let started = agent.folder.path().join("started");
    until("the start", || started.exists().then_some(()));
    // The test stands for the process.
    let listener = TcpListener::bind(spec.listen.unwrap().addr).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        lines.read_line(&mut head).unwrap();
    }
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .unwrap();
    agent.done(Request::Await { generation: 1 });
    assert!(head.starts_with("GET /healthz "), "{head}");
    assert!(head.contains("user-agent: hob-ready\r\n"), "{head}");
}

#[test]
fn a_tcp_service_is_reached_through_its_port() {
    let (_agent, spec) = Agent::ready(|spec| {
        spec.run.argv[1] = "tcp".into();
        spec.listen.as_mut().unwrap().protocol = Protocol::Tcp;
    });
    let mut stream = TcpStream::connect(spec.listen.unwrap().addr).unwrap();
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"one");
}

#[test]
fn a_command_decides_about_readiness_and_sees_the_processs_environment() {
    let (agent, _spec) = Agent::configured(|spec| {
        let folder = spec.run.cwd.clone();
        let probe = "echo asked >> probes; test -e go && test $PORT -gt 0 && test -d $OUT";
        spec.ready = Ready::Command(sh(probe, &folder));
    });
    agent.done(Request::Start);
    let probes = agent.folder.path().join("probes");
    until("a probe", || probes.exists().then_some(()));
    assert_eq!(agent.status().phase, Phase::Starting);
    agent.write("go", "");
    agent.done(Request::Await { generation: 1 });
}

#[test]
fn a_service_without_a_port_is_ready_once_it_runs() {
    let (agent, _spec) = Agent::ready(|spec| {
        spec.listen = None;
        spec.ready = Ready::Started;
        spec.run = sh("echo $$ > pid; exec sleep 1000", &spec.run.cwd.clone());
    });
    let pid = agent.status().serving.unwrap().pid;
    assert_eq!(pid_in(&agent, "pid"), pid);
}

#[test]
fn a_job_that_exits_with_0_at_once_is_done() {
    for restart in [Restart::Never, Restart::OnFailure] {
        let (agent, _spec) = Agent::ready(|spec| {
            spec.listen = None;
            spec.ready = Ready::Started;
            spec.restart = restart;
            spec.run = sh("echo x >> runs", &spec.run.cwd.clone());
        });
        let status = agent.status();
        assert_eq!((status.phase, status.done), (Phase::Stopped, Some(1)));
        assert_eq!((status.problem, status.serving), (None, None));
        agent.done(Request::Restart);
        let mut session = agent.attach();
        session.save(2);
        agent.done(Request::Await { generation: 2 });
        assert_eq!(agent.status().done, Some(2));
        let runs = agent.folder.path().join("runs");
        assert_eq!(std::fs::read_to_string(runs).unwrap(), "x\nx\nx\n");
        let said = |text: &str| agent.log().iter().any(|line| line.text == text);
        assert!(said("save 2 is done: it exited with code 0"));
    }
}

#[test]
fn a_service_that_is_not_ready_in_time_is_ended_and_its_last_words_told() {
    let (agent, _spec) = Agent::configured(|spec| {
        spec.limits.ready.0 = 300;
        spec.run = sh("echo I wait; exec sleep 1000", &spec.run.cwd.clone());
    });
    agent.done(Request::Start);
    let (status, reason) = agent.refused(Request::Await { generation: 1 });
    assert!(
        reason.starts_with(
            "it was not ready within 0.3 s: nothing listens on its `$PORT` (127.0.0.1:"
        ),
        "{reason}"
    );
    assert_eq!(status.problem.unwrap().output[0].text, "I wait");
}

#[test]
fn the_environment_is_what_the_spec_says_and_hobs_own_names() {
    let (agent, spec) = Agent::ready(|spec| {
        spec.env.insert("A".into(), "of the spec".into());
        spec.run.env.insert("B".into(), "of the program".into());
        spec.secrets
            .insert("S".into(), SecretSource::Env("LEAK".into()));
        spec.run
            .argv
            .extend(["$OUT/x:$PORT", "$$OUT", "$HOME"].map(String::from));
    });
    let text = get(&spec, "/env").body;
    let mut env: BTreeMap<&str, &str> = text.lines().filter_map(|it| it.split_once('=')).collect();
    let out = agent.state().join("out/1").display().to_string();
    let port = env.remove("PORT").unwrap().to_owned();
    let root = agent.folder.path().display().to_string();
    let expected = [
        ("A", "of the spec"),
        ("B", "of the program"),
        ("HOB_PROJECT", "p"),
        ("HOB_ROOT", &root),
        ("HOB_RUN", "run-1"),
        ("HOB_SERVICE", "s/web"),
        ("HOST", "127.0.0.1"),
        ("OUT", &out),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("S", "from the agent's own environment"),
    ];
    assert_eq!(env, BTreeMap::from(expected));
    assert_ne!(port, spec.listen.unwrap().addr.port().to_string());
    let args = get(&spec, "/args").body;
    assert_eq!(args, format!("http\n{out}/x:{port}\n$OUT\n$HOME"));
}

#[test]
fn a_build_sees_its_output_folder_and_no_secret() {
    let (agent, _spec) = Agent::ready(|spec| {
        spec.secrets
            .insert("S".into(), SecretSource::Env("LEAK".into()));
        spec.build = Some(sh("env > env", &spec.run.cwd.clone()));
    });
    let env = std::fs::read_to_string(agent.folder.path().join("env")).unwrap();
    let mut names: Vec<&str> = env
        .lines()
        .filter_map(|it| Some(it.split_once('=')?.0))
        .collect();
    // What a shell adds by itself.
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name));
    names.sort_unstable();
    let hobs = ["HOB_PROJECT", "HOB_ROOT", "HOB_RUN", "HOB_SERVICE"];
    assert_eq!(names, [&hobs[..], &["OUT", "PATH"]].concat());
}

#[test]
fn the_first_answer_completes_the_waterfall() {
    let (agent, spec) = Agent::configured(|_| {});
    let mut watch = agent.request(&Request::Watch { logs: false });
    agent.done(Request::Start);
    let swapped = watch.event("the swap", |kind| match kind {
        EventKind::Swapped { waterfall } => Some(waterfall),
        _ => None,
    });
    assert_eq!((swapped.generation, swapped.answered), (1, None));
    assert!(swapped.built > 0 && swapped.ready > 0, "{swapped:?}");
    assert_eq!(get(&spec, "/").status, 200);
    let first = watch.event("the first answer", |kind| match kind {
        EventKind::FirstAnswer { waterfall } => Some(waterfall),
        _ => None,
    });
    let answered = first.answered;
    assert!(answered.is_some_and(|took| took > 0), "{answered:?}");
    assert_eq!(first.ready, swapped.ready);
}

#[test]
fn a_process_that_anybody_can_reach_is_told_of() {
    let (agent, _spec) = Agent::configured(|spec| {
        spec.env.insert("BIND".into(), "0.0.0.0".into());
    });
    let mut watch = agent.request(&Request::Watch { logs: false });
    agent.done(Request::Start);
    let addr = watch.event("exposure", |kind| match kind {
        EventKind::Exposed { addr } => Some(addr),
        _ => None,
    });
    assert!(addr.starts_with("0.0.0.0:"), "{addr}");
}

#[test]
fn a_missing_program_or_file_is_a_problem_that_says_what_to_do() {
    let check = |argv: &str, expected: &str| {
        let (agent, mut spec) = Agent::configured(|spec| spec.run.argv = vec![argv.into()]);
        agent.done(Request::Start);
        let (status, reason) = agent.refused(Request::Await { generation: 1 });
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(status.phase, Phase::Failed);
        spec.run.argv = vec![
            crate::support::service().display().to_string(),
            "http".into(),
        ];
        assert_eq!(agent.configure(&spec), Reply::Done);
        agent.done(Request::Await { generation: 1 });
    };
    check("no-such-program", "is not installed; try `hob doctor`");
    check("$OUT/server", "does `build` make it in `$OUT`?");
}

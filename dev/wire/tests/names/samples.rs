//! One of each, with everything in it that it can hold.

use std::collections::BTreeMap;

use hob_wire::{
    Build, Duration, Limits, Listen, LogLine, Mode, Phase, Problem, Program, Protocol, Ready,
    Restart, SecretSource, Serving, SessionInfo, Spec, Stage, Status, Stream, Swap,
};

pub(super) fn info() -> SessionInfo {
    SessionInfo {
        pid: 1,
        socket: "/s".into(),
    }
}

pub(super) fn program() -> Program {
    Program {
        argv: vec!["p".into()],
        cwd: "/c".into(),
        env: BTreeMap::new(),
    }
}

pub(super) fn spec() -> Spec {
    Spec {
        project: "p".into(),
        root: "/r".into(),
        service: "s/web".into(),
        mode: Mode::Dev,
        listen: Some(Listen {
            addr: "127.0.0.1:1".parse().unwrap(),
            protocol: Protocol::Http,
        }),
        bind: Some("0.0.0.0:80".parse().unwrap()),
        host: "127.0.0.1".parse().unwrap(),
        build: Some(program()),
        run: program(),
        env: BTreeMap::new(),
        inherit: true,
        user: Some("u".into()),
        secrets: BTreeMap::from([
            ("A".into(), SecretSource::File("/a".into())),
            ("B".into(), SecretSource::Env("B".into())),
        ]),
        ready: Ready::Command(program()),
        swap: Swap::Overlap,
        restart: Restart::OnFailure,
        live_reload: true,
        limits: Limits {
            build: Some(Duration(1)),
            ..Limits::default()
        },
        state: "/s".into(),
    }
}

pub(super) fn line() -> LogLine {
    LogLine {
        at: 1,
        stream: Stream::Out,
        generation: 1,
        text: "t".into(),
    }
}

pub(super) fn status() -> Status {
    Status {
        agent_pid: 1,
        project: "p".into(),
        service: "s/web".into(),
        mode: Mode::Dev,
        listen: None,
        spec_digest: "d".into(),
        started: true,
        phase: Phase::Ready,
        accepted: 1,
        building: Some(1),
        serving: Some(Serving {
            generation: 1,
            pid: 1,
            since: 1,
        }),
        built: Some(Build {
            generation: 1,
            digest: None,
            took: 1,
        }),
        problem: Some(Problem {
            generation: 1,
            stage: Stage::Build,
            message: "m".into(),
            output: Vec::new(),
        }),
        done: Some(1),
        writes_files: true,
        leaving: true,
        returns: true,
        crashes: 0,
        session: Some(info()),
        since: 1,
    }
}

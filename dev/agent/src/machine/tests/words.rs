//! The words in which stories are told.

use hob_wire::{
    Change, ChangeAction, Duration, Limits, Listen, Mode, Program, Protocol, Ready, Restart, Spec,
    Swap,
};
use snapbox::assert_data_eq;

use crate::machine::{BuildId, BuildResult, Effect, Exit, GateMove, Input, Machine, RunId};

pub fn spec() -> Spec {
    let program = |word: &str| Program {
        argv: vec![word.into()],
        cwd: "/src".into(),
        env: Default::default(),
    };
    Spec {
        project: "p".into(),
        root: "/".into(),
        service: "s/web".into(),
        mode: Mode::Dev,
        listen: Some(Listen {
            addr: ([127, 0, 0, 1], 20010).into(),
            protocol: Protocol::Http,
        }),
        bind: None,
        host: [127, 0, 0, 1].into(),
        build: Some(program("build")),
        run: program("run"),
        env: Default::default(),
        inherit: false,
        user: None,
        secrets: Default::default(),
        ready: Ready::Tcp,
        swap: Swap::Overlap,
        restart: Restart::Always,
        live_reload: true,
        limits: Limits {
            ready: Duration(1),
            ..Limits::default()
        },
        state: "/state".into(),
    }
}

fn input(line: &str, spec: &Spec) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words.get(at).map_or(0, |word| word.parse().unwrap());
    let (build, run) = (BuildId(number(1)), RunId(number(1)));
    let exit = |success| Exit {
        message: if success {
            "exited with code 0"
        } else {
            "exited with code 2"
        }
        .into(),
        code: Some(if success { 0 } else { 2 }),
        success,
        killed: false,
        left: words[0] == "daemon",
        uptime_ms: 50,
        tail: Vec::new(),
    };
    let action = |action| {
        Input::Change(Change {
            generation: number(1),
            action,
            noticed: 0,
            digest: None,
            paths: Vec::new(),
        })
    };
    match words[0] {
        "configure" => Input::Configure {
            spec: Box::new(spec.clone()),
            digest: "d".into(),
        },
        "configure-sources" => Input::Configure {
            spec: Box::new(spec.clone()),
            digest: "of other sources".into(),
        },
        "configure-run" => {
            let mut spec = spec.clone();
            spec.run.argv.push("more".into());
            Input::Configure {
                spec: Box::new(spec),
                digest: "e".into(),
            }
        }
        "start" => Input::Start,
        "restart" => Input::Restart,
        "rest" => Input::Rest,
        "signal" => Input::Signal,
        "shutdown" => Input::Shutdown,
        "save" => action(ChangeAction::Rebuild),
        "save-restart" => action(ChangeAction::Restart),
        "save-signal" => action(ChangeAction::Signal),
        "save-none" => action(ChangeAction::None),
        "built" => Input::BuildDone {
            id: build,
            result: BuildResult::Built,
        },
        "broken" => Input::BuildDone {
            id: build,
            result: BuildResult::Failed {
                message: "no".into(),
                output: Vec::new(),
            },
        },
        "cancelled" => Input::BuildDone {
            id: build,
            result: BuildResult::Cancelled,
        },
        "spawned" => Input::Spawned {
            run,
            pid: number(1) as u32 + 100,
            port: Some(61000),
        },
        "unspawned" => Input::SpawnFailed {
            run,
            message: "not found".into(),
        },
        "ready" => Input::Ready(run),
        "unready" => Input::NotReady {
            run,
            message: "late".into(),
            tail: Vec::new(),
        },
        "drained" => Input::Drained(run),
        "exit" => Input::Exited {
            run,
            exit: exit(true),
        },
        "daemon" => Input::Exited {
            run,
            exit: exit(true),
        },
        "crash" => Input::Exited {
            run,
            exit: exit(false),
        },
        "wake" => Input::BackoffOver { token: number(1) },
        other => panic!("no such input: {other}"),
    }
}

fn words(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Build { id, generation } => format!("build b{} of g{generation}", id.0),
        Effect::CancelBuild(id) => format!("cancel b{}", id.0),
        Effect::Spawn {
            run,
            build,
            generation,
        } => {
            format!("spawn r{} from b{} of g{generation}", run.0, build.0)
        }
        Effect::Probe(run) => format!("probe r{}", run.0),
        Effect::Drain(run) => format!("drain r{}", run.0),
        Effect::Terminate(run) => format!("terminate r{}", run.0),
        Effect::Kill(run) => format!("kill r{}", run.0),
        Effect::Signal(run) => format!("signal r{}", run.0),
        Effect::Backoff { token, delay_ms } => format!("wake {token} in {delay_ms} ms"),
        Effect::Discard(id) => format!("discard b{}", id.0),
        Effect::Gate(GateMove::Open { run, generation }) => {
            format!("gate opens to r{} as g{generation}", run.0)
        }
        Effect::Gate(GateMove::Hold(why)) => format!("gate holds: {}", why.replace('\n', " / ")),
        Effect::Gate(GateMove::Fail(problem)) => format!("gate fails: {}", problem.message),
        Effect::Gate(GateMove::Badge(Some(problem))) => format!("badge: {}", problem.message),
        Effect::Gate(GateMove::Badge(None)) => return None,
        Effect::Gate(GateMove::Reload(generation)) => format!("reload as g{generation}"),
        Effect::Gate(GateMove::Close(run)) => format!("close r{}", run.0),
        Effect::Emit(_) => return None,
        Effect::Exit => "exit".into(),
    })
}

/// Tells the story line by line; the result holds each input, what the
/// machine did about it and the phase that it was in afterwards.
#[track_caller]
pub fn check(spec: &Spec, story: &str, expected: impl snapbox::IntoData) {
    let mut machine = Machine::default();
    let mut told = String::from("\n");
    for (at, line) in story
        .split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .enumerate()
    {
        let effects = machine.step(at as u64, input(line, spec));
        let did: Vec<String> = effects.iter().filter_map(words).collect();
        let phase = format!("{:?}", machine.phase()).to_lowercase();
        told.push_str(&format!("{line:<14} {phase:<9} {}\n", did.join(", ")));
    }
    assert_data_eq!(told, expected);
}

//! Stories told to the machine in words, and what it did, in words.

#![expect(clippy::unwrap_used, reason = "tests")]

mod failures;

use hob_wire::{
    Change, ChangeAction, Duration, Limits, Listen, Mode, Program, Protocol, Ready, Restart, Spec,
    Swap,
};
use snapbox::{assert_data_eq, str};

use super::{BuildId, BuildResult, Effect, Exit, GateMove, Input, Machine, RunId};

pub(super) fn spec() -> Spec {
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
        host: [127, 0, 0, 1].into(),
        build: Some(program("build")),
        run: program("run"),
        env: Default::default(),
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
fn check(spec: &Spec, story: &str, expected: impl snapbox::IntoData) {
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

#[test]
fn a_created_service_builds_and_waits_for_what_it_needs() {
    check(
        &spec(),
        "configure; built 1; start; spawned 1; ready 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
built 1        waiting   gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1

"#]],
    );
}

#[test]
fn other_sources_are_built_in_mode_run_where_nobody_tells_of_saves() {
    let mut spec = spec();
    spec.mode = Mode::Run;
    spec.swap = Swap::Exclusive;
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; configure; configure-sources; built 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
configure      ready     
configure-sources updating  build b2 of g1
built 2        starting  drain r1, gate holds: it is starting

"#]],
    );
}

#[test]
fn a_save_is_built_swapped_in_and_the_old_process_drains() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; ready 2; \
         drained 1; exit 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
drained 1      ready     terminate r1
exit 1         ready     close r1, discard b1

"#]],
    );
}

#[test]
fn the_oldest_of_many_that_are_slow_to_end_is_killed_before_another_one_starts() {
    let mut spec = spec();
    spec.build = None;
    check(
        &spec,
        "configure; start; spawned 1; ready 1; save 2; spawned 2; save 3; spawned 3; save 4; \
         spawned 4; save 5; save 6; exit 2; spawned 5; ready 5; drained 1",
        str![[r#"

configure      waiting   gate holds: it has not been built yet, gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
save 3         updating  terminate r2, spawn r3 from b3 of g3
spawned 3      updating  probe r3
save 4         updating  terminate r3, spawn r4 from b4 of g4
spawned 4      updating  probe r4
save 5         updating  terminate r4, kill r2
save 6         updating  discard b5
exit 2         updating  close r2, discard b2, spawn r5 from b6 of g6
spawned 5      updating  probe r5
ready 5        ready     gate opens to r5 as g6, drain r1
drained 1      ready     terminate r1

"#]],
    );
}

#[test]
fn a_new_process_waits_for_old_ones_that_have_requests_and_none_of_them_is_killed() {
    let mut spec = spec();
    spec.build = None;
    check(
        &spec,
        "configure; start; spawned 1; ready 1; save 2; spawned 2; ready 2; save 3; spawned 3; \
         ready 3; save 4; spawned 4; ready 4; save 5; drained 2; exit 2; spawned 5",
        str![[r#"

configure      waiting   gate holds: it has not been built yet, gate holds: it waits for what it needs
start          starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
save 3         updating  spawn r3 from b3 of g3
spawned 3      updating  probe r3
ready 3        ready     gate opens to r3 as g3, drain r2
save 4         updating  spawn r4 from b4 of g4
spawned 4      updating  probe r4
ready 4        ready     gate opens to r4 as g4, drain r3
save 5         updating  
drained 2      updating  terminate r2, kill r2
exit 2         updating  close r2, discard b2, spawn r5 from b5 of g5
spawned 5      updating  probe r5

"#]],
    );
}

#[test]
fn a_newer_save_supersedes_a_build_and_waits_for_its_end() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; save 3; save 4; cancelled 2; \
         built 3; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
save 3         updating  cancel b2
save 4         updating  
cancelled 2    updating  discard b2, build b3 of g4
built 3        updating  spawn r2 from b3 of g4
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g4, drain r1

"#]],
    );
}

#[test]
fn a_change_of_assets_reloads_browsers_and_touches_no_process() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save-none 2; save-signal 3; save 4; \
         save-none 5; built 2; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save-none 2    ready     reload as g2
save-signal 3  ready     signal r1, reload as g3
save 4         updating  build b2 of g4
save-none 5    updating  
built 2        updating  spawn r2 from b2 of g5
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g5, drain r1

"#]],
    );
}

#[test]
fn shutdown_ends_builds_and_every_process_before_the_agent_goes() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; built 2; spawned 2; ready 2; \
         save 3; shutdown; exit 2; cancelled 3; exit 1",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
built 2        updating  spawn r2 from b2 of g2
spawned 2      updating  probe r2
ready 2        ready     gate opens to r2 as g2, drain r1
save 3         updating  build b3 of g3
shutdown       stopped   cancel b3, gate holds: it is going down, terminate r2, terminate r1
exit 2         stopped   close r2
cancelled 3    stopped   discard b3
exit 1         stopped   close r1, discard b1, exit

"#]],
    );
}

#[test]
fn another_command_in_the_spec_starts_a_process_without_a_build() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; configure-run",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
configure-run  updating  spawn r2 from b1 of g1

"#]],
    );
}

#[test]
fn a_production_process_owns_its_port_so_it_is_replaced_not_overlapped() {
    let spec = Spec {
        mode: Mode::Run,
        ..spec()
    };
    check(
        &spec,
        "configure; start; built 1; spawned 1; ready 1; restart; drained 1; exit 1; spawned 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
restart        starting  drain r1, gate holds: it is starting
drained 1      starting  terminate r1
exit 1         starting  close r1, spawn r2 from b1 of g1
spawned 2      starting  probe r2

"#]],
    );
}

#[test]
fn a_signal_meets_a_process_that_is_starting_with_a_new_one() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; save-signal 2; spawned 2; ready 2",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
save-signal 2  starting  terminate r1, gate holds: it is starting, spawn r2 from b1 of g2
spawned 2      starting  probe r2
ready 2        ready     gate opens to r2 as g2

"#]],
    );
}

#[test]
fn another_command_during_a_build_is_started_from_what_there_is_and_again_after_it() {
    check(
        &spec(),
        "configure; start; built 1; spawned 1; ready 1; save 2; configure-run; spawned 2; built 2; \
         spawned 3; ready 3",
        str![[r#"

configure      building  gate holds: it has not been built yet, build b1 of g1
start          building  
built 1        starting  gate holds: it is starting, spawn r1 from b1 of g1
spawned 1      starting  probe r1
ready 1        ready     gate opens to r1 as g1
save 2         updating  build b2 of g2
configure-run  updating  spawn r2 from b1 of g1
spawned 2      updating  probe r2
built 2        updating  terminate r2, spawn r3 from b2 of g2
spawned 3      updating  probe r3
ready 3        ready     gate opens to r3 as g2, drain r1

"#]],
    );
}

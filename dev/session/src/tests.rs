//! Stories told to the session in words, and what it did, in words.

#![expect(clippy::unwrap_used, reason = "tests")]

use hob_stack::ServiceId;
use hob_wire::{
    Build, ChangeAction, Event, EventKind, Mode, Phase, Problem, Reply, Request, SessionInfo,
    SessionRequest, Stage, Status,
};
use snapbox::{assert_data_eq, str};

use crate::message::{Applied, Command, Effect, Input, Save, Token, Told, Watching};
use crate::reducer::Session;

mod plans;
mod selfwritten;

const WATCHING_SINCE: u64 = 100;

fn watching(name: &str, since: u64) -> Watching {
    let service = id(name);
    Watching { service, since }
}

fn id(name: &str) -> ServiceId {
    format!("s/{name}").parse().unwrap()
}

fn status(name: &str, word: &str, accepted: u64, since: u64, digest: &str) -> Input {
    let phase = match word {
        "new" | "waiting" => Phase::Waiting,
        "building" => Phase::Building,
        "starting" => Phase::Starting,
        "ready" | "production" => Phase::Ready,
        "failed" => Phase::Failed,
        "stale" => Phase::Stale,
        "updating" => Phase::Updating,
        "stopped" => Phase::Stopped,
        other => panic!("no such phase: {other}"),
    };
    let mode = if word == "production" {
        Mode::Run
    } else {
        Mode::Dev
    };
    let digest = Some(digest.to_owned()).filter(|digest| !digest.is_empty());
    Input::Status(Box::new(Status {
        agent_pid: 1,
        project: "p".into(),
        service: format!("s/{name}"),
        mode,
        listen: None,
        spec_digest: String::new(),
        started: true,
        phase,
        accepted,
        building: (word == "building").then_some(accepted),
        serving: None,
        built: (word == "ready").then_some(Build {
            generation: accepted,
            digest,
            took: 0,
        }),
        problem: matches!(word, "failed" | "stale").then(|| Problem {
            generation: accepted,
            stage: Stage::Build,
            message: "it did not build".into(),
            output: Vec::new(),
        }),
        done: None,
        crashes: 0,
        session: None,
        since,
    }))
}

/// `save web`, `ready web 3` (state, service, generation, then when the agent
/// began and the digest of what it built).
fn input(line: &str) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let number = |at: usize, otherwise: u64| word(at).parse().unwrap_or(otherwise);
    let save = |action| {
        Input::Save(Save {
            service: id(word(1)),
            action,
            noticed: 7,
            paths: vec!["main.go".into()],
            digest: Some(word(2).to_owned()),
            self_written: false,
        })
    };
    match words[0] {
        "save" => save(ChangeAction::Rebuild),
        "save-none" => save(ChangeAction::None),
        "digest" => Input::Digest {
            service: id(word(1)),
            digest: word(2).into(),
        },
        "attached" => Input::Attached(id(word(1))),
        "refused" => Input::Refused {
            service: id(word(1)),
            reason: "process 9 has it".into(),
            other: Some(SessionInfo {
                pid: 9,
                socket: "/s".into(),
            }),
        },
        "unready" => Input::Refused {
            service: id(word(1)),
            reason: "the agent is going down".into(),
            other: None,
        },
        "lost" => Input::Lost(id(word(1))),
        "stopping" => Input::Event(Event {
            at: 0,
            service: format!("s/{}", word(1)),
            kind: EventKind::Phase(Phase::Stopped),
        }),
        "applied" => Input::Applied(Applied::Wholly),
        "obstructed" => Input::Applied(Applied::Obstructed),
        "retry" => Input::Retry,
        "half-applied" => Input::Applied(Applied::Partly),
        "blocked" => Input::Applied(Applied::Blocked),
        "replan" => Input::Replan,
        "reloaded" => Input::Reloaded(words[1..].iter().map(|name| watching(name, 300)).collect()),
        "reread" => Input::Reloaded(
            words[1..]
                .iter()
                .map(|name| watching(name, WATCHING_SINCE))
                .collect(),
        ),
        "sync" => Input::Asked {
            token: Token(number(2, 1)),
            request: SessionRequest::Sync {
                service: format!("s/{}", word(1)),
            },
        },
        "synced" | "unsynced" => Input::Synced {
            token: Token(number(2, 1)),
            looked: words[0] == "synced",
        },
        "quit" => Input::Asked {
            token: Token(9),
            request: SessionRequest::Quit,
        },
        // `write web 1.5 app.db`, `start web 1.4`: the service, when, what.
        "write" => Input::Save(Save {
            service: id(word(1)),
            action: ChangeAction::Rebuild,
            noticed: seconds(word(2)),
            paths: words[3..].iter().map(ToString::to_string).collect(),
            digest: Some(format!("at-{}", word(2))),
            self_written: false,
        }),
        "start" => Input::Event(Event {
            at: seconds(word(2)),
            service: format!("s/{}", word(1)),
            kind: EventKind::Started {
                generation: 1,
                pid: 2,
                port: None,
            },
        }),
        "wake" => Input::Wake {
            service: id(word(1)),
            ticket: number(2, 0),
        },
        "describe" => Input::Asked {
            token: Token(9),
            request: SessionRequest::Describe,
        },
        "pause" => Input::Command(Command::Pause),
        "rebuild" => Input::Command(Command::Rebuild(None)),
        "restart" => Input::Command(Command::Restart(Some(id(word(1))))),
        "leave" => Input::Leave,
        "torn-down" => Input::TornDown,
        phase => status(word(1), phase, number(2, 1), number(3, 200), word(4)),
    }
}

/// In the wire's unit.
fn seconds(word: &str) -> u64 {
    (word.parse::<f64>().unwrap() * 1e6) as u64
}

fn words(effect: &Effect) -> String {
    match effect {
        Effect::Apply { services, quietly } => {
            let names: Vec<&str> = services.iter().map(|id| id.service.as_str()).collect();
            let how = if *quietly { "quietly " } else { "" };
            format!("{how}apply {}", names.join(" and "))
        }
        Effect::ReplanAfter(ms) => format!("replan in {ms} ms"),
        Effect::RetryAfter(ms) => format!("retry in {ms} ms"),
        Effect::WakeAfter { ticket, ms, .. } => format!("wake {ticket} in {ms} ms"),
        Effect::Attach(id) => format!("attach {}", id.service),
        Effect::Send(id, request) => match request {
            Request::Change(change) => {
                let action = format!("{:?}", change.action).to_lowercase();
                format!("{}: {action} g{}", id.service, change.generation)
            }
            Request::Digest { generation, digest } => {
                format!("{}: g{generation} is {digest}", id.service)
            }
            Request::Restart => format!("{}: restart", id.service),
            other => format!("{other:?}"),
        },
        Effect::Sync { service, .. } => format!("look at {}", service.service),
        Effect::Answer(_, Reply::Generation(generation)) => format!("answer g{generation}"),
        Effect::Answer(_, Reply::Refused { reason, .. }) => format!("refuse: {reason}"),
        Effect::Answer(_, Reply::Session(state)) => {
            let notes = state.notes.iter().map(|note| format!("; {note}"));
            let notes: String = notes.collect();
            format!("answer that it has {}{notes}", state.services.join(" and "))
        }
        Effect::Answer(_, reply) => format!("answer {reply:?}"),
        Effect::Tell(told) => match told {
            Told::AgentLost(id) => format!("tell that the agent of {} died", id.service),
            Told::SelfWritten(it) => format!("tell that {}", it.fact()),
            Told::TakenDown(id) => format!("tell that {} was taken down", id.service),
            Told::Taken { service, reason } => format!("tell of {}: {reason}", service.service),
            told => format!("tell {told:?}"),
        },
        Effect::TearDown { services, force } => {
            let names: Vec<&str> = services.iter().map(|id| id.service.as_str()).collect();
            let how = if *force { " by force" } else { "" };
            format!("tear down {}{how}", names.join(" and "))
        }
        Effect::Finish(end) => format!("finish: {end:?}"),
    }
}

/// What comes of a story, line by line.
fn tell(keep: bool, services: &[&str], story: &str) -> String {
    let services = services.iter().map(|name| watching(name, WATCHING_SINCE));
    let mut session = Session::new(services, keep);
    let mut told = String::from("\n");
    let mut tell = |line: &str, effects: Vec<Effect>| {
        let did: Vec<String> = effects.iter().map(words).collect();
        told.push_str(format!("{line:<22} {}", did.join(", ")).trim_end());
        told.push('\n');
    };
    tell("begin", session.begin());
    for line in story
        .split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        tell(line, session.step(input(line)));
    }
    told
}

#[track_caller]
fn check_kept(keep: bool, services: &[&str], story: &str, expected: impl snapbox::IntoData) {
    assert_data_eq!(tell(keep, services, story), expected);
}

#[track_caller]
fn check(services: &[&str], story: &str, expected: impl snapbox::IntoData) {
    check_kept(false, services, story, expected);
}

#[test]
fn a_save_goes_to_the_agent_with_the_next_generation() {
    check(
        &["web"],
        "attached web; building web 1; ready web 1; applied; save web aa; ready web 2; save web bb",
        str![[r#"

begin                  apply web, attach web
attached web
building web 1
ready web 1
applied                tell AllReady, tell CaughtUp
save web aa            web: rebuild g2
ready web 2            web: g2 is aa
save web bb            web: rebuild g3

"#]],
    );
}

#[test]
fn all_is_ready_only_when_every_save_would_be_built() {
    check(
        &["web"],
        "applied; attached web; ready web 1",
        str![[r#"

begin                  apply web, attach web
applied
attached web
ready web 1            tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn a_save_before_the_agent_has_its_spec_is_kept_and_sent_after_it() {
    check(
        &["web"],
        "save web aa; attached web; new web 0; save-none web bb; building web 1",
        str![[r#"

begin                  apply web, attach web
save web aa
attached web
new web 0
save-none web bb
building web 1         web: rebuild g2

"#]],
    );
}

#[test]
fn the_digest_of_what_a_new_agent_built_is_told_when_it_is_known() {
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa

"#]],
    );
}

#[test]
fn an_agent_of_an_earlier_session_is_held_against_the_disk() {
    check(
        &["web"],
        "attached web; ready web 5 50 aa; digest web aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
digest web aa

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50 aa; digest web bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50 aa
digest web bb          web: rebuild g6

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 5 50; digest web bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 5 50
digest web bb          web: rebuild g6

"#]],
    );
}

#[test]
fn a_lost_agent_is_made_anew_with_growing_pauses_and_loses_no_save() {
    check(
        &["web"],
        "attached web; ready web 3; applied; lost web; save web aa; replan; lost web; replan; \
         applied; attached web; building web 1; applied",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 3
applied                tell AllReady, tell CaughtUp
lost web               tell that the agent of web died, replan in 50 ms
save web aa
replan                 apply web, attach web
lost web               tell that the agent of web died, replan in 100 ms
replan
applied                apply web, attach web
attached web
building web 1         web: rebuild g2
applied

"#]],
    );
}

#[test]
fn a_service_taken_down_elsewhere_is_not_fought_for() {
    check(
        &["db", "web"],
        "attached db; ready db; attached web; ready web; applied; stopping web; lost web; \
         save web aa; stopping db; lost db",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
attached web
ready web
applied                tell AllReady, tell CaughtUp
stopping web
lost web               tell that web was taken down
save web aa
stopping db
lost db                tell that db was taken down, finish: TakenDown

"#]],
    );
}

#[test]
fn an_agent_that_the_plan_replaces_is_attached_to_anew() {
    check(
        &["web"],
        "digest web aa; attached web; production web 3 50; stopping web; lost web; \
         attached web; building web 1; ready web 1; applied",
        str![[r#"

begin                  apply web, attach web
digest web aa
attached web
production web 3 50
stopping web
lost web               attach web
attached web
building web 1
ready web 1            web: g1 is aa
applied                tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn a_service_of_another_session_is_left_to_it() {
    check(
        &["web"],
        "refused web",
        str![[r#"

begin                  apply web, attach web
refused web            tell of web: process 9 has it, finish: Taken { pid: 9 }

"#]],
    );
}

#[test]
fn what_waited_for_a_mended_service_goes_on() {
    check(
        &["db", "web"],
        "attached db; failed db; half-applied; save db aa; ready db 2; applied; attached web; ready web",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
failed db
half-applied           tell SomeReady
save db aa             db: rebuild g2
ready db 2             db: g2 is aa, quietly apply db and web
applied
attached web
ready web              tell AllReady, tell CaughtUp

"#]],
    );
}

#[test]
fn a_wait_looks_at_the_disk_and_answers_with_the_generation_that_holds_it() {
    check(
        &["web"],
        "sync web; attached web; ready web 4; sync web; save web aa; synced web; sync api",
        str![[r#"

begin                  apply web, attach web
sync web               refuse: s/web has no agent yet
attached web
ready web 4
sync web               look at web
save web aa            web: rebuild g5
synced web             answer g5
sync api               refuse: this session does not watch s/api

"#]],
    );
}

#[test]
fn a_pause_keeps_saves_back_and_sends_them_as_one() {
    check(
        &["web"],
        "attached web; ready web; pause; save-none web aa; save web bb; sync web; pause",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
pause                  tell Paused(true)
save-none web aa
save web bb
sync web               refuse: the dev session is paused; press `p` in it
pause                  tell Paused(false), web: rebuild g2

"#]],
    );
}

#[test]
fn restart_and_rebuild_go_to_the_agents() {
    check(
        &["web"],
        "attached web; ready web; restart web; rebuild",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
restart web            web: restart
rebuild                web: rebuild g2

"#]],
    );
}

#[test]
fn leaving_is_gentle_once_and_at_once_the_second_time() {
    check(
        &["web"],
        "attached web; ready web; leave; lost web; leave; torn-down",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
leave                  tell Leaving, tear down web
lost web
leave                  tear down web by force
torn-down              finish: Left

"#]],
    );
    check_kept(
        true,
        &["web"],
        "attached web; ready web; leave",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
leave                  finish: Left

"#]],
    );
    check(
        &["web"],
        "attached web; ready web; quit",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
quit                   answer Done, tell Leaving, tear down web

"#]],
    );
}

#[test]
fn a_changed_stack_file_is_planned_and_new_services_are_attached_to() {
    check(
        &["web"],
        "attached web; ready web; applied; reloaded db web; applied; attached db; ready db",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
applied                tell AllReady, tell CaughtUp
reloaded db web        apply db and web, attach db
applied
attached db
ready db               tell AllReady

"#]],
    );
}

#[test]
fn what_cannot_be_brought_up_at_all_ends_the_session_and_takes_the_rest_down() {
    check(
        &["db", "web"],
        "attached db; ready db; blocked; lost db; torn-down",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
blocked                tear down db and web
lost db
torn-down              finish: Blocked

"#]],
    );
}

#[test]
fn a_key_tries_again_what_something_was_in_the_way_of() {
    check(
        &["db", "web"],
        "attached db; ready db; half-applied; rebuild; applied; attached web; ready web",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
half-applied           tell SomeReady
rebuild                apply db and web, db: rebuild g2
applied
attached web
ready web              tell AllReady

"#]],
    );
}

#[test]
fn a_plan_that_is_blocked_later_does_not_end_the_session() {
    check(
        &["web"],
        "attached web; ready web; applied; lost web; replan; blocked",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
applied                tell AllReady, tell CaughtUp
lost web               tell that the agent of web died, replan in 50 ms
replan                 apply web, attach web
blocked                retry in 2000 ms, tell SomeReady

"#]],
    );
}

#[test]
fn leaving_takes_down_only_what_is_this_sessions() {
    check(
        &["db", "web"],
        "refused db; attached web; ready web; leave; torn-down",
        str![[r#"

begin                  apply db and web, attach db, attach web
refused db             tell of db: process 9 has it
attached web
ready web
leave                  tell Leaving, tear down web
torn-down              finish: Left

"#]],
    );
}

#[test]
fn an_agent_that_is_going_down_is_asked_again() {
    check(
        &["web"],
        "unready web; replan",
        str![[r#"

begin                  apply web, attach web
unready web            replan in 100 ms
replan

"#]],
    );
}

#[test]
fn what_another_watch_sees_is_held_against_what_was_built() {
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa; reloaded web; applied; ready web 1 200 aa; \
         digest web bb; ready web 2 200 bb",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa
reloaded web           apply web
applied                tell AllReady
ready web 1 200 aa
digest web bb          web: rebuild g2
ready web 2 200 bb     tell CaughtUp

"#]],
    );
    check(
        &["web"],
        "attached web; ready web 1 200; digest web aa; reread web; applied; ready web 1 200 aa",
        str![[r#"

begin                  apply web, attach web
attached web
ready web 1 200
digest web aa          web: g1 is aa
reread web             apply web
applied                tell AllReady, tell CaughtUp
ready web 1 200 aa

"#]],
    );
}

#[test]
fn a_build_under_way_is_not_held_against_the_disk() {
    check(
        &["web"],
        "attached web; building web 1 200; digest web aa; ready web 1 200; failed web 2 200",
        str![[r#"

begin                  apply web, attach web
attached web
building web 1 200
digest web aa
ready web 1 200        web: g1 is aa
failed web 2 200

"#]],
    );
}

#[test]
fn a_wait_that_could_not_look_or_lost_its_agent_is_refused() {
    check(
        &["web"],
        "attached web; ready web; sync web 1; unsynced web 1; sync web 2; lost web; synced web 2",
        str![[r#"

begin                  apply web, attach web
attached web
ready web
sync web 1             look at web
unsynced web 1         refuse: s/web cannot be waited for at the moment
sync web 2             look at web
lost web               tell that the agent of web died, replan in 50 ms
synced web 2           refuse: s/web cannot be waited for at the moment

"#]],
    );
}

#[test]
fn a_service_that_was_taken_down_stays_down_when_the_stack_file_changes() {
    check(
        &["db", "web"],
        "attached db; ready db; attached web; ready web; applied; stopping web; lost web; \
         reread db web; applied",
        str![[r#"

begin                  apply db and web, attach db, attach web
attached db
ready db
attached web
ready web
applied                tell AllReady, tell CaughtUp
stopping web
lost web               tell that web was taken down
reread db web          apply db
applied                tell AllReady

"#]],
    );
}

#[test]
fn a_plan_under_way_is_given_up_for_the_stack_file_as_it_is_now() {
    check(
        &["web", "wrong"],
        "attached web; ready web; reloaded web; applied",
        str![[r#"

begin                  apply web and wrong, attach web, attach wrong
attached web
ready web
reloaded web           apply web
applied                tell AllReady

"#]],
    );
}

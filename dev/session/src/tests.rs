//! Stories told to the session in words, and what it did, in words.

#![expect(clippy::unwrap_used, reason = "tests")]

use hob_stack::ServiceId;
use hob_wire::{
    Build, ChangeAction, Event, EventKind, Mode, Phase, Problem, Reply, Request, SessionInfo,
    SessionRequest, Stage, Status, Waterfall,
};
use snapbox::assert_data_eq;

use crate::message::{Applied, Command, Effect, Input, Performed, Save, Token, Told, Watching};
use crate::reducer::Session;

mod agents;
mod plans;
mod saves;
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
        "ready" | "writing" | "production" => Phase::Ready,
        "failed" => Phase::Failed,
        "stale" => Phase::Stale,
        "updating" => Phase::Updating,
        "stopped" | "returning" => Phase::Stopped,
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
        built: matches!(word, "ready" | "writing").then_some(Build {
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
        writes_files: word == "writing",
        leaving: matches!(word, "stopping" | "returning"),
        returns: word == "returning",
        crashes: 0,
        session: None,
        since,
    }))
}

/// `save web`, `ready web 3` (state, service, generation, then when the agent
/// began and the digest of what it built); `writing` is `ready` of a service
/// that is known to have written files.
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
            new: false,
            digest: Some(word(2).to_owned()),
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
        "applied" => performed(Applied::Wholly, &words),
        "obstructed" => performed(Applied::Obstructed, &words),
        "retry" => Input::Retry,
        "rereading" => Input::Rereading,
        "planned" => Input::Planned(words[1..].iter().map(|name| id(name)).collect()),
        "misread" => Input::Reread(Some(words[1..].join(" "))),
        "read" => Input::Reread(None),
        "half-applied" => performed(Applied::Partly, &words),
        "blocked" => performed(Applied::Blocked, &words),
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
            new: false,
            digest: Some(format!("at-{}", word(2))),
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
        "swap" => Input::Event(Event {
            at: seconds(word(2)),
            service: format!("s/{}", word(1)),
            kind: EventKind::Swapped {
                waterfall: Waterfall::default(),
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
        "released" => Input::Released(id(word(1))),
        "leave" => Input::Leave,
        "torn-down" => Input::TornDown,
        phase => status(word(1), phase, number(2, 1), number(3, 200), word(4)),
    }
}

/// `half-applied the image of web does not build`: how, and what is in the way.
fn performed(how: Applied, words: &[&str]) -> Input {
    let trouble = words[1..].join(" ");
    let troubles = (!trouble.is_empty()).then_some(trouble);
    Input::Performed(Performed {
        how,
        troubles: troubles.into_iter().collect(),
    })
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
        Effect::AwaitEnd(id, other) => format!("await process {} for {}", other.pid, id.service),
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
            Told::TakenBack(id) => format!("tell that {} is taken back", id.service),
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

//! Every name on the wire. When this snapshot changes, ask what
//! [`PROTOCOL`](hob_wire::PROTOCOL) asks: can a peer of the old names go on?
//! If not, the number goes up in the same change.

#![expect(clippy::unwrap_used, reason = "tests")]

mod choices;
mod samples;

use hob_wire::{
    Change, ChangeAction, Event, EventKind, Hello, LogQuery, PROTOCOL, Phase, Reply, Request,
    SessionRequest, SessionState, Spec, Stage, Token, Waterfall,
};
use serde::Serialize;
use snapbox::{assert_data_eq, str};

use crate::samples::{info, line, spec, status};

/// Each on a line of its own, after the version.
#[track_caller]
fn check<T: Serialize>(all: &[T], expected: impl snapbox::IntoData) {
    let lines = all.iter().map(|it| serde_json::to_string(it).unwrap());
    let text = lines.fold(format!("\nprotocol {PROTOCOL}"), |text, line| {
        format!("{text}\n{line}")
    });
    assert_data_eq!(format!("{text}\n"), expected);
}

#[test]
fn what_is_asked_of_an_agent() {
    let change = Change {
        generation: 1,
        action: ChangeAction::Rebuild,
        noticed: 1,
        digest: None,
        paths: vec!["a".into()],
    };
    let digest = "d".to_owned();
    let all = [
        Request::Status,
        Request::Configure {
            spec: Box::new(spec()),
            digest: digest.clone(),
        },
        Request::Start,
        Request::Restart,
        Request::Rest,
        Request::Signal,
        Request::Shutdown,
        Request::Logs(LogQuery::default()),
        Request::Watch { logs: true },
        Request::Attach(info()),
        Request::Change(change),
        Request::Digest {
            generation: 1,
            digest,
        },
        Request::Await { generation: 1 },
        Request::Usage,
    ];
    // One more of them belongs into the list above.
    match all[0] {
        Request::Status
        | Request::Configure { .. }
        | Request::Start
        | Request::Restart
        | Request::Rest
        | Request::Signal
        | Request::Shutdown
        | Request::Logs(_)
        | Request::Watch { .. }
        | Request::Attach(_)
        | Request::Change(_)
        | Request::Digest { .. }
        | Request::Await { .. }
        | Request::Usage => {}
    }
    check(
        &all,
        str![[r#"

protocol 4
"status"
{"configure":{"spec":{"project":"p","root":"/r","service":"s/web","mode":"dev","listen":{"addr":"127.0.0.1:1","protocol":"http"},"bind":"0.0.0.0:80","host":"127.0.0.1","build":{"argv":["p"],"cwd":"/c","env":{}},"run":{"argv":["p"],"cwd":"/c","env":{}},"env":{},"inherit":true,"user":"u","secrets":{"A":{"file":"/a"},"B":{"env":"B"}},"ready":{"command":{"argv":["p"],"cwd":"/c","env":{}}},"swap":"overlap","restart":"on-failure","live_reload":true,"limits":{"ready":30000,"hold":30000,"drain":10000,"grace":5000,"build":1,"log_bytes":8388608},"state":"/s"},"digest":"d"}}
"start"
"restart"
"rest"
"signal"
"shutdown"
{"logs":{"since":null,"tail":null,"follow":false}}
{"watch":{"logs":true}}
{"attach":{"pid":1,"socket":"/s"}}
{"change":{"generation":1,"action":"rebuild","noticed":1,"digest":null,"paths":["a"]}}
{"digest":{"generation":1,"digest":"d"}}
{"await":{"generation":1}}
"usage"

"#]],
    );
}

#[test]
fn what_is_asked_of_a_session_and_said_first() {
    let all = [
        SessionRequest::Sync {
            service: "s/web".into(),
        },
        SessionRequest::Describe,
        SessionRequest::Quit,
    ];
    match all[0] {
        SessionRequest::Sync { .. } | SessionRequest::Describe | SessionRequest::Quit => {}
    }
    check(
        &all,
        str![[r#"

protocol 4
{"sync":{"service":"s/web"}}
"describe"
"quit"

"#]],
    );
    check(
        &[Hello::current()],
        str![[r#"

protocol 4
{"protocol":4}

"#]],
    );
    let token = "t".to_owned();
    check(
        &[Token { token }],
        str![[r#"

protocol 4
{"token":"t"}

"#]],
    );
}

#[test]
fn what_is_answered() {
    let event = Event {
        at: 1,
        service: "s/web".into(),
        kind: EventKind::Note("n".into()),
    };
    let all = [
        Reply::Done,
        Reply::Refused {
            reason: "r".into(),
            session: Some(info()),
        },
        Reply::Version { protocol: 1 },
        Reply::Status(Box::new(status())),
        Reply::Event(event),
        Reply::Log(line()),
        Reply::Generation(1),
        Reply::Session(SessionState::default()),
        Reply::Usage {
            cpu_percent: 12.5,
            memory_bytes: 1,
        },
    ];
    match all[0] {
        Reply::Done
        | Reply::Refused { .. }
        | Reply::Version { .. }
        | Reply::Status(_)
        | Reply::Event(_)
        | Reply::Log(_)
        | Reply::Generation(_)
        | Reply::Session(_)
        | Reply::Usage { .. } => {}
    }
    check(
        &all,
        str![[r#"

protocol 4
"done"
{"refused":{"reason":"r","session":{"pid":1,"socket":"/s"}}}
{"version":{"protocol":1}}
{"status":{"agent_pid":1,"project":"p","service":"s/web","mode":"dev","listen":null,"spec_digest":"d","started":true,"phase":"ready","accepted":1,"building":1,"serving":{"generation":1,"pid":1,"since":1},"built":{"generation":1,"digest":null,"took":1},"problem":{"generation":1,"stage":"build","message":"m","output":[]},"done":1,"writes_files":true,"leaving":true,"returns":true,"crashes":0,"session":{"pid":1,"socket":"/s"},"since":1}}
{"event":{"at":1,"service":"s/web","kind":{"note":"n"}}}
{"log":{"at":1,"stream":"out","generation":1,"text":"t"}}
{"generation":1}
{"session":{"services":[],"notes":[]}}
{"usage":{"cpu_percent":12.5,"memory_bytes":1}}

"#]],
    );
}

#[test]
fn what_is_told() {
    let (generation, waterfall) = (1, Waterfall::default());
    let message = "m".to_owned();
    let all = [
        EventKind::BuildStarted {
            generation,
            noticed: 1,
        },
        EventKind::BuildSuperseded { generation, by: 2 },
        EventKind::Built {
            generation,
            took: 1,
        },
        EventKind::Started {
            generation,
            pid: 1,
            port: None,
        },
        EventKind::Swapped { waterfall },
        EventKind::FirstAnswer { waterfall },
        EventKind::Retired {
            generation,
            killed: false,
        },
        EventKind::Failed {
            generation,
            stage: Stage::Start,
            message: message.clone(),
            output: vec![line()],
            serving: None,
        },
        EventKind::Crashed {
            generation,
            message,
            code: Some(3),
            retry_ms: None,
        },
        EventKind::Reloaded { generation },
        EventKind::Exposed { addr: "a".into() },
        EventKind::Phase(Phase::Ready),
        EventKind::Log(line()),
        EventKind::Note("n".into()),
    ];
    match all[0] {
        EventKind::BuildStarted { .. }
        | EventKind::BuildSuperseded { .. }
        | EventKind::Built { .. }
        | EventKind::Started { .. }
        | EventKind::Swapped { .. }
        | EventKind::FirstAnswer { .. }
        | EventKind::Retired { .. }
        | EventKind::Failed { .. }
        | EventKind::Crashed { .. }
        | EventKind::Reloaded { .. }
        | EventKind::Exposed { .. }
        | EventKind::Phase(_)
        | EventKind::Log(_)
        | EventKind::Note(_) => {}
    }
    check(
        &all,
        str![[r#"

protocol 4
{"build-started":{"generation":1,"noticed":1}}
{"build-superseded":{"generation":1,"by":2}}
{"built":{"generation":1,"took":1}}
{"started":{"generation":1,"pid":1,"port":null}}
{"swapped":{"waterfall":{"generation":0,"noticed":0,"built":0,"started":0,"ready":0,"answered":null}}}
{"first-answer":{"waterfall":{"generation":0,"noticed":0,"built":0,"started":0,"ready":0,"answered":null}}}
{"retired":{"generation":1,"killed":false}}
{"failed":{"generation":1,"stage":"start","message":"m","output":[{"at":1,"stream":"out","generation":1,"text":"t"}],"serving":null}}
{"crashed":{"generation":1,"message":"m","code":3,"retry_ms":null}}
{"reloaded":{"generation":1}}
{"exposed":{"addr":"a"}}
{"phase":"ready"}
{"log":{"at":1,"stream":"out","generation":1,"text":"t"}}
{"note":"n"}

"#]],
    );
}

#[test]
fn a_spec_says_nothing_of_a_user_that_it_does_not_name() {
    let plain = Spec {
        inherit: false,
        user: None,
        ..spec()
    };
    let text = serde_json::to_string(&plain).unwrap();
    assert!(
        !text.contains("inherit") && !text.contains("user"),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), plain);
}

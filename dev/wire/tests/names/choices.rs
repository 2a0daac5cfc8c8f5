//! The words of which one is chosen.

use hob_wire::{ChangeAction, Mode, Phase, Protocol, Ready, Restart, Stage, Stream, Swap};
use snapbox::str;

use crate::check;
use crate::samples::program;

#[test]
fn the_words_that_choose() {
    use ChangeAction::{None as Nothing, Rebuild, Signal};
    check(
        &[Nothing, Signal, ChangeAction::Restart, Rebuild],
        str![[r#"

protocol 4
"none"
"signal"
"restart"
"rebuild"

"#]],
    );
    let phases = [
        Phase::Waiting,
        Phase::Resting,
        Phase::Building,
        Phase::Starting,
        Phase::Ready,
        Phase::Updating,
        Phase::Stale,
        Phase::Failed,
        Phase::Backoff,
        Phase::Stopped,
    ];
    check(
        &phases,
        str![[r#"

protocol 4
"waiting"
"resting"
"building"
"starting"
"ready"
"updating"
"stale"
"failed"
"backoff"
"stopped"

"#]],
    );
    check(
        &[Stage::Build, Stage::Start, Stage::Ready, Stage::Crash],
        str![[r#"

protocol 4
"build"
"start"
"ready"
"crash"

"#]],
    );
    check(
        &[Stream::Out, Stream::Err, Stream::Build, Stream::Hob],
        str![[r#"

protocol 4
"out"
"err"
"build"
"hob"

"#]],
    );
    check(
        &[Mode::Dev, Mode::Run],
        str![[r#"

protocol 4
"dev"
"run"

"#]],
    );
    check(
        &[Protocol::Http, Protocol::Grpc, Protocol::Tcp],
        str![[r#"

protocol 4
"http"
"grpc"
"tcp"

"#]],
    );
    check(
        &[Swap::Overlap, Swap::Exclusive],
        str![[r#"

protocol 4
"overlap"
"exclusive"

"#]],
    );
    check(
        &[Restart::Always, Restart::OnFailure, Restart::Never],
        str![[r#"

protocol 4
"always"
"on-failure"
"never"

"#]],
    );
    let ready = [
        Ready::Http("/".into()),
        Ready::Tcp,
        Ready::Command(program()),
        Ready::Started,
    ];
    check(
        &ready,
        str![[r#"

protocol 4
{"http":"/"}
"tcp"
{"command":{"argv":["p"],"cwd":"/c","env":{}}}
"started"

"#]],
    );
}

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{Bases, Turn};
use crate::apply::{Progress, StepState};
use crate::plan::StepId;
use crate::world::{Failure, Says};

const IMAGE: &str = "debian:trixie-slim";

/// Long enough for a busy machine; only a failing test waits for it.
const LONG: Duration = Duration::from_secs(30);

type Made = Result<Result<(), String>, Failure>;

async fn next(lines: &mut UnboundedReceiver<Progress>) -> String {
    let line = tokio::time::timeout(LONG, lines.recv()).await;
    match line.expect("a line in time").unwrap().state {
        StepState::Said(line) => line,
        other => panic!("no line: {other:?}"),
    }
}

async fn once(
    bases: &Bases<String>,
    home: &TempDir,
    says: &Says,
    make: impl Future<Output = Result<(), String>>,
) -> Made {
    let turn = Turn {
        image: IMAGE,
        engine: "/run/docker.sock",
        home: home.path(),
        limit: LONG,
    };
    bases.once(turn, says, make).await
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Looks whether the base is there, and makes it where it is not.
async fn look_and_make(made: &Cell<u32>) -> Result<(), String> {
    if made.get() == 0 {
        // Whoever does not wait comes between the look and the making.
        tokio::task::yield_now().await;
        made.set(made.get() + 1);
    }
    Ok(())
}

#[tokio::test]
async fn what_services_and_other_hobs_want_at_once_is_made_once() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (Bases::default(), Bases::default());
    let (sender, mut lines) = unbounded_channel();
    let says = Says::of(StepId(0), sender);
    let made = Cell::new(0);
    let first = once(&one, &home, &says, async {
        let holder = format!("another hob (process {})", std::process::id());
        assert_eq!(next(&mut lines).await, format!("waits for {holder}"));
        look_and_make(&made).await
    });
    let second = once(&one, &home, &says, look_and_make(&made));
    let third = once(&other, &home, &says, look_and_make(&made));
    let (first, second, third) = tokio::join!(first, second, third);
    assert_eq!(
        [first, second, third].map(Result::unwrap),
        [const { Ok(()) }; 3]
    );
    assert_eq!(made.get(), 1);
    assert_eq!(files(home.path()), 0, "nothing is left of the lock");
}

#[tokio::test]
async fn a_failure_is_that_of_all_who_waited_and_of_nobody_later() {
    let home = tempfile::tempdir().unwrap();
    let bases = Bases::default();
    let says = Says::default();
    let first = once(&bases, &home, &says, async {
        // The other one comes to wait.
        tokio::task::yield_now().await;
        Err("no mirror".to_owned())
    });
    let second = once(&bases, &home, &says, async { panic!("it asks again") });
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap(), Err("no mirror".to_owned()));
    assert_eq!(second.unwrap(), Err("no mirror".to_owned()));
    let later = once(&bases, &home, &says, async { Ok(()) }).await;
    assert_eq!(later.unwrap(), Ok(()));
    assert_eq!(files(home.path()), 0, "nothing is left of the lock");
}

#[tokio::test]
async fn who_is_interrupted_leaves_the_turn_to_who_waits() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (Bases::default(), Bases::default());
    for waits in [&one, &other] {
        let says = Says::default();
        let made = Cell::new(0);
        let mut endless = Box::pin(once(&one, &home, &says, std::future::pending()));
        let mut leaves = Box::pin(once(waits, &home, &says, look_and_make(&made)));
        let mut stays = Box::pin(once(waits, &home, &says, look_and_make(&made)));
        tokio::select! {
            biased;
            made = &mut endless => panic!("it ended: {made:?}"),
            made = &mut leaves => panic!("it did not wait: {made:?}"),
            made = &mut stays => panic!("it did not wait: {made:?}"),
            () = tokio::task::yield_now() => {}
        }
        drop(leaves);
        drop(endless);
        let stayed = tokio::time::timeout(LONG, stays).await;
        assert_eq!(stayed.expect("it has its turn").unwrap(), Ok(()));
        assert_eq!(made.get(), 1);
        assert_eq!(files(home.path()), 0, "nothing is left of the lock");
    }
}

#[tokio::test]
async fn another_base_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let bases = Bases::<String>::default();
    let says = Says::default();
    let turn = Turn {
        image: "debian:bookworm",
        engine: "/run/docker.sock",
        home: home.path(),
        limit: LONG,
    };
    let inner = async {
        let made = tokio::time::timeout(LONG, bases.once(turn, &says, async { Ok(()) })).await;
        made.expect("it waits").unwrap()
    };
    let made = once(&bases, &home, &says, inner).await;
    assert_eq!(made.unwrap(), Ok(()));
}

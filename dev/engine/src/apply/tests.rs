#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Applied, apply};
use crate::ledger::{Entry, Journal, LedgerError, Stage};
use crate::plan::plan;
use crate::resource::{
    Desired, DesiredSet, Digest, Identity, Kind, Level, Observed, ObservedResource, ResourceId,
    Scope, StepLimits,
};
use crate::world::{Action, Failure, World};

/// What was written and done, in the order of both.
type Told = Arc<Mutex<Vec<String>>>;

struct Outside(Told);

impl World for Outside {
    type Spec = ();
    type Facts = ();
    type Question = ();

    async fn observe(&self, (): &()) -> Result<Observed, Failure> {
        Ok(Observed::default())
    }

    async fn perform(&self, action: Action<()>) -> Result<(), Failure> {
        let told = format!("do {} {}", action.verb.as_str(), action.resource.path());
        self.0.lock().unwrap().push(told);
        // Whatever is not waited for gets its turn here.
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// A ledger whose disk may be full.
struct Paper {
    told: Told,
    full: bool,
}

impl Journal for Paper {
    async fn write(&self, entry: Entry) -> Result<(), LedgerError> {
        // A line that nobody waits for comes too late.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        if self.full {
            return Err(LedgerError::Closed);
        }
        let stage = match entry.stage {
            Stage::Begin => "begin",
            Stage::Done => "done",
            Stage::Failed => "failed",
        };
        let (verb, path) = (entry.verb.as_str(), entry.resource.path());
        self.told
            .lock()
            .unwrap()
            .push(format!("{stage} {verb} {path}"));
        Ok(())
    }
}

const FOLDER: Kind = Kind::new("folder");

fn id(name: &str) -> ResourceId {
    ResourceId::of_service("s", name, FOLDER)
}

/// `new`, up to this level.
fn wanted(level: Level) -> DesiredSet<()> {
    let mut wanted = DesiredSet::nothing(Scope::Project);
    wanted.resources.push(Desired {
        id: id("new"),
        identity: Identity::new(),
        config: Some(Digest::of("any")),
        level,
        needs: Vec::new(),
        claims: Vec::new(),
        retry: false,
        early: false,
        limits: StepLimits::default(),
        facts: BTreeMap::new(),
        label: None,
        spec: (),
    });
    wanted
}

/// Applies the plan for it, and says what was written and done.
fn told(wanted: &DesiredSet<()>, found: &Observed, full: bool) -> (Vec<String>, Applied) {
    let told = Told::default();
    let world = Arc::new(Outside(Arc::clone(&told)));
    let journal = Arc::new(Paper {
        told: Arc::clone(&told),
        full,
    });
    let plan = plan(wanted, found);
    let (progress, _) = tokio::sync::mpsc::unbounded_channel();
    let never = std::future::pending();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let applied = runtime.block_on(apply(&plan, &world, &journal, &progress, never));
    let told = told.lock().unwrap().clone();
    (told, applied)
}

/// Makes `new` and takes `old` away.
fn check(full: bool, expected: &[&str]) -> Applied {
    let mut found: Observed = Observed::default();
    let old = ObservedResource::at(Level::Created);
    found.resources.insert(id("old"), old);
    let (told, applied) = told(&wanted(Level::Created), &found, full);
    for verb in ["create s/new", "remove s/old"] {
        let of_it: Vec<&String> = told.iter().filter(|line| line.ends_with(verb)).collect();
        let expected: Vec<_> = expected.iter().filter(|it| it.ends_with(verb)).collect();
        assert_eq!(of_it, expected, "{told:?}");
    }
    applied
}

#[test]
fn a_step_is_written_down_before_it_is_done_and_after() {
    let applied = check(
        false,
        &[
            "begin create s/new",
            "do create s/new",
            "done create s/new",
            "begin remove s/old",
            "do remove s/old",
            "done remove s/old",
        ],
    );
    assert!(applied.is_done(), "{applied:?}");
}

#[test]
fn what_cannot_be_written_down_is_not_made_and_is_taken_away_all_the_same() {
    let applied = check(true, &["do remove s/old"]);
    assert_eq!(applied.failures().count(), 1, "{applied:?}");
}

#[test]
fn only_waits_go_without_a_line() {
    let (told, applied) = told(&wanted(Level::Ready), &Observed::default(), false);
    let expected = [
        "begin create s/new",
        "do create s/new",
        "done create s/new",
        "begin configure s/new",
        "do configure s/new",
        "done configure s/new",
        "begin start s/new",
        "do start s/new",
        "done start s/new",
        "do await s/new",
    ];
    assert_eq!(told, expected);
    assert!(applied.is_done(), "{applied:?}");
}

//! `kill -9` at every step of an apply, before and after the outside action:
//! the next command converges, and after `down` nothing is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hob_engine::host::{HostEngine, HostFacts, HostSpec, Setup, lower};
use hob_engine::{Action, Failure, Ledger, Observed, ProjectLock, Scope, Want, World, apply, plan};
use tokio::sync::{Notify, mpsc};

use crate::ground::{Ground, LONG};

/// The host engine of a program that dies at one step.
struct Dying {
    host: HostEngine,
    begun: AtomicUsize,
    at: usize,
    acts: bool,
    dead: Notify,
}

impl World for Dying {
    type Spec = HostSpec;
    type Facts = HostFacts;
    type Question = Want;

    async fn observe(&self, want: &Want) -> Result<Observed<HostFacts>, Failure> {
        self.host.observe(want).await
    }

    async fn perform(&self, action: Action<HostSpec>) -> Result<(), Failure> {
        let at = self.begun.fetch_add(1, Ordering::SeqCst);
        if at < self.at {
            return self.host.perform(action).await;
        }
        if at == self.at && self.acts {
            let _ = self.host.perform(action).await;
        }
        self.dead.notify_one();
        std::future::pending().await
    }
}

/// Applies `want` until the program dies at step `at`; whether it came there.
async fn dies(ground: &Ground, want: &Want, at: usize, acts: bool) -> bool {
    let setup = Setup {
        project: ground.project.id.to_string(),
        root: ground.project.root.clone(),
        paths: ground.engine.paths().clone(),
        executable: ground.surroundings.executable.clone(),
        environment: ground.surroundings.environment.clone(),
        uid: ground.surroundings.uid,
    };
    let (state, root) = (setup.paths.state.clone(), setup.root.clone());
    setup.paths.make(Path::new(&root), setup.uid).unwrap();
    let world = Arc::new(Dying {
        host: HostEngine::new(setup),
        begun: AtomicUsize::new(0),
        at,
        acts,
        dead: Notify::new(),
    });
    let _lock = ProjectLock::acquire(&state, LONG, |_| {}).await.unwrap();
    let ledger = Arc::new(Ledger::open(&state).unwrap());
    let found = world.observe(want).await.unwrap();
    let wanted = lower(world.host.setup(), want, &found.facts);
    let plan = plan(&wanted, &found);
    let (progress, _told) = mpsc::unbounded_channel();
    let applied = apply(&plan, &world, &ledger, &progress, world.dead.notified()).await;
    applied.was_interrupted()
}

fn ground() -> Ground {
    Ground::new(&[
        ("a", "needs = [\"b\"]\nport = 80\npublish = \"auto\""),
        ("b", "volumes = { data = \"/data\" }"),
    ])
}

#[tokio::test]
async fn an_up_that_was_killed_at_any_step_is_finished_by_the_next() {
    for acts in [false, true] {
        for at in 0.. {
            let ground = ground();
            let want = ground.up(&["a", "b"]);
            if !dies(&ground, &want, at, acts).await {
                assert_eq!(at, 11, "every step was tried");
                ground.down().await;
                break;
            }
            let (text, applied) = ground.bring(&want).await;
            assert!(applied.is_done(), "step {at}:\n{text}{applied:?}");
            assert!(ground.preview(&want).await.is_empty(), "step {at}");
            assert_eq!(ground.agents().len(), 2, "step {at}: nothing is doubled");
            // Two agents, two processes.
            assert_eq!(ground.marked().len(), 4, "step {at}: nothing is left over");
            ground.down().await;
        }
    }
}

#[tokio::test]
async fn an_up_that_was_killed_at_any_step_can_be_taken_down() {
    for at in 0..11 {
        let ground = ground();
        assert!(dies(&ground, &ground.up(&["a", "b"]), at, true).await);
        ground.down().await;
    }
}

#[tokio::test]
async fn a_down_that_was_killed_at_any_step_is_finished_by_the_next() {
    let mut want = Want::down(Scope::Project);
    want.volumes = true;
    for acts in [false, true] {
        for at in 0.. {
            let ground = ground();
            let (_, applied) = ground.bring(&ground.up(&["a", "b"])).await;
            assert!(applied.is_done());
            // It is moved away with the folder that it is in.
            let log = ground.engine.paths().service("s", "a").join("log");
            std::fs::create_dir(log).unwrap();
            let died = dies(&ground, &want, at, acts).await;
            ground.down().await;
            if !died {
                assert_eq!(at, 5, "every step was tried");
                break;
            }
        }
    }
}

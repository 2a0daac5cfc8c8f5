//! `kill -9` of hob, of agents or of services at every step of an apply, before
//! and after the outside action: the next command converges, and after `down`
//! nothing is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use hob_engine::Setup;
use hob_engine::host::{HostEngine, HostFacts, HostSpec, lower};
use hob_engine::{
    Action, Applied, Failure, LOCK_FILE, Ledger, Observed, ProjectLock, Scope, Want, World, apply,
    plan,
};
use tokio::sync::{Notify, mpsc};

use crate::ground::{Ground, LONG, is_agent, marked};

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Hob,
    Agents,
    Services,
}

/// The host engine of a program that dies at one step, or sees others die.
struct Dying {
    host: HostEngine,
    victim: Victim,
    begun: AtomicUsize,
    at: usize,
    acts: bool,
    dead: Notify,
}

impl Dying {
    /// All agents, or all processes of services; waits until they are gone.
    fn kill(&self) {
        let project = &self.host.setup().project;
        let victims = || {
            let mut pids = Vec::new();
            for pid in marked(project).into_iter().map(|it| it.process.pid) {
                if is_agent(pid) == (self.victim == Victim::Agents) {
                    pids.push(pid);
                }
            }
            pids
        };
        let end = std::time::Instant::now() + LONG;
        for pid in victims() {
            let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
            // It may have ended by itself.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        while !victims().is_empty() {
            assert!(std::time::Instant::now() < end, "they do not end");
            std::thread::yield_now();
        }
    }
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
        if at < self.at || self.victim != Victim::Hob && at > self.at {
            return self.host.perform(action).await;
        }
        if self.victim != Victim::Hob {
            if !self.acts {
                self.kill();
            }
            let done = self.host.perform(action).await;
            if self.acts {
                self.kill();
            }
            return done;
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
    let (_, applied) = die(ground, want, Victim::Hob, at, acts).await;
    applied.was_interrupted()
}

/// Applies `want` while somebody dies at step `at`; how many steps were begun,
/// and how they ended.
async fn die(
    ground: &Ground,
    want: &Want,
    victim: Victim,
    at: usize,
    acts: bool,
) -> (usize, Applied) {
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
        victim,
        begun: AtomicUsize::new(0),
        at,
        acts,
        dead: Notify::new(),
    });
    let _lock = ProjectLock::acquire(&state, LOCK_FILE, LONG, |_| {})
        .await
        .unwrap();
    let ledger = Arc::new(Ledger::open(&state).unwrap());
    let found = world.observe(want).await.unwrap();
    let wanted = lower(world.host.setup(), want, &found.facts);
    let plan = plan(&wanted, &found);
    let (progress, _told) = mpsc::unbounded_channel();
    let applied = apply(&plan, &world, &ledger, &progress, world.dead.notified()).await;
    (world.begun.load(Ordering::SeqCst), applied)
}

/// How many projects these tests have made.
static PROJECTS: AtomicU16 = AtomicU16::new(0);

/// A project with a port that no other one of these tests has: they are so many
/// that two of them side by side would choose one automatic port in the same
/// moment some day. Other runs of these tests begin elsewhere, below where
/// automatic ports and those of the system are.
fn ground() -> Ground {
    let first = 10_000 + u16::try_from(std::process::id() % 60).unwrap() * 200;
    let port = first + PROJECTS.fetch_add(1, Ordering::SeqCst);
    Ground::new(&[
        (
            "a",
            &format!("needs = [\"b\"]\nport = 80\npublish = {port}"),
        ),
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

/// What is left of an `up` during which others died is brought up by the next.
async fn others_die_during_an_up(victim: Victim) {
    for acts in [false, true] {
        for at in 0.. {
            let ground = ground();
            let want = ground.up(&["a", "b"]);
            let (begun, _) = die(&ground, &want, victim, at, acts).await;
            let (text, applied) = ground.bring(&want).await;
            assert!(applied.is_done(), "step {at}:\n{text}{applied:?}");
            assert!(ground.preview(&want).await.is_empty(), "step {at}");
            assert_eq!(ground.agents().len(), 2, "step {at}: nothing is doubled");
            ground.down().await;
            if at == begun {
                assert_eq!(at, 11, "every step was tried");
                break;
            }
        }
    }
}

#[tokio::test]
async fn agents_that_are_killed_at_any_step_of_an_up_are_made_anew_by_the_next() {
    others_die_during_an_up(Victim::Agents).await;
}

#[tokio::test]
async fn services_that_are_killed_at_any_step_of_an_up_hold_nothing_up() {
    others_die_during_an_up(Victim::Services).await;
}

#[tokio::test]
async fn what_is_killed_at_any_step_of_a_down_goes_all_the_same() {
    for victim in [Victim::Agents, Victim::Services] {
        for at in 0..5 {
            let ground = ground();
            let (_, applied) = ground.bring(&ground.up(&["a", "b"])).await;
            assert!(applied.is_done());
            let mut want = Want::down(Scope::Project);
            want.volumes = true;
            let (begun, _) = die(&ground, &want, victim, at, false).await;
            assert_eq!(begun, 5, "nothing was given up");
            ground.down().await;
        }
    }
}

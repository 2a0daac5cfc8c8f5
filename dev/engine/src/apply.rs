//! [`apply`]: performs a plan's steps, as many at a time as their order lets.
//!
//! Owns the waiting: concurrency, limits, cancellation, progress. Decides
//! nothing: what is done, in which order and what a failure stops stands in
//! the [`Plan`]. Every acting step is in the journal before it is begun.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ledger::{Entry, Journal, Stage};
use crate::plan::{Plan, Step, StepId};
use crate::resource::Verb;
use crate::world::{Action, Failure, Says, World};

/// Something that an apply tells while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: StepId,
    /// What happened to it.
    pub state: StepState,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It is being performed.
    Started,
    /// It said this line while it was performed.
    Said(String),
    /// It ended.
    Ended(Outcome),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// For how long it was performed.
        took: Duration,
    },
    /// It was tried and not done.
    Failed(Failure),
    /// It was not tried.
    Skipped {
        /// Why, in words that follow a "because".
        because: String,
    },
    /// The user interrupted it, or it was not begun for that reason.
    Interrupted,
}

/// How the steps of a plan ended, by [`StepId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// One for each step.
    pub outcomes: Vec<Outcome>,
}

impl Applied {
    /// Whether every step was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
        self.outcomes.iter().all(done)
    }

    /// The steps that were tried and not done.
    pub fn failures(&self) -> impl Iterator<Item = (StepId, &Failure)> {
        self.outcomes
            .iter()
            .enumerate()
            .filter_map(|(at, outcome)| match outcome {
                Outcome::Failed(failure) => Some((StepId(at), failure)),
                _ => None,
            })
    }

    /// Whether the user interrupted it.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.outcomes.contains(&Outcome::Interrupted)
    }
}

/// How many acting steps run at once; waits do not count.
pub const AT_ONCE: usize = 16;

/// Performs the plan. Returns once every step has an outcome; after `cancel`
/// is ready that is at once, whatever was going on. Dropping the future has
/// the same effect on the world. `progress` may be closed at any time.
pub async fn apply<W: World, J: Journal>(
    plan: &Plan<W::Spec>,
    world: &Arc<W>,
    journal: &Arc<J>,
    progress: &mpsc::UnboundedSender<Progress>,
    cancel: impl Future<Output = ()>,
) -> Applied {
    let mut run = Run {
        plan,
        world,
        journal,
        progress,
        slots: Arc::new(Semaphore::new(AT_ONCE)),
        outcomes: BTreeMap::new(),
        tasks: JoinSet::new(),
        names: HashMap::new(),
        begun: vec![false; plan.steps.len()],
    };
    let mut cancel = std::pin::pin!(cancel);
    loop {
        run.launch();
        tokio::select! {
            biased;
            () = &mut cancel => break,
            ended = run.tasks.join_next_with_id() => match ended {
                Some(Ok((_, (step, outcome)))) => run.end(step, outcome),
                Some(Err(panic)) => {
                    if let Some(step) = run.names.remove(&panic.id()) {
                        let failure = Failure::operation(format!("hob is at fault: {panic}"));
                        run.end(step, Outcome::Failed(failure));
                    }
                }
                None => break,
            },
        }
    }
    run.tasks.shutdown().await;
    run.finish()
}

struct Run<'a, W: World, J> {
    plan: &'a Plan<W::Spec>,
    world: &'a Arc<W>,
    journal: &'a Arc<J>,
    progress: &'a mpsc::UnboundedSender<Progress>,
    slots: Arc<Semaphore>,
    outcomes: BTreeMap<StepId, Outcome>,
    tasks: JoinSet<(StepId, Outcome)>,
    names: HashMap<tokio::task::Id, StepId>,
    begun: Vec<bool>,
}

/// What stands before a step.
enum Turn {
    Now,
    Later,
    Never(String),
}

impl<W: World, J: Journal> Run<'_, W, J> {
    /// Begins every step whose turn it is; steps come after all that they
    /// wait for, so one pass sees every skipped one too.
    fn launch(&mut self) {
        for step in &self.plan.steps {
            if self.begun[step.id.0] {
                continue;
            }
            match self.turn(step) {
                Turn::Later => {}
                Turn::Never(because) => {
                    self.begun[step.id.0] = true;
                    self.end(step.id, Outcome::Skipped { because });
                }
                Turn::Now => {
                    self.begun[step.id.0] = true;
                    let progress = self.progress.clone();
                    let slots = step.verb.acts().then(|| Arc::clone(&self.slots));
                    let world = Arc::clone(self.world);
                    let journal = Arc::clone(self.journal);
                    let work = Work::of(step, &progress);
                    self.tasks.spawn(async move {
                        let step = work.step;
                        (
                            step,
                            work.perform(&*world, &*journal, slots, &progress).await,
                        )
                    });
                }
            }
        }
    }

    fn turn(&self, step: &Step<W::Spec>) -> Turn {
        let mut turn = Turn::Now;
        for after in &step.after {
            match self.outcomes.get(&after.step) {
                None => turn = Turn::Later,
                Some(Outcome::Done { .. }) => {}
                Some(_) if !after.required => {}
                Some(_) => {
                    let earlier = &self.plan.steps[after.step.0];
                    return Turn::Never(not_done(earlier));
                }
            }
        }
        turn
    }

    fn end(&mut self, step: StepId, outcome: Outcome) {
        let state = StepState::Ended(outcome.clone());
        let _ = self.progress.send(Progress { step, state });
        self.outcomes.insert(step, outcome);
    }

    fn finish(mut self) -> Applied {
        for step in &self.plan.steps {
            if !self.outcomes.contains_key(&step.id) {
                self.end(step.id, Outcome::Interrupted);
            }
        }
        Applied {
            outcomes: self.outcomes.into_values().collect(),
        }
    }
}

/// Why a later step is skipped: `vnextapi did not become ready`.
fn not_done<S>(step: &Step<S>) -> String {
    let what = &step.resource;
    match step.verb {
        Verb::Await => format!("{} did not become ready", what.path()),
        verb => format!("`{} {what}` was not done", verb.as_str()),
    }
}

/// One step on its way.
struct Work<S> {
    step: StepId,
    action: Action<S>,
    memory: crate::plan::Memory,
}

impl<S: Clone + Send + Sync + 'static> Work<S> {
    fn of(step: &Step<S>, progress: &mpsc::UnboundedSender<Progress>) -> Self {
        Self {
            step: step.id,
            action: Action {
                verb: step.verb,
                resource: step.resource.clone(),
                spec: step.spec.clone(),
                limit: step.limit,
                says: Says::of(step.id, progress.clone()),
            },
            memory: step.memory.clone(),
        }
    }

    async fn perform<W: World<Spec = S>>(
        self,
        world: &W,
        journal: &impl Journal,
        slots: Option<Arc<Semaphore>>,
        progress: &mpsc::UnboundedSender<Progress>,
    ) -> Outcome {
        let _slot = match slots {
            // The semaphore is never closed.
            Some(slots) => slots.acquire_owned().await.ok(),
            None => None,
        };
        let step = self.step;
        let state = StepState::Started;
        let _ = progress.send(Progress { step, state });
        let begun = Instant::now();
        let (verb, resource, limit) = (
            self.action.verb,
            self.action.resource.clone(),
            self.action.limit,
        );
        let entry = |stage| Entry::new(stage, verb, resource.clone());
        if verb.acts() {
            let begin = entry(Stage::Begin).remembering(self.memory);
            // What is removed was written down when it was made, and a full
            // disk must not keep it alive.
            if let Err(error) = journal.write(begin).await
                && verb != Verb::Remove
            {
                return Outcome::Failed(Failure::operation(error.to_string()));
            }
        }
        // The action itself ends a little earlier where it can say more.
        let performed = tokio::time::timeout(limit, world.perform(self.action)).await;
        let result = performed.unwrap_or_else(|_| {
            Err(Failure::operation(format!(
                "it was not done within {} s",
                limit.as_secs_f32()
            )))
        });
        if verb.acts() {
            let stage = match &result {
                Ok(()) => Stage::Done,
                Err(_) => Stage::Failed,
            };
            if let Err(error) = journal.write(entry(stage)).await
                && verb != Verb::Remove
            {
                return Outcome::Failed(Failure::operation(error.to_string()));
            }
        }
        match result {
            Ok(()) => Outcome::Done {
                took: begun.elapsed(),
            },
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

#[cfg(test)]
mod tests;

//! The machine's data, and how it looks from outside.

use std::collections::BTreeSet;

use hob_wire::{
    Build, EventKind, Micros, Mode, Phase, Ready, Restart, Serving, Spec, Status, Swap, Waterfall,
};

use super::troubles::Trouble;
use super::{BuildId, Effect, GateMove, RunId};

/// The state of one service.
#[derive(Debug, Default)]
pub struct Machine {
    pub(super) now: Micros,
    pub(super) effects: Vec<Effect>,
    pub(super) spec: Option<Spec>,
    pub(super) spec_digest: String,
    /// What it needs is there.
    pub(super) started: bool,
    /// It was told to end its process and to start none.
    pub(super) resting: bool,
    pub(super) course: Course,
    /// The agent is going.
    pub(super) leaving: bool,
    pub(super) accepted: u64,
    pub(super) accepted_digest: Option<String>,
    pub(super) noticed: Micros,
    pub(super) building: Option<Building>,
    /// Ended builds that have not said so yet.
    pub(super) cancelling: BTreeSet<BuildId>,
    /// A build is due as soon as the cancelled ones are gone.
    pub(super) build_due: bool,
    /// The newest build that succeeded.
    pub(super) artefact: Option<Artefact>,
    /// The newest build whose process became ready.
    pub(super) good: Option<Artefact>,
    /// To be started once what retires is gone.
    pub(super) pending: Option<Artefact>,
    pub(super) starting: Option<Run>,
    pub(super) serving: Option<Run>,
    pub(super) retiring: Vec<Retiring>,
    pub(super) trouble: Option<Trouble>,
    pub(super) backoff: Option<u64>,
    pub(super) backoff_token: u64,
    /// Crashes in a row.
    pub(super) streak: u32,
    pub(super) crashes: u32,
    pub(super) next_build: u64,
    pub(super) next_run: u64,
}

/// Whether there is anything to run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// A process runs, or will when it can.
    #[default]
    Open,
    /// It ended by itself and is not started again before the next save.
    Over,
    /// So did the process of this generation, and well: a job that is done.
    Done(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Building {
    pub(super) id: BuildId,
    pub(super) generation: u64,
    pub(super) noticed: Micros,
    pub(super) began: Micros,
}

#[derive(Debug, Clone)]
pub(super) struct Artefact {
    pub(super) id: BuildId,
    pub(super) generation: u64,
    pub(super) digest: Option<String>,
    pub(super) noticed: Micros,
    pub(super) began: Micros,
    pub(super) built: Micros,
    /// Its process ended well and for good: a job is not done again because a
    /// later one fails.
    pub(super) done: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) artefact: Artefact,
    pub(super) generation: u64,
    pub(super) pid: Option<u32>,
    pub(super) spawned: Micros,
    pub(super) ready: Micros,
    /// Whether its waterfall begins with a save (and not with a crash).
    pub(super) fresh: bool,
}

/// A process that is out of service.
#[derive(Debug, Clone)]
pub(super) struct Retiring {
    pub(super) run: Run,
    pub(super) farewell: Farewell,
}

/// How far a process on its way out has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It may finish the requests that it has.
    Draining,
    /// TERM was sent, or is as good as sent.
    Told,
    /// KILL was sent: others wait for its place.
    Killed,
}

impl Run {
    pub(super) fn waterfall(&self) -> Waterfall {
        let from = &self.artefact;
        if !self.fresh {
            // No save: it was started again.
            let ready = self.ready.saturating_sub(self.spawned);
            let generation = self.generation;
            return Waterfall {
                generation,
                ready,
                ..Waterfall::default()
            };
        }
        Waterfall {
            generation: self.generation,
            noticed: from.began.saturating_sub(from.noticed),
            built: from.built.saturating_sub(from.began),
            started: self.spawned.saturating_sub(from.built),
            ready: self.ready.saturating_sub(self.spawned),
            answered: None,
        }
    }
}

impl Machine {
    /// The spec in force.
    pub fn spec(&self) -> Option<&Spec> {
        self.spec.as_ref()
    }

    /// The process that answers, if any.
    pub fn serving_run(&self) -> Option<RunId> {
        self.serving.as_ref().map(|run| run.id)
    }

    /// Whether a process runs or is about to.
    pub fn runs(&self) -> bool {
        let coming = self.starting.is_some() || self.pending.is_some();
        coming || self.serving.is_some() || !self.retiring.is_empty()
    }

    /// Whether everything is being ended for good.
    pub fn leaving(&self) -> bool {
        self.leaving
    }

    /// The number that the next process will have.
    pub fn next_run(&self) -> RunId {
        RunId(self.next_run + 1)
    }

    /// The waterfall of the serving process, when it is of this generation
    /// and began with a save.
    pub fn waterfall_of(&self, generation: u64) -> Option<(Waterfall, Micros)> {
        let run = self
            .serving
            .as_ref()
            .filter(|run| run.generation == generation && run.fresh)?;
        Some((run.waterfall(), run.ready))
    }

    /// The state in one word.
    pub fn phase(&self) -> Phase {
        let coming = self.starting.is_some() || self.pending.is_some();
        let building = self.building.is_some() || self.build_due;
        match (&self.serving, &self.trouble) {
            _ if self.leaving => Phase::Stopped,
            (Some(_), _) if building || coming => Phase::Updating,
            (Some(_), Some(_)) => Phase::Stale,
            (Some(_), None) => Phase::Ready,
            _ if building => Phase::Building,
            _ if coming => Phase::Starting,
            _ if self.backoff.is_some() => Phase::Backoff,
            (None, Some(_)) => Phase::Failed,
            (None, None) if self.course != Course::Open => Phase::Stopped,
            (None, None) if self.resting => Phase::Resting,
            (None, None) => Phase::Waiting,
        }
    }

    /// The state as it is told; `agent` fills in what the machine cannot know.
    pub fn status(&self, agent: &AgentFacts) -> Status {
        let spec = self.spec.as_ref();
        Status {
            agent_pid: agent.pid,
            project: agent.project.clone(),
            service: agent.service.clone(),
            mode: spec.map_or(Mode::Dev, |spec| spec.mode),
            listen: spec.and_then(|spec| spec.listen),
            spec_digest: self.spec_digest.clone(),
            started: self.started,
            phase: self.phase(),
            accepted: self.accepted,
            building: self.building.as_ref().map(|build| build.generation),
            serving: self.serving.as_ref().and_then(|run| {
                Some(Serving {
                    generation: run.generation,
                    pid: run.pid?,
                    since: run.ready,
                })
            }),
            built: self.artefact.as_ref().map(|artefact| Build {
                generation: artefact.generation,
                digest: artefact.digest.clone(),
                took: artefact.built.saturating_sub(artefact.began),
            }),
            problem: self.trouble.as_ref().map(|trouble| trouble.problem.clone()),
            done: match self.course {
                Course::Done(generation) if self.phase() == Phase::Stopped => Some(generation),
                _ => None,
            },
            // What is outside of the machine is the publisher's to say.
            writes_files: false,
            leaving: self.leaving,
            returns: false,
            crashes: self.crashes,
            session: None,
            since: agent.since,
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn gate(&mut self, to: GateMove) {
        self.effects.push(Effect::Gate(to));
    }

    pub(super) fn emit(&mut self, kind: EventKind) {
        self.effects.push(Effect::Emit(kind));
    }

    /// What may run in place of something newer that fails.
    pub(super) fn fallback(&self) -> Option<Artefact> {
        self.good.clone().filter(|good| !good.done)
    }

    /// Whether its end with code 0 is what its process is for: nobody asks it
    /// for anything, and it is not always started again.
    pub(super) fn is_job(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| {
            spec.listen.is_none() && spec.ready == Ready::Started && spec.restart != Restart::Always
        })
    }

    /// Whether two processes of this service must not run at once.
    pub(super) fn exclusive(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| {
            spec.swap == Swap::Exclusive || (spec.mode == Mode::Run && spec.listen.is_some())
        })
    }

    /// Gives up one use of a build's output, which goes with its last use.
    pub(super) fn release(&mut self, id: BuildId) {
        if !self.in_use(id) {
            self.push(Effect::Discard(id));
        }
    }

    /// Whether some part of the machine may still use this build's output.
    pub(super) fn in_use(&self, id: BuildId) -> bool {
        let artefacts = [&self.artefact, &self.good, &self.pending];
        let runs = self
            .starting
            .iter()
            .chain(&self.serving)
            .chain(self.retiring.iter().map(|old| &old.run));
        artefacts
            .into_iter()
            .flatten()
            .map(|artefact| artefact.id)
            .any(|used| used == id)
            || runs.map(|run| run.artefact.id).any(|used| used == id)
    }
}

/// What the machine is told of the agent that it runs in.
#[derive(Debug, Clone)]
pub struct AgentFacts {
    /// Its process.
    pub pid: u32,
    /// The project's id.
    pub project: String,
    /// `stack/service`.
    pub service: String,
    /// When it began.
    pub since: Micros,
}

//! Problems: what failed, whether it is the newest that did, and when it is
//! over.

use hob_wire::{EventKind, LogLine, Problem, Stage};

use super::state::{Artefact, Course, Run};
use super::{BuildId, GateMove, Machine};

/// The problem that people see, and the build that it came from.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) build: BuildId,
    pub(super) problem: Problem,
}

impl Trouble {
    /// What is newer, orders higher. A save that asked for no build shares
    /// that of the one before.
    fn age(&self) -> (BuildId, u64) {
        (self.build, self.problem.generation)
    }
}

impl Machine {
    /// Remembers a problem, unless a newer one is known. Gives the newest.
    pub(super) fn note(&mut self, trouble: Trouble) -> Problem {
        let newest = match self.trouble.take() {
            Some(known) if known.age() > trouble.age() => known,
            _ => trouble,
        };
        let problem = newest.problem.clone();
        self.trouble = Some(newest);
        problem
    }

    /// Its build is a good one, and older problems are over; the build that
    /// was good before is given back.
    pub(super) fn accept(&mut self, run: &Run) -> Option<Artefact> {
        let build = run.artefact.id;
        let cured = self
            .trouble
            .as_ref()
            .is_none_or(|trouble| trouble.build <= build);
        if cured {
            self.trouble = None;
        }
        self.gate(GateMove::Badge(
            self.trouble.as_ref().map(|it| it.problem.clone()),
        ));
        self.good.replace(Artefact {
            generation: run.generation,
            ..run.artefact.clone()
        })
    }

    pub(super) fn fail_run(
        &mut self,
        run: &Run,
        stage: Stage,
        message: String,
        output: Vec<LogLine>,
    ) {
        let problem = Problem {
            generation: run.generation,
            stage,
            message,
            output,
        };
        self.fail(Trouble {
            build: run.artefact.id,
            problem,
        });
    }

    /// A generation will not serve: whatever served before it goes on, or is
    /// started again.
    pub(super) fn fail(&mut self, trouble: Trouble) {
        let Trouble { build, problem } = trouble;
        self.emit(EventKind::Failed {
            generation: problem.generation,
            stage: problem.stage,
            message: problem.message.clone(),
            output: problem.output.clone(),
            serving: self.serving.as_ref().map(|run| run.generation),
        });
        // Which may be newer than this one.
        let shown = self.note(Trouble { build, problem });
        if self.serving.is_some() {
            return self.gate(GateMove::Badge(Some(shown)));
        }
        if self.starting.is_some() || self.pending.is_some() {
            return;
        }
        // What has ended by itself for good is no fallback: a job that is
        // done must not run again because the next one does not build.
        match self.fallback().filter(|good| good.id != build) {
            Some(good) if self.course == Course::Open => self.launch(good),
            _ => self.gate(GateMove::Fail(shown)),
        }
    }
}

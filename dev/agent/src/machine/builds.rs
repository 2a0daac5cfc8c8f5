//! Saves and builds: what is accepted, what is superseded, what is built.

use hob_wire::{Change, ChangeAction, EventKind, Mode, Problem, Spec, Stage};

use super::state::{Artefact, Building};
use super::troubles::Trouble;
use super::{BuildId, BuildResult, Effect, GateMove, Machine};

impl Machine {
    pub(super) fn configure(&mut self, spec: Spec, digest: String) {
        let before = self.spec.replace(spec);
        let known = std::mem::replace(&mut self.spec_digest, digest);
        let Some(spec) = self.spec.as_ref() else {
            return;
        };
        let Some(before) = before else {
            self.accepted = 1;
            self.noticed = self.now;
            self.gate(GateMove::Hold("it has not been built yet".into()));
            return self.rebuild();
        };
        // In mode `run` nobody sends changes: the digest tells of them.
        let other_sources = spec.mode == Mode::Run && known != self.spec_digest;
        let other_build = before.build != spec.build
            || before.env != spec.env
            || before.inherit != spec.inherit
            || before.user != spec.user
            || other_sources;
        let other_run = before.run != spec.run
            || before.host != spec.host
            || before.secrets != spec.secrets
            || before.ready != spec.ready;
        if other_build {
            self.noticed = self.now;
            self.rebuild();
        } else if other_run {
            self.relaunch();
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        if self.leaving || self.spec.is_none() || change.generation <= self.accepted {
            return;
        }
        self.accepted = change.generation;
        self.accepted_digest = change.digest;
        // Not a save: somebody asked for it now.
        self.noticed = if change.noticed == 0 {
            self.now
        } else {
            change.noticed
        };
        let unbuilt = self
            .trouble
            .as_ref()
            .is_some_and(|it| it.problem.stage == Stage::Build);
        match change.action {
            ChangeAction::Rebuild => self.rebuild(),
            ChangeAction::Restart if self.build_coming() => self.absorb(),
            ChangeAction::Restart if unbuilt || self.artefact.is_none() => self.rebuild(),
            ChangeAction::Restart => {
                self.relabel_artefact();
                self.relaunch();
            }
            // What is starting may have read the old bytes, and may not
            // listen to signals yet.
            ChangeAction::Signal if self.starting.is_some() && !self.build_coming() => {
                self.absorb();
                self.relaunch();
            }
            ChangeAction::Signal => {
                if let Some(run) = self.serving.as_ref() {
                    self.push(Effect::Signal(run.id));
                }
                self.absorb();
            }
            ChangeAction::None => self.absorb(),
        }
    }

    fn build_coming(&self) -> bool {
        self.building.is_some() || self.build_due
    }

    /// The accepted generation asks for no new process: the newest that there
    /// is of the one before stands for it, be it on the way, failed or
    /// serving. Nothing older does: what was built from older sources never
    /// gets a newer number. Only what serves makes browsers reload; anything
    /// on the way will do so by itself.
    fn absorb(&mut self) {
        let generation = self.accepted;
        if let Some(building) = self.building.as_mut() {
            building.generation = generation;
            return;
        }
        if self.build_due {
            return;
        }
        let built = self.artefact.as_ref().map(|artefact| artefact.id);
        let troubled = self.trouble.as_mut().filter(|it| Some(it.build) >= built);
        let is_troubled = troubled.is_some();
        if let Some(trouble) = troubled {
            trouble.problem.generation = generation;
            if Some(trouble.build) > built {
                return;
            }
        }
        self.relabel_artefact();
        let newest = |artefact: &Artefact| Some(artefact.id) == built;
        if let Some(pending) = self.pending.as_mut() {
            if newest(pending) {
                pending.generation = generation;
            }
        } else if let Some(run) = self.starting.as_mut() {
            if newest(&run.artefact) {
                run.generation = generation;
            }
        } else if let Some(run) = self.serving.as_mut().filter(|_| !is_troubled) {
            if newest(&run.artefact) {
                run.generation = generation;
                run.fresh = false;
                self.good = self.artefact.clone();
                self.gate(GateMove::Reload(generation));
                self.emit(EventKind::Reloaded { generation });
            }
        }
    }

    /// What is built stands for the accepted generation, as if built now.
    fn relabel_artefact(&mut self) {
        let (generation, digest) = (self.accepted, self.accepted_digest.clone());
        if let Some(artefact) = self.artefact.as_mut() {
            artefact.generation = generation;
            artefact.digest = digest;
            artefact.noticed = self.noticed;
            artefact.began = self.now;
            artefact.built = self.now;
        }
    }

    pub(super) fn learn_digest(&mut self, generation: u64, digest: String) {
        if generation == self.accepted {
            self.accepted_digest = Some(digest.clone());
        }
        if let Some(artefact) = self
            .artefact
            .as_mut()
            .filter(|it| it.generation == generation)
        {
            artefact.digest = Some(digest);
        }
    }

    /// Builds the accepted generation; a build that runs is given up.
    pub(super) fn rebuild(&mut self) {
        self.streak = 0;
        if let Some(old) = self.building.take() {
            self.emit(EventKind::BuildSuperseded {
                generation: old.generation,
                by: self.accepted,
            });
            self.cancelling.insert(old.id);
            self.push(Effect::CancelBuild(old.id));
        }
        self.build_due = true;
        self.build_when_free();
    }

    /// Two builds of one service never run at once: they may share a cache.
    fn build_when_free(&mut self) {
        if !self.build_due || !self.cancelling.is_empty() || self.leaving {
            return;
        }
        self.build_due = false;
        self.next_build += 1;
        let building = Building {
            id: BuildId(self.next_build),
            generation: self.accepted,
            noticed: self.noticed,
            began: self.now,
        };
        if self.spec.as_ref().is_some_and(|spec| spec.build.is_none()) {
            self.built(building);
            return;
        }
        let (id, generation, noticed) = (building.id, building.generation, building.noticed);
        self.building = Some(building);
        self.emit(EventKind::BuildStarted {
            generation,
            noticed,
        });
        self.push(Effect::Build { id, generation });
    }

    pub(super) fn build_done(&mut self, id: BuildId, result: BuildResult) {
        if self.cancelling.remove(&id) {
            self.push(Effect::Discard(id));
            self.build_when_free();
            self.leave_when_empty();
            return;
        }
        let Some(building) = self.building.take_if(|building| building.id == id) else {
            return;
        };
        match result {
            BuildResult::Built => {
                let took = self.now.saturating_sub(building.began);
                self.emit(EventKind::Built {
                    generation: building.generation,
                    took,
                });
                self.built(building);
            }
            BuildResult::Failed { message, output } => {
                self.push(Effect::Discard(id));
                let generation = building.generation;
                let problem = Problem {
                    generation,
                    stage: Stage::Build,
                    message,
                    output,
                };
                self.fail(Trouble { build: id, problem });
            }
            // Nobody asked for it: the build was ended from outside.
            BuildResult::Cancelled => {
                self.push(Effect::Discard(id));
                let message = "the build was ended from outside".into();
                let generation = building.generation;
                let problem = Problem {
                    generation,
                    stage: Stage::Build,
                    message,
                    output: Vec::new(),
                };
                self.fail(Trouble { build: id, problem });
            }
        }
    }

    fn built(&mut self, building: Building) {
        let digest = self
            .accepted_digest
            .clone()
            .filter(|_| building.generation == self.accepted);
        let artefact = Artefact {
            id: building.id,
            generation: building.generation,
            digest,
            noticed: building.noticed,
            began: building.began,
            built: self.now,
            done: false,
        };
        let old = self.artefact.replace(artefact);
        if let Some(old) = old {
            self.release(old.id);
        }
        if !self.may_run() && !self.leaving {
            // Nothing will be ready and say so: it is mended as far as it went.
            self.trouble = None;
            self.gate(GateMove::Hold("it waits for what it needs".into()));
        }
        self.relaunch();
    }
}

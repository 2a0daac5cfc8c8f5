//! Processes: which one starts, serves and retires. `ends.rs` goes on when one
//! has ended.

use hob_wire::{EventKind, LogLine, Stage};

use super::state::{Artefact, Run};
use super::{Effect, Exit, GateMove, Machine, RunId};

/// Another process is started once fewer old ones than this are draining or
/// ending, so that many saves of a service which is slow to end do not fill
/// the machine: with the one that serves and the one that starts there are so
/// many and one more.
pub(super) const MOST_OLD: usize = 3;

impl Machine {
    pub(super) fn begin(&mut self) {
        if !std::mem::replace(&mut self.started, true) {
            self.relaunch();
        }
    }

    /// A new process from what is built; a service whose builds all failed is
    /// built again, since there is nothing to start.
    pub(super) fn restart(&mut self) {
        if self.leaving || self.spec.is_none() {
            return;
        }
        self.started = true;
        self.streak = 0;
        if self.artefact.is_some() {
            self.relaunch();
        } else if self.building.is_none() && !self.build_due {
            self.noticed = self.now;
            self.rebuild();
        }
    }

    pub(super) fn shutdown(&mut self) {
        self.leaving = true;
        self.backoff = None;
        self.pending = None;
        self.build_due = false;
        if let Some(building) = self.building.take() {
            self.cancelling.insert(building.id);
            self.push(Effect::CancelBuild(building.id));
        }
        self.gate(GateMove::Hold("it is going down".into()));
        self.retire_all();
        for index in 0..self.retiring.len() {
            self.terminate(index);
        }
        self.leave_when_empty();
    }

    fn retire_all(&mut self) {
        let gone: Vec<Run> = self
            .starting
            .take()
            .into_iter()
            .chain(self.serving.take())
            .collect();
        for run in gone {
            self.retire(run, false);
        }
    }

    pub(super) fn leave_when_empty(&mut self) {
        if self.leaving && self.retiring.is_empty() && self.cancelling.is_empty() {
            self.push(Effect::Exit);
        }
    }

    /// A new process from the newest build.
    pub(super) fn relaunch(&mut self) {
        if let Some(artefact) = self.artefact.clone() {
            self.launch(artefact);
        }
    }

    /// Whether a process is wanted at all.
    pub(super) fn may_run(&self) -> bool {
        self.started && !self.leaving
    }

    pub(super) fn launch(&mut self, artefact: Artefact) {
        if !self.may_run() {
            return;
        }
        self.ended = false;
        self.done = None;
        self.backoff = None;
        if let Some(starting) = self.starting.take() {
            self.retire(starting, false);
        }
        if self.exclusive() {
            if let Some(serving) = self.serving.take() {
                self.retire(serving, true);
            }
        }
        if self.serving.is_none() {
            self.gate(GateMove::Hold("it is starting".into()));
        }
        if let Some(old) = self.pending.replace(artefact) {
            self.release(old.id);
        }
        self.spawn_when_free();
    }

    pub(super) fn spawn_when_free(&mut self) {
        if self.exclusive() && !self.retiring.is_empty() {
            return;
        }
        if self.pending.is_some() && !self.has_room() {
            return;
        }
        let Some(artefact) = self.pending.take() else {
            return;
        };
        self.next_run += 1;
        let id = RunId(self.next_run);
        let (build, generation) = (artefact.id, artefact.generation);
        let fresh = self
            .good
            .as_ref()
            .is_none_or(|good| good.generation < generation);
        self.starting = Some(Run {
            id,
            artefact,
            generation,
            pid: None,
            spawned: self.now,
            ready: 0,
            fresh,
            terminated: false,
            killed: false,
        });
        self.push(Effect::Spawn {
            run: id,
            build,
            generation,
        });
    }

    /// Whether few enough old processes are left for another new one. If not,
    /// the oldest of those that have been told to end are killed, and their
    /// end starts it; one that drains has requests and keeps its time.
    fn has_room(&mut self) -> bool {
        let killed = self.retiring.iter().filter(|run| run.killed).count();
        let many = (self.retiring.len() + 1).saturating_sub(MOST_OLD + killed);
        let ending = |run: &&mut Run| run.terminated && !run.killed;
        let oldest = self.retiring.iter_mut().filter(ending).take(many);
        let oldest: Vec<RunId> = oldest
            .map(|run| {
                run.killed = true;
                run.id
            })
            .collect();
        for id in oldest {
            self.push(Effect::Kill(id));
        }
        self.retiring.len() < MOST_OLD
    }

    pub(super) fn spawned(&mut self, id: RunId, pid: u32, port: Option<u16>) {
        let now = self.now;
        let known = self
            .starting
            .iter_mut()
            .chain(&mut self.serving)
            .chain(&mut self.retiring);
        let Some(run) = known.into_iter().find(|run| run.id == id) else {
            return;
        };
        run.pid = Some(pid);
        run.spawned = now;
        let generation = run.generation;
        self.emit(EventKind::Started {
            generation,
            pid,
            port,
        });
        if self.starting.as_ref().is_some_and(|run| run.id == id) {
            self.push(Effect::Probe(id));
        }
    }

    pub(super) fn spawn_failed(&mut self, id: RunId, message: String) {
        if let Some(index) = self.retiring.iter().position(|run| run.id == id) {
            let run = self.retiring.remove(index);
            self.release(run.artefact.id);
        } else if let Some(run) = self.starting.take_if(|run| run.id == id) {
            self.fail_run(&run, Stage::Start, message, Vec::new());
            self.release(run.artefact.id);
        }
        self.spawn_when_free();
        self.leave_when_empty();
    }

    pub(super) fn ready(&mut self, id: RunId) {
        let Some(mut run) = self.starting.take_if(|run| run.id == id) else {
            return;
        };
        run.ready = self.now;
        let waterfall = run.waterfall();
        let generation = run.generation;
        self.gate(GateMove::Open {
            run: id,
            generation,
        });
        let old_good = self.accept(&run);
        let old = self.serving.replace(run);
        self.emit(EventKind::Swapped { waterfall });
        if let Some(old) = old {
            self.retire(old, true);
        }
        if let Some(old) = old_good {
            self.release(old.id);
        }
    }

    /// Its build is a good one, and older problems are over; the build that
    /// was good before is given back.
    fn accept(&mut self, run: &Run) -> Option<Artefact> {
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

    /// A job came to its end before it counted as started: that is as good.
    pub(super) fn finished(&mut self, run: &Run, exit: &Exit) {
        let old_good = self.accept(run);
        self.ended = true;
        self.tell_done(run, exit);
        if let Some(old) = self.serving.take() {
            self.retire(old, true);
        }
        if let Some(old) = old_good {
            self.release(old.id);
        }
    }

    pub(super) fn tell_done(&mut self, run: &Run, exit: &Exit) {
        let generation = run.generation;
        self.done = Some(generation);
        self.done_build = Some(run.artefact.id);
        let mut note = format!("save {generation} is done: it {}", exit.message);
        if exit.left {
            note.push_str("; what it had left running was ended");
        }
        self.emit(EventKind::Note(note));
        self.gate(GateMove::Hold("it ended by itself".into()));
    }

    pub(super) fn not_ready(&mut self, id: RunId, message: String, tail: Vec<LogLine>) {
        let Some(run) = self.starting.take_if(|run| run.id == id) else {
            return;
        };
        self.retire(run.clone(), false);
        self.fail_run(&run, Stage::Ready, message, tail);
    }

    /// Takes a process out of service; with `drain` it may finish what it has.
    pub(super) fn retire(&mut self, run: Run, drain: bool) {
        let (id, spawned) = (run.id, run.pid.is_some());
        self.retiring.push(run);
        if drain && spawned {
            self.push(Effect::Drain(id));
        } else {
            self.terminate(self.retiring.len() - 1);
        }
    }

    fn terminate(&mut self, index: usize) {
        let run = &mut self.retiring[index];
        if !std::mem::replace(&mut run.terminated, true) {
            let id = run.id;
            self.push(Effect::Terminate(id));
        }
    }

    /// Nothing is done about it: only who wrote the service knows why.
    pub(super) fn deaf(&mut self, id: RunId, message: String) {
        if self.serving_run() == Some(id) {
            self.emit(EventKind::Note(message));
        }
    }

    pub(super) fn drained(&mut self, id: RunId) {
        if let Some(index) = self.retiring.iter().position(|run| run.id == id) {
            self.terminate(index);
            // Its place may be waited for.
            self.spawn_when_free();
        }
    }
}

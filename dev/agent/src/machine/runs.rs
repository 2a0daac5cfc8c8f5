//! Processes: which one starts, serves and retires. `ends.rs` goes on when one
//! has ended.

use hob_wire::{EventKind, LogLine, Stage};

use super::state::{Artefact, Course, Farewell, Retiring, Run};
use super::{Effect, Exit, GateMove, Machine, RunId};

/// Another process is started once fewer old ones than this are draining or
/// ending, so that many saves of a service which is slow to end do not fill
/// the machine: with the one that serves and the one that starts there are so
/// many and one more.
pub(super) const MOST_OLD: usize = 3;

impl Machine {
    pub(super) fn begin(&mut self) {
        self.resting = false;
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
        self.resting = false;
        self.streak = 0;
        if self.artefact.is_some() {
            self.relaunch();
        } else if self.building.is_none() && !self.build_due {
            self.noticed = self.now;
            self.rebuild();
        }
    }

    /// No process until one is asked for; what is built stays.
    pub(super) fn rest(&mut self) {
        if self.leaving {
            return;
        }
        self.started = false;
        self.resting = true;
        self.backoff = None;
        self.streak = 0;
        if let Some(pending) = self.pending.take() {
            self.release(pending.id);
        }
        // What is built is whole; how its processes fared says nothing now.
        let built = self.artefact.as_ref().map(|it| it.id);
        self.trouble.take_if(|trouble| Some(trouble.build) <= built);
        self.gate(GateMove::Hold("it rests".into()));
        if let Some(starting) = self.starting.take() {
            self.retire(starting, false);
        }
        if let Some(serving) = self.serving.take() {
            self.retire(serving, true);
        }
    }

    /// A signal to what serves. What is starting may have read the old files,
    /// and may not listen to signals yet.
    pub(super) fn signal(&mut self) {
        if let Some(run) = self.serving.as_ref() {
            self.push(Effect::Signal(run.id));
        }
        if self.starting.is_some() {
            self.relaunch();
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
        self.course = Course::Open;
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
        if self.pending.is_some() && !self.make_room() {
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
        });
        self.push(Effect::Spawn {
            run: id,
            build,
            generation,
        });
    }

    /// Makes room for another new process, and says whether there is. If not,
    /// the oldest of those that have been told to end are killed, and their
    /// end starts it; one that drains has requests and keeps its time.
    fn make_room(&mut self) -> bool {
        let at = |farewell| move |old: &&mut Retiring| old.farewell == farewell;
        let killed = self
            .retiring
            .iter_mut()
            .filter(at(Farewell::Killed))
            .count();
        let many = (self.retiring.len() + 1).saturating_sub(MOST_OLD + killed);
        let told = self.retiring.iter_mut().filter(at(Farewell::Told));
        for old in told.take(many) {
            old.farewell = Farewell::Killed;
            self.effects.push(Effect::Kill(old.run.id));
        }
        self.retiring.len() < MOST_OLD
    }

    pub(super) fn spawned(&mut self, id: RunId, pid: u32, port: Option<u16>) {
        let now = self.now;
        let known = self
            .starting
            .iter_mut()
            .chain(&mut self.serving)
            .chain(self.retiring.iter_mut().map(|old| &mut old.run));
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
        if let Some(index) = self.retiring.iter().position(|old| old.run.id == id) {
            let Retiring { run, .. } = self.retiring.remove(index);
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

    /// A job came to its end before it counted as started: that is as good.
    pub(super) fn finished(&mut self, run: &Run, exit: &Exit) {
        let old_good = self.accept(run);
        self.done(run, exit);
        if let Some(old) = self.serving.take() {
            self.retire(old, true);
        }
        if let Some(old) = old_good {
            self.release(old.id);
        }
    }

    /// A process came to its end, well and for good.
    pub(super) fn done(&mut self, run: &Run, exit: &Exit) {
        let generation = run.generation;
        self.course = Course::Done(generation);
        if let Some(good) = self.good.as_mut().filter(|it| it.id == run.artefact.id) {
            good.done = true;
        }
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
        self.retiring.push(Retiring {
            run,
            farewell: Farewell::Draining,
        });
        if drain && spawned {
            self.push(Effect::Drain(id));
        } else {
            self.terminate(self.retiring.len() - 1);
        }
    }

    fn terminate(&mut self, index: usize) {
        let old = &mut self.retiring[index];
        if old.farewell == Farewell::Draining {
            old.farewell = Farewell::Told;
            self.effects.push(Effect::Terminate(old.run.id));
        }
    }

    /// Nothing is done about it: only who wrote the service knows why.
    pub(super) fn deaf(&mut self, id: RunId, message: String) {
        if self.serving_run() == Some(id) {
            self.emit(EventKind::Note(message));
        }
    }

    pub(super) fn drained(&mut self, id: RunId) {
        if let Some(index) = self.retiring.iter().position(|old| old.run.id == id) {
            self.terminate(index);
            // Its place may be waited for.
            self.spawn_when_free();
        }
    }
}

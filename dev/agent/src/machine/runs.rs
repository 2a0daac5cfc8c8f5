//! Processes: which one starts, serves and retires, and what a crash means.

use hob_wire::{EventKind, LogLine, Problem, Restart, Stage};

use super::state::{Artefact, Run, Trouble};
use super::{BuildId, Effect, Exit, GateMove, Machine, RunId};

/// The wait before the first restart after a crash, in milliseconds; it
/// doubles with each further one.
const BACKOFF_FIRST: u64 = 100;
/// The longest wait between restarts, in milliseconds.
const BACKOFF_LAST: u64 = 10_000;
/// A process that ran for this long, in milliseconds, did not crash in a row.
const STEADY: u64 = 10_000;

impl Machine {
    pub(super) fn begin(&mut self) {
        let was_paused = std::mem::take(&mut self.paused);
        if !self.started || was_paused {
            self.started = true;
            self.relaunch();
        }
    }

    /// A new process from what is built; a service whose builds all failed is
    /// built again, since there is nothing to start.
    pub(super) fn restart(&mut self) {
        if self.leaving || self.spec.is_none() {
            return;
        }
        self.paused = false;
        self.started = true;
        self.streak = 0;
        if self.artefact.is_some() {
            self.relaunch();
        } else if self.building.is_none() && !self.build_due {
            self.noticed = self.now;
            self.rebuild();
        }
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.backoff = None;
        self.pending = None;
        self.gate(GateMove::Hold("it was paused".into()));
        self.retire_all();
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
        self.started && !self.paused && !self.leaving
    }

    fn launch(&mut self, artefact: Artefact) {
        if !self.may_run() {
            return;
        }
        self.ended = false;
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

    fn spawn_when_free(&mut self) {
        if self.exclusive() && !self.retiring.is_empty() {
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
        });
        self.push(Effect::Spawn {
            run: id,
            build,
            generation,
        });
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
        let (generation, build) = (run.generation, run.artefact.id);
        self.gate(GateMove::Open {
            run: id,
            generation,
        });
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
        let old_good = self.good.replace(Artefact {
            generation,
            ..run.artefact.clone()
        });
        let old = self.serving.replace(run);
        self.emit(EventKind::Swapped { waterfall });
        if let Some(old) = old {
            self.retire(old, true);
        }
        if let Some(old) = old_good {
            self.release(old.id);
        }
    }

    pub(super) fn not_ready(&mut self, id: RunId, message: String, tail: Vec<LogLine>) {
        let Some(run) = self.starting.take_if(|run| run.id == id) else {
            return;
        };
        self.retire(run.clone(), false);
        self.fail_run(&run, Stage::Ready, message, tail);
    }

    /// Takes a process out of service; with `drain` it may finish what it has.
    fn retire(&mut self, run: Run, drain: bool) {
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

    pub(super) fn drained(&mut self, id: RunId) {
        if let Some(index) = self.retiring.iter().position(|run| run.id == id) {
            self.terminate(index);
        }
    }

    pub(super) fn exited(&mut self, id: RunId, exit: Exit) {
        if let Some(index) = self.retiring.iter().position(|run| run.id == id) {
            let run = self.retiring.remove(index);
            self.retired(&run, exit.killed);
        } else if let Some(run) = self.starting.take_if(|run| run.id == id) {
            let message = format!("{} before it was ready", exit.message);
            self.fail_run(&run, Stage::Start, message, exit.tail);
            self.retry_start(run.artefact.id);
            self.release(run.artefact.id);
        } else if let Some(run) = self.serving.take_if(|run| run.id == id) {
            self.crashed(run, exit);
        }
    }

    fn retired(&mut self, run: &Run, killed: bool) {
        let generation = run.generation;
        self.gate(GateMove::Close(run.id));
        self.emit(EventKind::Retired { generation, killed });
        self.release(run.artefact.id);
        self.spawn_when_free();
        self.leave_when_empty();
    }

    /// The process that served ended by itself.
    fn crashed(&mut self, run: Run, exit: Exit) {
        self.gate(GateMove::Close(run.id));
        let policy = self
            .spec
            .as_ref()
            .map_or(Restart::Never, |spec| spec.restart);
        let again = match policy {
            Restart::Always => true,
            Restart::OnFailure => !exit.success,
            Restart::Never => false,
        };
        if exit.uptime_ms >= STEADY {
            self.streak = 0;
        }
        if !exit.success || again {
            self.crashes += 1;
        }
        let generation = run.generation;
        let coming = self.starting.is_some() || self.pending.is_some();
        let retry_ms = (again && !coming).then(|| self.schedule());
        self.emit(EventKind::Crashed {
            generation,
            message: exit.message.clone(),
            retry_ms,
        });
        self.ended = !again && !coming;
        if exit.success && !again {
            let why = if coming {
                "it is starting"
            } else {
                "it ended by itself"
            };
            return self.gate(GateMove::Hold(why.into()));
        }
        let mut message = format!("it {}", exit.message);
        if !again {
            message.push_str(" and is not started again (`restart = \"never\"`)");
        }
        let newer = self
            .trouble
            .as_ref()
            .is_some_and(|it| it.build > run.artefact.id);
        let problem = Problem {
            generation,
            stage: Stage::Crash,
            message,
            output: exit.tail.clone(),
        };
        if again || coming {
            let last: Vec<&str> = exit.tail.iter().map(|line| line.text.as_str()).collect();
            let last = &last[last.len().saturating_sub(5)..];
            let reason = format!(
                "it {} and is started again\n{}",
                exit.message,
                last.join("\n")
            );
            self.gate(GateMove::Hold(reason.trim_end().into()));
        } else {
            self.gate(GateMove::Fail(problem.clone()));
        }
        if !newer {
            self.trouble = Some(Trouble {
                build: run.artefact.id,
                problem,
            });
        }
    }

    /// Plans the next restart and says in how many milliseconds it comes.
    fn schedule(&mut self) -> u64 {
        let delay_ms = (BACKOFF_FIRST << self.streak.min(16)).min(BACKOFF_LAST);
        self.streak += 1;
        self.backoff_token += 1;
        let token = self.backoff_token;
        self.backoff = Some(token);
        self.push(Effect::Backoff { token, delay_ms });
        delay_ms
    }

    pub(super) fn backoff_over(&mut self, token: u64) {
        if self.backoff != Some(token) {
            return;
        }
        self.backoff = None;
        // What served last is what was asked for, unless something newer was
        // built since.
        let newest = self.artefact.clone();
        let broken = self.trouble.as_ref().map(|trouble| trouble.build);
        let good = self.good.clone();
        let choice = match (newest, good) {
            (Some(newest), Some(good)) if Some(newest.id) == broken && good.id != newest.id => {
                Some(good)
            }
            (newest, good) => newest.or(good),
        };
        if let Some(artefact) = choice {
            self.launch(artefact);
        }
    }

    fn fail_run(&mut self, run: &Run, stage: Stage, message: String, output: Vec<LogLine>) {
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
        let newer = self.trouble.as_ref().is_some_and(|it| it.build > build);
        self.emit(EventKind::Failed {
            generation: problem.generation,
            stage: problem.stage,
            message: problem.message.clone(),
            output: problem.output.clone(),
            serving: self.serving.as_ref().map(|run| run.generation),
        });
        if !newer {
            self.trouble = Some(Trouble {
                build,
                problem: problem.clone(),
            });
        }
        // The newest of the problems, which may be an older one than this.
        let shown = match &self.trouble {
            Some(trouble) => trouble.problem.clone(),
            None => problem,
        };
        if self.serving.is_some() {
            return self.gate(GateMove::Badge(Some(shown)));
        }
        if self.starting.is_some() || self.pending.is_some() {
            return;
        }
        // What has ended by itself for good is no fallback: a job that is
        // done must not run again because the next one does not build.
        match self.good.clone().filter(|good| good.id != build) {
            Some(good) if !self.ended => self.launch(good),
            _ => self.gate(GateMove::Fail(shown)),
        }
    }

    /// What it needs may not have been there: a process that ended before it
    /// was ready is tried again, more and more rarely, while nothing serves.
    fn retry_start(&mut self, build: BuildId) {
        let known = [&self.artefact, &self.good]
            .into_iter()
            .flatten()
            .any(|artefact| artefact.id == build);
        let wanted = self
            .spec
            .as_ref()
            .is_some_and(|spec| spec.restart != Restart::Never);
        let idle = self.serving.is_none() && self.starting.is_none() && self.pending.is_none();
        if known && wanted && idle && !self.paused && !self.leaving {
            self.schedule();
        }
    }
}

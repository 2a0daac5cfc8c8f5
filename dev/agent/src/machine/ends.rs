//! The ends of processes: asked for, crashed, failed; and when one is tried
//! again.

use hob_wire::{EventKind, Problem, Restart, Stage};

use super::state::{Course, Retiring, Run};
use super::troubles::Trouble;
use super::{BuildId, Effect, Exit, GateMove, Machine, RunId};

/// The wait before the first restart after a crash, in milliseconds; it
/// doubles with each further one.
const BACKOFF_FIRST: u64 = 100;
/// The longest wait between restarts, in milliseconds.
const BACKOFF_LAST: u64 = 10_000;
/// A process that ran for this long, in milliseconds, did not crash in a row.
const STEADY: u64 = 10_000;

/// What may be wrong with a command that ended well and was to go on.
fn hint(exit: &Exit) -> &'static str {
    if exit.success && exit.left {
        ", but what it had started went on: `run` must stay in the foreground \
         (nginx: `-g 'daemon off;'`)"
    } else {
        ""
    }
}

impl Machine {
    pub(super) fn exited(&mut self, id: RunId, exit: Exit) {
        if let Some(index) = self.retiring.iter().position(|old| old.run.id == id) {
            let Retiring { run, .. } = self.retiring.remove(index);
            self.retired(&run, exit.killed);
        } else if let Some(run) = self.starting.take_if(|run| run.id == id) {
            if exit.success && self.is_job() {
                return self.finished(&run, &exit);
            }
            let mut message = format!("{} before it was ready", exit.message);
            message.push_str(hint(&exit));
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
        self.course = match again || coming {
            true => Course::Open,
            false if exit.success => return self.done(&run, &exit),
            false => Course::Over,
        };
        let retry_ms = (again && !coming).then(|| self.schedule());
        let how = format!("{}{}", exit.message, hint(&exit));
        self.emit(EventKind::Crashed {
            generation,
            message: how.clone(),
            code: exit.code,
            retry_ms,
        });
        if exit.success && !again {
            return self.gate(GateMove::Hold("it is starting".into()));
        }
        let mut message = format!("it {how}");
        if !again {
            message.push_str(" and is not started again (`restart = \"never\"`)");
        }
        let problem = Problem {
            generation,
            stage: Stage::Crash,
            message,
            output: exit.tail.clone(),
        };
        let shown = self.note(Trouble {
            build: run.artefact.id,
            problem,
        });
        if !again && !coming {
            return self.gate(GateMove::Fail(shown));
        }
        let last: Vec<&str> = exit.tail.iter().map(|line| line.text.as_str()).collect();
        let last = &last[last.len().saturating_sub(5)..];
        let reason = format!("it {how} and is started again\n{}", last.join("\n"));
        self.gate(GateMove::Hold(reason.trim_end().into()));
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
        let good = self.fallback();
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
        if known && wanted && idle && !self.leaving {
            self.schedule();
        }
    }
}

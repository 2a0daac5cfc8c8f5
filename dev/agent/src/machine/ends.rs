//! The ends of processes: asked for, crashed, failed; and when one is tried
//! again.

use hob_wire::{EventKind, LogLine, Problem, Restart, Stage};

use super::state::{Run, Trouble};
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
        if let Some(index) = self.retiring.iter().position(|run| run.id == id) {
            let run = self.retiring.remove(index);
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
        self.ended = !again && !coming;
        if exit.success && self.ended {
            return self.tell_done(&run, &exit);
        }
        let retry_ms = (again && !coming).then(|| self.schedule());
        let how = format!("{}{}", exit.message, hint(&exit));
        self.emit(EventKind::Crashed {
            generation,
            message: how.clone(),
            retry_ms,
        });
        if exit.success && !again {
            return self.gate(GateMove::Hold("it is starting".into()));
        }
        let mut message = format!("it {how}");
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
            let reason = format!("it {how} and is started again\n{}", last.join("\n"));
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
        match self.fallback().filter(|good| good.id != build) {
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
        if known && wanted && idle && !self.leaving {
            self.schedule();
        }
    }
}

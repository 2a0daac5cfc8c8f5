//! How a process is started, and asked whether it is ready.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hob_wire::{LogLine, Mode, Spec, Stream};
use tokio::sync::mpsc;

use super::{Hold, Supervisor};
use crate::builder::explain_spawn;
use crate::log::now;
use crate::machine::{BuildId, Input, RunId};
use crate::probe::Probe;
use crate::process::{Running, Sink};
use crate::user::User;
use crate::watcher::{LastWords, Watcher, words};
use crate::{environment, port};

impl Supervisor {
    pub(super) fn spawn(&mut self, run: RunId, build: BuildId, generation: u64) {
        let Some(spec) = self.machine.spec().cloned() else {
            return;
        };
        let input = match self.start(&spec, run, build, generation) {
            Ok((pid, port)) => Input::Spawned { run, pid, port },
            Err(message) => Input::SpawnFailed { run, message },
        };
        // Not taken at once: the machine is still at its last input.
        let _ = self.inputs.send(input);
    }

    fn start(
        &mut self,
        spec: &Spec,
        run: RunId,
        build: BuildId,
        generation: u64,
    ) -> Result<(u32, Option<u16>), String> {
        let addr = match (spec.mode, spec.binds()) {
            (_, None) => None,
            (Mode::Run, Some(addr)) => Some(addr),
            (Mode::Dev, Some(_)) => {
                Some(port::fresh(spec.host).map_err(|error| format!("no port is free: {error}"))?)
            }
        };
        if let Some(addr) = addr {
            port::still_free(addr).map_err(|error| error.to_string())?;
        }
        let secrets = environment::secrets(spec).map_err(|error| error.to_string())?;
        self.log.mask(secrets.values());
        let user = environment::user(spec).map_err(|error| error.to_string())?;
        let out = self.out(build);
        User::make_folder(user.as_ref(), &out)
            .map_err(|error| format!("cannot make {}: {error}", out.display()))?;
        let mark = format!("run-{}", run.0);
        let launch = environment::run(spec, &out, addr, &secrets, &mark).run_by(user.clone());
        let tail = LastWords::default();
        let (log, said) = (self.log.clone(), tail.clone());
        let sink: Sink = Arc::new(move |stream, text| {
            let line = log.write(LogLine {
                at: now(),
                stream,
                generation,
                text,
            });
            said.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        });
        let running = Running::spawn(&launch, (Stream::Out, Stream::Err), &sink)
            .map_err(|error| explain_spawn(&launch, &error))?;
        let pid = running.pid();
        let (end, ended) = mpsc::unbounded_channel();
        self.runs.insert(
            run,
            Hold {
                pid,
                addr,
                build,
                secrets,
                user,
                tail: tail.clone(),
                end,
                hurry: running.hurry(),
            },
        );
        let watcher = Watcher {
            run,
            grace: spec.limits.grace.into(),
            tail,
            inputs: self.inputs.clone(),
        };
        tokio::spawn(watcher.watch(running, ended));
        Ok((pid, addr.map(|addr| addr.port())))
    }

    pub(super) fn probe(&mut self, run: RunId) {
        let (Some(spec), Some(hold)) = (self.machine.spec(), self.runs.get(&run)) else {
            return;
        };
        let command = match &spec.ready {
            hob_wire::Ready::Command(program) => {
                let out = self.out(hold.build);
                let mark = format!("probe-{}", run.0);
                let launch =
                    environment::process(spec, program, &out, hold.addr, &hold.secrets, &mark);
                Some(launch.run_by(hold.user.clone()))
            }
            _ => None,
        };
        let probe = Probe::new(&spec.ready, hold.addr, command);
        let limit = Duration::from(spec.limits.ready);
        let (inputs, log, tail) = (self.inputs.clone(), self.log.clone(), hold.tail.clone());
        let ended = hold.end.clone();
        tokio::spawn(async move {
            let input = tokio::select! {
                result = probe.until_ready(limit) => match result {
                    Ok(()) => Input::Ready(run),
                    // A probe's own words may hold what the process must not say.
                    Err(message) => Input::NotReady {
                        run,
                        message: log.masked(message),
                        tail: words(&tail),
                    },
                },
                // The process is gone: its watcher has said so.
                () = ended.closed() => return,
            };
            let _ = inputs.send(input);
        });
    }
}

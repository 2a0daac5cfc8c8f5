//! The agent's loop: hears clients, signals and what comes back from the
//! supervisor, one thing after the other, and has the front and what is kept.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hob_wire::{EventKind, Micros, SessionInfo, Spec};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::descendants;
use crate::kept::{self, Kept};
use crate::log::now;
use crate::machine::Input;
use crate::server::Command;
use crate::supervisor::Supervisor;

pub struct Agent {
    supervisor: Supervisor,
    front: Option<Front>,
    /// The folder in which it keeps what it was told, if it does.
    keep: Option<PathBuf>,
    /// What it was told.
    kept: Option<Kept>,
}

struct Front {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

pub struct Signals {
    term: Signal,
    interrupt: Signal,
    child: Signal,
}

impl Signals {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }
}

impl Agent {
    pub fn new(supervisor: Supervisor, keep: Option<PathBuf>) -> Self {
        Self {
            supervisor,
            front: None,
            keep,
            kept: None,
        }
    }

    /// The loop: one thing after the other until the machine says that all is
    /// over.
    pub async fn work(
        &mut self,
        mut from_clients: mpsc::UnboundedReceiver<Command>,
        mut fed_back: mpsc::UnboundedReceiver<Input>,
        mut signals: Signals,
    ) {
        let mut first_answers = self.supervisor.gate.first_answers();
        let mut troubles = self.supervisor.gate.trouble();
        while !self.supervisor.over {
            tokio::select! {
                // What was answered for comes before a signal that came later.
                biased;
                Some(input) = fed_back.recv() => self.supervisor.take(input),
                Some(command) = from_clients.recv() => self.obey(command).await,
                Some((generation, at)) = first_answers.recv() => self.answered(generation, at),
                Some(trouble) = troubles.recv() => self.supervisor.refused(&trouble),
                _ = signals.term.recv() => self.break_off(),
                _ = signals.interrupt.recv() => self.break_off(),
                _ = signals.child.recv() => descendants::reap(),
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Input(Input::Shutdown) => {
                // Unlike TERM, which may be the machine's own end.
                self.forget();
                self.shut_down();
            }
            Command::Input(input) => self.supervisor.take(input),
            Command::Configure {
                spec,
                digest,
                answer,
            } => {
                // The client may have gone.
                let _ = answer.send(self.configure(spec, digest).await);
            }
            Command::Start { answer } => {
                self.start();
                // The client may have gone.
                let _ = answer.send(());
            }
            Command::Restart { answer } => {
                self.keep_started(true);
                let run = self.supervisor.machine.next_run();
                self.supervisor.take(Input::Restart);
                let _ = answer.send(run);
            }
            Command::Rest { answer } => {
                self.keep_started(false);
                self.supervisor.take(Input::Rest);
                let _ = answer.send(());
            }
            Command::Signal { answer } => {
                self.supervisor.take(Input::Signal);
                // The client may have gone.
                let _ = answer.send(());
            }
            Command::Attach { info, answer } => {
                let _ = answer.send(self.attach(info));
            }
            Command::Detach => self.set_session(None),
        }
    }

    async fn configure(&mut self, spec: Box<Spec>, digest: String) -> Result<(), String> {
        self.admit(&spec).await?;
        if self.keep.is_some() {
            let started = self.kept.as_ref().is_some_and(|kept| kept.started);
            self.keep(Kept::new(spec.clone(), digest.clone(), started));
        }
        self.supervisor.take(Input::Configure { spec, digest });
        Ok(())
    }

    fn start(&mut self) {
        self.keep_started(true);
        self.supervisor.take(Input::Start);
    }

    /// Notes for the next agent whether a process is to run.
    fn keep_started(&mut self, started: bool) {
        if let Some(mut kept) = self.kept.take_if(|kept| kept.started != started) {
            kept.started = started;
            self.keep(kept);
        }
    }

    /// Goes on where the agent before it ended, if that kept what it was told.
    pub async fn go_on(&mut self) {
        let Some(state) = &self.keep else { return };
        let kept = match Kept::load(state) {
            Ok(Some(kept)) => kept,
            Ok(None) => return,
            Err(error) => return self.remark(format!("spec.json is ignored: {error}")),
        };
        let facts = self.supervisor.publisher.facts();
        if (&kept.spec.project, &kept.spec.service) != (&facts.project, &facts.service) {
            return self.remark("spec.json is ignored: it is of another service".into());
        }
        let started = kept.started;
        self.kept = Some(kept.clone());
        if let Err(error) = self.configure(kept.spec, kept.digest).await {
            return self.remark(format!("cannot go on with what spec.json says: {error}"));
        }
        if started {
            self.supervisor.take(Input::Start);
        }
    }

    fn keep(&mut self, kept: Kept) {
        if let Some(state) = &self.keep {
            if let Err(error) = kept.store(state) {
                self.remark(format!("cannot keep spec.json: {error}"));
            }
        }
        self.kept = Some(kept);
    }

    fn forget(&mut self) {
        self.kept = None;
        if let Some(state) = self.keep.take() {
            if let Err(error) = kept::forget(&state) {
                self.remark(format!("cannot remove spec.json: {error}"));
            }
        }
    }

    /// To the log, and to whoever started the agent: in a container, that is
    /// where people look first.
    fn remark(&self, text: String) {
        eprintln!("hob agent: {text}");
        self.supervisor.say(text);
    }

    /// The end by signal. Whoever starts the agent again has the service again,
    /// if what it was told is kept; that is told before the end.
    fn break_off(&mut self) {
        if self.kept.is_some() {
            let supervisor = &mut self.supervisor;
            supervisor.publisher.set_returns();
            supervisor.publisher.look(&supervisor.machine);
        }
        self.shut_down();
    }

    /// From here on nothing is accepted any more; what is in flight may end.
    fn shut_down(&mut self) {
        if let Some(stop) = self.front.as_mut().and_then(|front| front.stop.take()) {
            // The front may have ended by itself.
            let _ = stop.send(());
        }
        self.supervisor.take(Input::Shutdown);
    }

    fn attach(&mut self, info: SessionInfo) -> Result<Option<Micros>, SessionInfo> {
        if let Some(other) = self.supervisor.publisher.session() {
            return Err(other.clone());
        }
        self.set_session(Some(info));
        Ok(self.supervisor.publisher.missed())
    }

    fn set_session(&mut self, session: Option<SessionInfo>) {
        let supervisor = &mut self.supervisor;
        supervisor.publisher.set_session(session);
        supervisor.publisher.look(&supervisor.machine);
    }

    /// Whether a spec can be taken; the first one opens the front.
    async fn admit(&mut self, spec: &Spec) -> Result<(), String> {
        if self.supervisor.machine.leaving() {
            return Err("the agent is going down".into());
        }
        if let Some(before) = self.supervisor.machine.spec() {
            let other = [
                (before.service != spec.service, "service"),
                (before.mode != spec.mode, "mode"),
                (
                    (before.listen, before.bind) != (spec.listen, spec.bind),
                    "port",
                ),
                (before.live_reload != spec.live_reload, "`live_reload`"),
                (before.limits.hold != spec.limits.hold, "`limits.hold`"),
            ];
            // The front is what it is from its first day on.
            return match other.into_iter().find(|(other, _)| *other) {
                Some((_, what)) => Err(format!("its {what} changes: make it anew")),
                None => Ok(()),
            };
        }
        let Some(listen) = spec.listen.filter(|_| spec.mode == hob_wire::Mode::Dev) else {
            return Ok(());
        };
        let addr = spec.bind.unwrap_or(listen.addr);
        let listener = TcpListener::bind(addr)
            .await
            .map_err(|error| format!("cannot listen on {addr}: {error}"))?;
        let config = hob_front::Config {
            hold_limit: spec.limits.hold.into(),
            live_reload: spec.live_reload,
            ..hob_front::Config::new(spec.name(), listen.protocol)
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = self.supervisor.gate.clone();
        let task = tokio::spawn(hob_front::serve(listener, gate, config, async {
            // A dropped sender means the same.
            let _ = stopped.await;
        }));
        self.front = Some(Front {
            task,
            stop: Some(stop),
        });
        Ok(())
    }

    /// The first answer of a generation has left the front.
    fn answered(&mut self, generation: u64, at: Instant) {
        let machine = &self.supervisor.machine;
        let Some((mut waterfall, ready)) = machine.waterfall_of(generation) else {
            return;
        };
        let ago = u64::try_from(at.elapsed().as_micros()).unwrap_or(0);
        waterfall.answered = Some(now().saturating_sub(ago).saturating_sub(ready));
        self.supervisor.emit(EventKind::FirstAnswer { waterfall });
    }

    /// Gives everything back: port, socket, whatever still runs below.
    pub async fn leave(mut self, socket: &Path, alone: File) {
        if let Some(front) = self.front.take() {
            // It was told to stop; its connections have a limit.
            let _ = front.task.await;
        }
        self.supervisor.clear().await;
        let _ = fs::remove_file(socket);
        // Before anybody hears of the end: the next agent may come at once.
        drop(alone);
        self.supervisor.publisher.over();
    }
}

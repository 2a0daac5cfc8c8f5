//! The session's loop: one `select!` that feeds the reducer and performs what
//! it says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hob_stack::ServiceId;
use hob_wire::{Event, Reply, Request, SessionInfo, Status};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::changes::names;
use crate::ground::Ground;
use crate::link::{Linked, Out, link};
use crate::message::{Applied, Command, Effect, End, Input, Save, Token, Told};
use crate::reducer::Session;
use crate::socket::{Asked, Socket, listen};
use crate::sources::{STACK_FILES, Sources, micros};

/// What the user is shown.
#[derive(Debug, Clone)]
pub enum Shown {
    /// The session's own words.
    Told(Told),
    /// An agent's event.
    Event(Event),
    /// An agent's state.
    Status(Box<Status>),
    /// Something about the watching of a service's files.
    Watch(ServiceId, String),
}

/// What the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Asks for something.
    Command(Command),
    /// Wants to leave.
    Leave,
}

/// How a session is to be.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it listens for requests; the folder is there and private.
    pub socket: PathBuf,
    /// Whether its services outlive it.
    pub keep: bool,
}

/// Why a session could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its socket.
    #[error("cannot listen on {path}: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Its files.
    #[error("cannot watch the sources: {0}")]
    Watch(#[from] hob_watch::Error),
}

/// Runs a session until the user leaves or its services are gone.
///
/// # Errors
/// It could not begin.
pub async fn run<G: Ground>(
    ground: Arc<G>,
    setup: Setup,
    keys: &mut mpsc::UnboundedReceiver<Key>,
    shown: mpsc::UnboundedSender<Shown>,
) -> Result<End, Error> {
    let (asked_in, mut asked) = mpsc::unbounded_channel();
    let socket = listen(&setup.socket, asked_in).map_err(|source| Error::Socket {
        path: setup.socket.clone(),
        source,
    })?;
    let (events_in, mut events) = mpsc::unbounded_channel();
    let sources = Sources::start(ground.watched(), ground.stack_files(), events_in)?;
    let (inputs_in, mut inputs) = mpsc::unbounded_channel();
    let (linked_in, mut linked) = mpsc::unbounded_channel();
    let (plans, mut applied) = mpsc::unbounded_channel();
    let (reread_in, mut reread) = mpsc::unbounded_channel();
    let mut shell = Shell {
        session: Session::new(sources.watching(), setup.keep),
        ground,
        info: SessionInfo {
            pid: std::process::id(),
            socket: setup.socket,
        },
        _socket: socket,
        sources,
        inputs: inputs_in,
        linked: linked_in,
        reread: reread_in,
        next_link: 0,
        plans,
        next_plan: 0,
        shown,
        links: HashMap::new(),
        answers: HashMap::new(),
        next_token: 0,
        applying: None,
        tearing: None,
        end: None,
    };
    let effects = shell.session.begin();
    shell.perform(effects);
    loop {
        if let Some(end) = shell.end.take() {
            return Ok(end);
        }
        let input = tokio::select! {
            // A save comes before everything else.
            biased;
            Some(event) = events.recv() => match shell.watched(event) {
                Some(input) => input,
                None => continue,
            },
            Some(key) = keys.recv() => match key {
                Key::Command(command) => Input::Command(command),
                Key::Leave => Input::Leave,
            },
            Some(input) = inputs.recv() => input,
            Some((number, how)) = applied.recv() => {
                // One that was given up may have ended just before.
                if number != shell.next_plan {
                    continue;
                }
                Input::Applied(how)
            }
            Some(told) = linked.recv() => match shell.linked(told) {
                Some(input) => input,
                None => continue,
            },
            Some(step) = reread.recv() => match shell.reread(step) {
                Some(input) => input,
                None => continue,
            },
            Some(Asked { request, answer }) = asked.recv() => {
                shell.next_token += 1;
                let token = Token(shell.next_token);
                shell.answers.insert(token, answer);
                Input::Asked { token, request }
            }
        };
        shell.take(input);
    }
}

/// What performs the reducer's effects.
struct Shell<G> {
    session: Session,
    ground: Arc<G>,
    info: SessionInfo,
    _socket: Socket,
    sources: Sources,
    inputs: mpsc::UnboundedSender<Input>,
    linked: mpsc::UnboundedSender<Linked>,
    reread: mpsc::UnboundedSender<Reread>,
    next_link: u64,
    plans: mpsc::UnboundedSender<(u64, Applied)>,
    next_plan: u64,
    shown: mpsc::UnboundedSender<Shown>,
    links: HashMap<ServiceId, (u64, mpsc::UnboundedSender<Request>)>,
    answers: HashMap<Token, oneshot::Sender<Reply>>,
    next_token: u64,
    applying: Option<JoinHandle<()>>,
    tearing: Option<JoinHandle<()>>,
    end: Option<End>,
}

impl<G: Ground> Shell<G> {
    fn take(&mut self, input: Input) {
        match &input {
            Input::Event(event) => self.show(Shown::Event(event.clone())),
            Input::Status(status) => self.show(Shown::Status(status.clone())),
            Input::Lost(service) | Input::Refused { service, .. } => {
                self.links.remove(service);
            }
            Input::Reloaded(watching) => {
                let known = |id: &ServiceId| watching.iter().any(|it| it.service == *id);
                self.links.retain(|id, _| known(id));
            }
            _ => {}
        }
        let effects = self.session.step(input);
        self.perform(effects);
    }

    fn show(&self, shown: Shown) {
        // The user may have closed the terminal.
        let _ = self.shown.send(shown);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Apply(services) => self.apply(services),
                Effect::ReplanAfter(ms) => {
                    let inputs = self.inputs.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        let _ = inputs.send(Input::Replan);
                    });
                }
                Effect::Attach(service) => self.attach(service),
                Effect::Send(service, request) => {
                    if let Some((_, link)) = self.links.get(&service) {
                        // A link that ends says so by itself.
                        let _ = link.send(request);
                    }
                }
                Effect::Sync { token, service } => self.sync(token, service),
                Effect::Answer(token, reply) => {
                    if let Some(answer) = self.answers.remove(&token) {
                        // The one who asked may have gone.
                        let _ = answer.send(reply);
                    }
                }
                Effect::Tell(told) => self.show(Shown::Told(told)),
                Effect::TearDown { services, force } => self.tear_down(services, force),
                Effect::Finish(end) => self.end = Some(end),
            }
        }
    }

    fn apply(&mut self, services: Vec<ServiceId>) {
        if let Some(earlier) = self.applying.take() {
            earlier.abort();
        }
        self.next_plan += 1;
        let (number, plans) = (self.next_plan, self.plans.clone());
        let ground = self.ground.clone();
        self.applying = Some(tokio::spawn(async move {
            let how = ground.apply(&services).await;
            let _ = plans.send((number, how));
        }));
    }

    fn tear_down(&mut self, services: Vec<ServiceId>, force: bool) {
        for task in self.applying.take().into_iter().chain(self.tearing.take()) {
            task.abort();
        }
        let (ground, inputs) = (self.ground.clone(), self.inputs.clone());
        self.tearing = Some(tokio::spawn(async move {
            ground.take_down(&services, force).await;
            let _ = inputs.send(Input::TornDown);
        }));
    }

    fn attach(&mut self, service: ServiceId) {
        let (to_agent, requests) = mpsc::unbounded_channel();
        self.next_link += 1;
        let number = self.next_link;
        self.links.insert(service.clone(), (number, to_agent));
        let (ground, info) = (self.ground.clone(), self.info.clone());
        let out = Out::new(number, self.linked.clone());
        tokio::spawn(link(ground, service, info, requests, out));
    }

    /// What a link says, if it is still the one of its service.
    fn linked(&self, told: Linked) -> Option<Input> {
        let Linked {
            link,
            service,
            input,
        } = told;
        let current = self
            .links
            .get(&service)
            .is_some_and(|(number, _)| *number == link);
        match input {
            _ if !current => None,
            // A connection of this session that the agent has not missed yet.
            Input::Refused {
                service,
                reason,
                other: Some(other),
            } if other.pid == self.info.pid => Some(Input::Refused {
                service,
                reason,
                other: None,
            }),
            input => Some(input),
        }
    }

    fn sync(&self, token: Token, service: ServiceId) {
        let (done, looked) = oneshot::channel();
        if let Some(root) = self.sources.root_of(&service) {
            self.sources.watcher.sync(root, done);
        }
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            // Batches are told before the answer, and go first in the loop.
            let looked = looked.await.is_ok();
            let _ = inputs.send(Input::Synced {
                token,
                service,
                looked,
            });
        });
    }

    /// A change of the stack files, one step at a time: what waits for a disk
    /// does so outside of the loop.
    fn reread(&mut self, step: Reread) -> Option<Input> {
        match step {
            Reread::Read => {
                let (watched, files) = (self.ground.watched(), self.ground.stack_files());
                let roots = self.sources.replace(watched, files);
                let (watcher, steps) = (self.sources.watcher.clone(), self.reread.clone());
                tokio::task::spawn_blocking(move || {
                    let step = match watcher.update_roots(roots) {
                        Ok(()) => Reread::Watched,
                        Err(error) => Reread::Unwatched(error.to_string()),
                    };
                    let _ = steps.send(step);
                });
                None
            }
            Reread::Watched => {
                self.sources.are_set();
                Some(Input::Reloaded(self.sources.watching()))
            }
            Reread::Unwatched(why) => {
                let first = self.sources.watching().into_iter().next()?;
                self.show(Shown::Watch(first.service, why));
                None
            }
        }
    }

    /// What the watcher says, as an input; notes go straight to the user.
    fn watched(&mut self, event: hob_watch::Event) -> Option<Input> {
        match event {
            hob_watch::Event::Batch(batch) if batch.root == STACK_FILES => {
                self.reload();
                None
            }
            hob_watch::Event::Batch(batch) => {
                let source = self.sources.get(batch.root)?;
                Some(Input::Save(Save {
                    service: source.watched.service.clone(),
                    action: source.rules.action(&batch.changed),
                    noticed: micros(batch.first_event_at),
                    paths: names(&batch.changed),
                    digest: batch.digest,
                }))
            }
            hob_watch::Event::Digest { root, digest } => {
                let source = self.sources.get(root)?;
                Some(Input::Digest {
                    service: source.watched.service.clone(),
                    digest,
                })
            }
            hob_watch::Event::Degraded { root, message } => self.note(root, message),
            hob_watch::Event::Note { root, note } => self.note(root, describe(&note)?),
        }
    }

    fn note(&self, root: usize, text: String) -> Option<Input> {
        let source = self.sources.get(root)?;
        self.show(Shown::Watch(source.watched.service.clone(), text));
        None
    }

    fn reload(&self) {
        let (ground, steps) = (self.ground.clone(), self.reread.clone());
        tokio::spawn(async move {
            if ground.reload().await.is_ok() {
                let _ = steps.send(Reread::Read);
            }
        });
    }
}

/// How far a change of the stack files has come.
enum Reread {
    /// They were read.
    Read,
    /// What they name is watched.
    Watched,
    /// It is not, for this reason.
    Unwatched(String),
}

/// What a person is told about a note of the watcher.
fn describe(note: &hob_watch::Note) -> Option<String> {
    use hob_watch::Note;
    Some(match note {
        Note::RootMissing => "its source folder is gone; waiting for it to come back".into(),
        Note::RootBack => "its source folder is back".into(),
        Note::GitBusy { lock } => {
            format!(
                "git is at work ({}); saves wait until it is done",
                lock.display()
            )
        }
        Note::GitLockIgnored { lock } => format!(
            "{} has been there for long; saves no longer wait for it. If no git runs, \
             `rm {}`",
            lock.display(),
            lock.display()
        ),
        Note::Recovered => "all its folders are watched again".into(),
    })
}

//! The session's loop: one `select!` that feeds the reducer and performs what
//! it says.

#![expect(
    clippy::disallowed_methods,
    reason = "the reducer's clock and waits are performed here"
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hob_stack::ServiceId;
use hob_watch::{Options, Root, Watcher};
use hob_wire::{Event, Micros, Reply, Request, SessionInfo, Status};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::changes::{Rules, Watched, names};
use crate::ground::Ground;
use crate::link::link;
use crate::message::{Command, Effect, End, Input, Save, Token, Told};
use crate::reducer::Session;
use crate::socket::{Asked, Socket, listen};

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

/// The root of the stack files; services are numbered from 0.
const STACK_FILES: usize = usize::MAX;

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
    let watch = Watch::start(&*ground, events_in.clone())?;
    let (inputs_in, mut inputs) = mpsc::unbounded_channel();
    let ids = watch.services();
    let mut shell = Shell {
        session: Session::new(ids, now(), setup.keep),
        ground,
        info: SessionInfo {
            pid: std::process::id(),
            socket: setup.socket,
        },
        _socket: socket,
        watch,
        events: events_in,
        inputs: inputs_in,
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
    watch: Watch,
    events: mpsc::UnboundedSender<hob_watch::Event>,
    inputs: mpsc::UnboundedSender<Input>,
    shown: mpsc::UnboundedSender<Shown>,
    links: HashMap<ServiceId, mpsc::UnboundedSender<Request>>,
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
            Input::Reloaded(_) => self.watch_again(),
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
                Effect::Apply => self.apply(),
                Effect::ReplanAfter(ms) => {
                    let inputs = self.inputs.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        let _ = inputs.send(Input::Replan);
                    });
                }
                Effect::Attach(service) => self.attach(service),
                Effect::Send(service, request) => {
                    if let Some(link) = self.links.get(&service) {
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
                Effect::TearDown { force } => self.tear_down(force),
                Effect::Finish(end) => self.end = Some(end),
            }
        }
    }

    fn apply(&mut self) {
        let (ground, inputs) = (self.ground.clone(), self.inputs.clone());
        self.applying = Some(tokio::spawn(async move {
            let how = ground.apply().await;
            let _ = inputs.send(Input::Applied(how));
        }));
    }

    fn tear_down(&mut self, force: bool) {
        for task in self.applying.take().into_iter().chain(self.tearing.take()) {
            task.abort();
        }
        let (ground, inputs) = (self.ground.clone(), self.inputs.clone());
        self.tearing = Some(tokio::spawn(async move {
            ground.take_down(force).await;
            let _ = inputs.send(Input::TornDown);
        }));
    }

    fn attach(&mut self, service: ServiceId) {
        let (to_agent, requests) = mpsc::unbounded_channel();
        self.links.insert(service.clone(), to_agent);
        let (ground, info) = (self.ground.clone(), self.info.clone());
        tokio::spawn(link(ground, service, info, requests, self.inputs.clone()));
    }

    fn sync(&self, token: Token, service: ServiceId) {
        let (done, looked) = oneshot::channel();
        if let Some(root) = self.watch.root_of(&service) {
            self.watch.watcher.sync(root, done);
        }
        let (inputs, events) = (self.inputs.clone(), self.events.clone());
        tokio::spawn(async move {
            // Batches are told before the answer, and go first in the loop.
            let _ = looked.await;
            drop(events);
            let _ = inputs.send(Input::Synced { token, service });
        });
    }

    fn watch_again(&mut self) {
        match Watch::start(&*self.ground, self.events.clone()) {
            Ok(watch) => self.watch = watch,
            Err(error) => {
                if let Some(service) = self.watch.services().into_iter().next() {
                    self.show(Shown::Watch(service, error.to_string()));
                }
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
                let (watched, rules) = self.watch.roots.get(batch.root)?;
                Some(Input::Save(Save {
                    service: watched.service.clone(),
                    action: rules.action(&batch.changed),
                    noticed: micros(batch.first_event_at),
                    paths: names(&batch.changed),
                    digest: batch.digest,
                }))
            }
            hob_watch::Event::Digest { root, digest } => {
                let (watched, _) = self.watch.roots.get(root)?;
                Some(Input::Digest {
                    service: watched.service.clone(),
                    digest,
                })
            }
            hob_watch::Event::Degraded { root, message } => self.note(root, message),
            hob_watch::Event::Note { root, note } => self.note(root, describe(&note)?),
        }
    }

    fn note(&self, root: usize, text: String) -> Option<Input> {
        let (watched, _) = self.watch.roots.get(root)?;
        self.show(Shown::Watch(watched.service.clone(), text));
        None
    }

    fn reload(&self) {
        let (ground, inputs) = (self.ground.clone(), self.inputs.clone());
        tokio::spawn(async move {
            if ground.reload().await.is_ok() {
                let services = ground.watched().into_iter().map(|it| it.service).collect();
                let _ = inputs.send(Input::Reloaded(services));
            }
        });
    }
}

/// The watches of all services and of the stack files.
struct Watch {
    watcher: Watcher,
    roots: Vec<(Watched, Rules)>,
}

impl Watch {
    fn start<G: Ground>(
        ground: &G,
        events: mpsc::UnboundedSender<hob_watch::Event>,
    ) -> Result<Self, hob_watch::Error> {
        let roots: Vec<(Watched, Rules)> = ground
            .watched()
            .into_iter()
            .map(|watched| {
                let rules = Rules::new(&watched);
                (watched, rules)
            })
            .collect();
        let mut asked: Vec<Root> = roots
            .iter()
            .enumerate()
            .map(|(id, (watched, _))| Root {
                id,
                path: watched.source.clone(),
                extra: watched.extra.clone(),
                ignore: watched.ignore.clone(),
            })
            .collect();
        asked.extend(stack_root(ground.stack_files()));
        let watcher = Watcher::start(asked, Options::default(), events)?;
        Ok(Self { watcher, roots })
    }

    fn services(&self) -> Vec<ServiceId> {
        self.roots
            .iter()
            .map(|(watched, _)| watched.service.clone())
            .collect()
    }

    fn root_of(&self, service: &ServiceId) -> Option<usize> {
        self.roots
            .iter()
            .position(|(watched, _)| watched.service == *service)
    }
}

/// The stack files as one root: nothing else of their folders counts.
fn stack_root(files: Vec<PathBuf>) -> Option<Root> {
    let first = files.first()?.clone();
    Some(Root {
        id: STACK_FILES,
        path: first,
        extra: files,
        ignore: Vec::new(),
    })
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

fn now() -> Micros {
    micros(SystemTime::now())
}

fn micros(at: SystemTime) -> Micros {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

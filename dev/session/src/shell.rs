//! What performs the reducer's effects: it holds the links, the watches and
//! the tasks under way, and turns what they say into inputs.
//!
//! Decides nothing: what is out of date (a link that was replaced, a plan that
//! was given up) it drops. Start with [`Shell::perform`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hob_stack::ServiceId;
use hob_wire::{Reply, Request, SessionInfo};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::changes::{are_new, names};
use crate::ground::Ground;
use crate::link::{Linked, Out, link};
use crate::message::{Effect, End, Input, Save, Token};
use crate::reducer::Session;
use crate::run::Shown;
use crate::socket::Asked;
use crate::sources::{STACK_FILES, Sources, micros};

/// Between two looks at a session that has what this one was asked for.
const OTHER: Duration = Duration::from_millis(500);

/// What a session has to begin with, and where what comes of its tasks goes.
pub(crate) struct ShellSetup<G> {
    pub(crate) session: Session,
    pub(crate) ground: Arc<G>,
    pub(crate) info: SessionInfo,
    pub(crate) sources: Sources,
    pub(crate) inputs: mpsc::UnboundedSender<Input>,
    pub(crate) linked: mpsc::UnboundedSender<Linked>,
    pub(crate) reread: mpsc::UnboundedSender<(u64, Reread)>,
    pub(crate) plans: mpsc::UnboundedSender<(u64, Input)>,
    pub(crate) shown: mpsc::UnboundedSender<Shown>,
}

/// What performs the reducer's effects.
pub(crate) struct Shell<G> {
    has: ShellSetup<G>,
    next_link: u64,
    next_plan: u64,
    next_read: u64,
    next_token: u64,
    links: HashMap<ServiceId, (u64, mpsc::UnboundedSender<Request>)>,
    answers: HashMap<Token, oneshot::Sender<Reply>>,
    applying: Option<JoinHandle<()>>,
    tearing: Option<JoinHandle<()>>,
    end: Option<End>,
}

impl<G: Ground> Shell<G> {
    pub(crate) fn new(has: ShellSetup<G>) -> Self {
        Self {
            has,
            next_link: 0,
            next_plan: 0,
            next_read: 0,
            next_token: 0,
            links: HashMap::new(),
            answers: HashMap::new(),
            applying: None,
            tearing: None,
            end: None,
        }
    }

    pub(crate) fn begin(&mut self) {
        let effects = self.has.session.begin();
        self.perform(effects);
    }

    /// How the session ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<End> {
        self.end.take()
    }

    /// What is told of a plan. One that was given up may have ended just before.
    pub(crate) fn planned(&self, number: u64, told: Input) -> Option<Input> {
        (number == self.next_plan).then_some(told)
    }

    /// A request of the session's socket.
    pub(crate) fn asked(&mut self, asked: Asked) -> Input {
        self.next_token += 1;
        let token = Token(self.next_token);
        self.answers.insert(token, asked.answer);
        let request = asked.request;
        Input::Asked { token, request }
    }

    /// Tells the reducer and does what it says.
    pub(crate) fn take(&mut self, input: Input) {
        match &input {
            Input::Event(event) => self.show(Shown::Event(event.clone())),
            Input::Status(status) => self.show(Shown::Status(status.clone())),
            Input::Lost(service) | Input::Refused { service, .. } => {
                self.links.remove(service);
                self.show(Shown::Lost(service.clone()));
            }
            Input::Reloaded(watching) => {
                let services = watching.iter().map(|it| it.service.clone());
                self.show(Shown::Services(services.collect()));
                let known = |id: &ServiceId| watching.iter().any(|it| it.service == *id);
                self.links.retain(|id, _| known(id));
            }
            _ => {}
        }
        let effects = self.has.session.step(input);
        self.perform(effects);
    }

    fn show(&self, shown: Shown) {
        // The user may have closed the terminal.
        let _ = self.has.shown.send(shown);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Apply { services, quietly } => self.apply(services, quietly),
                Effect::ReplanAfter(ms) => self.after(ms, Input::Replan),
                Effect::RetryAfter(ms) => self.after(ms, Input::Retry),
                Effect::WakeAfter {
                    service,
                    ticket,
                    ms,
                } => self.after(ms, Input::Wake { service, ticket }),
                Effect::Attach(service) => self.attach(service),
                Effect::AwaitEnd(service, other) => self.await_end(service, other),
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

    fn after(&self, ms: u64, input: Input) {
        let inputs = self.has.inputs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            // The session may be over by then.
            let _ = inputs.send(input);
        });
    }

    fn apply(&mut self, services: Vec<ServiceId>, quietly: bool) {
        if let Some(earlier) = self.applying.take() {
            earlier.abort();
        }
        self.next_plan += 1;
        let (number, plans) = (self.next_plan, self.has.plans.clone());
        let ground = self.has.ground.clone();
        self.applying = Some(tokio::spawn(async move {
            let planned = |services| {
                let _ = plans.send((number, Input::Planned(services)));
            };
            let performed = ground.apply(&services, quietly, planned).await;
            let _ = plans.send((number, Input::Performed(performed)));
        }));
    }

    fn tear_down(&mut self, services: Vec<ServiceId>, force: bool) {
        for task in self.applying.take().into_iter().chain(self.tearing.take()) {
            task.abort();
        }
        let (ground, inputs) = (self.has.ground.clone(), self.has.inputs.clone());
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
        let (ground, info) = (self.has.ground.clone(), self.has.info.clone());
        let out = Out::new(number, self.has.linked.clone());
        tokio::spawn(link(ground, service, info, requests, out));
    }

    /// What a link says, if it is still the one of its service.
    pub(crate) fn linked(&self, told: Linked) -> Option<Input> {
        let Linked {
            link,
            service,
            input,
        } = told;
        let (current, _) = self.links.get(&service)?;
        (*current == link).then_some(input)
    }

    /// Another session's socket goes last.
    fn await_end(&self, service: ServiceId, other: SessionInfo) {
        let inputs = self.has.inputs.clone();
        tokio::spawn(async move {
            while UnixStream::connect(&other.socket).await.is_ok() {
                tokio::time::sleep(OTHER).await;
            }
            let _ = inputs.send(Input::Released(service));
        });
    }

    fn sync(&self, token: Token, service: ServiceId) {
        let sources = &self.has.sources;
        let looks = [sources.root_of(&service), Some(STACK_FILES)].map(|root| {
            let (done, looked) = oneshot::channel();
            if let Some(root) = root {
                sources.watcher.sync(root, done);
            }
            looked
        });
        let inputs = self.has.inputs.clone();
        tokio::spawn(async move {
            // Batches are told before the answer, and go first in the loop.
            let [service, files] = looks;
            let looked = service.await.is_ok() && files.await.is_ok();
            let _ = inputs.send(Input::Synced { token, looked });
        });
    }

    /// A change of the stack files, one step at a time: what waits for a disk
    /// does so outside of the loop.
    /// How an older reading than the newest ended is of no interest.
    pub(crate) fn reread(&mut self, number: u64, step: Reread) -> Option<Input> {
        let newest = number == self.next_read;
        match step {
            Reread::Read => {
                let (watched, files) = (self.has.ground.watched(), self.has.ground.stack_files());
                let roots = self.has.sources.replace(watched, files);
                let (watcher, steps) = (self.has.sources.watcher.clone(), self.has.reread.clone());
                tokio::task::spawn_blocking(move || {
                    let step = match watcher.update_roots(roots) {
                        Ok(()) => Reread::Watched,
                        Err(error) => Reread::Unwatched(error.to_string()),
                    };
                    let _ = steps.send((number, step));
                });
                None
            }
            Reread::Misread(why) => newest.then_some(Input::Reread(Some(why))),
            Reread::Watched => {
                self.has.sources.are_set();
                let watching = self.has.sources.watching();
                self.take(Input::Reloaded(watching));
                newest.then_some(Input::Reread(None))
            }
            Reread::Unwatched(why) => {
                for service in self.has.sources.services() {
                    self.show(Shown::Watch(service, why.clone()));
                }
                newest.then_some(Input::Reread(Some(why)))
            }
        }
    }

    /// What the watcher says, as an input; notes go straight to the user.
    pub(crate) fn watched(&mut self, event: hob_watch::Event) -> Option<Input> {
        match event {
            hob_watch::Event::Batch(batch) if batch.root == STACK_FILES => {
                self.reload();
                Some(Input::Rereading)
            }
            hob_watch::Event::Batch(batch) => {
                let source = self.has.sources.get(batch.root)?;
                Some(Input::Save(Save {
                    service: source.watched.service.clone(),
                    action: source.rules.action(&batch.changed),
                    noticed: micros(batch.first_event_at),
                    paths: names(&batch.changed),
                    new: are_new(&batch.changed),
                    digest: batch.digest,
                }))
            }
            hob_watch::Event::Digest { root, digest } => {
                let source = self.has.sources.get(root)?;
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
        let source = self.has.sources.get(root)?;
        self.show(Shown::Watch(source.watched.service.clone(), text));
        None
    }

    fn reload(&mut self) {
        self.next_read += 1;
        let number = self.next_read;
        let (ground, steps) = (self.has.ground.clone(), self.has.reread.clone());
        tokio::spawn(async move {
            let step = match ground.reload().await {
                Ok(()) => Reread::Read,
                Err(why) => Reread::Misread(why),
            };
            let _ = steps.send((number, step));
        });
    }
}

/// How far a change of the stack files has come.
pub(crate) enum Reread {
    /// They were read.
    Read,
    /// They have mistakes.
    Misread(String),
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

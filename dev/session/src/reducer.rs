//! The session's decisions: a pure reducer from inputs to effects.
//!
//! Owns what the session knows of each service (its link to the agent, the
//! generation that was sent last, saves that could not be sent yet) and of the
//! plan that is under way. It never waits, reads a clock or touches a file;
//! [`crate::run`] does and feeds back what came of it. Start at
//! [`Session::step`]; here is what concerns the plan, in `agents` what agents
//! say, in `saves` the watcher, in `asked` people.

use std::collections::BTreeMap;

use hob_stack::ServiceId;

use crate::message::{Applied, Effect, End, Input, Token, Told, Watching};
use crate::selfwritten::Habit;
use crate::served::{Link, Served};

mod agents;
mod asked;
mod saves;

/// The state of a dev session.
#[derive(Debug)]
pub struct Session {
    services: BTreeMap<ServiceId, Served>,
    keep: bool,
    paused: bool,
    applying: bool,
    apply_again: bool,
    incomplete: bool,
    /// Whether the first plan has ended.
    settled: bool,
    /// What was last told about all of it.
    told: Option<Told>,
    end: End,
    leaving: bool,
    syncing: BTreeMap<Token, ServiceId>,
    /// The newest one that was given out.
    tickets: u64,
}

impl Session {
    /// A session of these services; with `keep` they outlive it.
    #[must_use]
    pub fn new(services: impl IntoIterator<Item = Watching>, keep: bool) -> Self {
        let served = |watching: Watching| {
            let served = Served {
                watched_since: watching.since,
                ..Served::default()
            };
            (watching.service, served)
        };
        Self {
            services: services.into_iter().map(served).collect(),
            keep,
            paused: false,
            applying: false,
            apply_again: false,
            incomplete: false,
            settled: false,
            told: None,
            end: End::Left,
            leaving: false,
            syncing: BTreeMap::new(),
            tickets: 0,
        }
    }

    /// What to do first.
    pub fn begin(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.apply(&mut effects);
        effects
    }

    /// Takes one input and says what to do about it.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match input {
            Input::Save(save) => self.save(save, out),
            Input::Digest { service, digest } => self.digest(&service, digest, out),
            Input::Attached(service) => self.attached(&service),
            Input::Refused {
                service,
                reason,
                other,
            } => self.refused(service, reason, other, out),
            Input::Lost(service) => self.lost(&service, out),
            Input::Status(status) => self.status(*status, out),
            Input::Event(event) => self.event(&event),
            Input::Applied(how) => self.applied(how, out),
            Input::Replan => self.apply(out),
            Input::Reloaded(services) => self.reloaded(services, out),
            Input::Asked { token, request } => self.asked(token, request, out),
            Input::Synced {
                token,
                service,
                looked,
            } => self.synced(token, &service, looked, out),
            Input::Wake { service, ticket } => self.wake(&service, ticket, out),
            Input::Command(command) => self.command(&command, out),
            Input::Leave => self.leave(out),
            Input::TornDown => out.push(Effect::Finish(self.end)),
        }
        effects
    }

    fn apply(&mut self, out: &mut Vec<Effect>) {
        if self.leaving {
            return;
        }
        if self.applying {
            self.apply_again = true;
            return;
        }
        self.applying = true;
        out.push(Effect::Apply(self.own()));
        self.attach(out);
    }

    fn applied(&mut self, how: Applied, out: &mut Vec<Effect>) {
        self.applying = false;
        self.incomplete = how != Applied::Wholly;
        if self.leaving {
            return;
        }
        if how == Applied::Blocked && !std::mem::replace(&mut self.settled, true) {
            self.leaving = true;
            self.end = End::Blocked;
            return self.tear_down(false, out);
        }
        self.settled = true;
        if std::mem::take(&mut self.apply_again) {
            return self.apply(out);
        }
        self.announce(out);
    }

    /// Says how all of it stands once the plan is done: that it is ready only
    /// when a save of any service would be built.
    fn announce(&mut self, out: &mut Vec<Effect>) {
        if self.applying || self.leaving || !self.settled {
            return;
        }
        let heard = |served: &Served| served.link.is_gone() || served.link.is_attached();
        let told = if self.incomplete {
            Told::SomeReady
        } else if self.services.values().all(heard) {
            Told::AllReady
        } else {
            return;
        };
        if self.told.as_ref() != Some(&told) {
            self.told = Some(told.clone());
            out.push(Effect::Tell(told));
        }
    }

    fn reloaded(&mut self, services: Vec<Watching>, out: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.services);
        for Watching { service, since } in services {
            let mut served = before.remove(&service).unwrap_or_default();
            if served.watched_since != since {
                // Another watch knows nothing of what the old one had seen.
                served.watched_since = since;
                served.digest = None;
                served.habit = Habit::default();
                if let Link::Attached(attached) = &mut served.link {
                    attached.fed = false;
                }
            }
            self.services.insert(service, served);
        }
        self.told = None;
        // What is under way is about services as they are no longer asked for.
        self.applying = false;
        self.apply(out);
    }

    /// Takes down what is this session's: not what another one has, nor what
    /// somebody else took down.
    fn tear_down(&self, force: bool, out: &mut Vec<Effect>) {
        let services = self.own();
        out.push(Effect::TearDown { services, force });
    }

    fn own(&self) -> Vec<ServiceId> {
        let own = self
            .services
            .iter()
            .filter(|(_, served)| !served.link.is_gone());
        own.map(|(id, _)| id.clone()).collect()
    }

    fn leave(&mut self, out: &mut Vec<Effect>) {
        let again = std::mem::replace(&mut self.leaving, true);
        if self.keep {
            return out.push(Effect::Finish(End::Left));
        }
        if !again {
            out.push(Effect::Tell(Told::Leaving));
        }
        self.tear_down(again, out);
    }
}

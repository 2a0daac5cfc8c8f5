//! The session's decisions: a pure reducer from inputs to effects.
//!
//! Owns what the session knows of each service (its link to the agent, the
//! generation that was sent last, saves that could not be sent yet) and of the
//! plan that is under way. It never waits, reads a clock or touches a file;
//! [`crate::run`] does and feeds back what came of it. Start at
//! [`Session::step`].

use std::collections::BTreeMap;

use hob_stack::ServiceId;
use hob_wire::{
    ChangeAction, EventKind, Mode, Phase, Reply, Request, SessionInfo, SessionRequest, Status,
};

use crate::message::{Applied, Command, Effect, End, Input, Save, Token, Told, Watching};
use crate::served::{Link, Served};

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
            Input::Attached(service) => {
                if let Some(served) = self.services.get_mut(&service) {
                    served.link = Link::Greeted;
                }
            }
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

    /// Connects to every agent that there is no connection to: one that is
    /// not there yet is asked for until the plan has made it.
    fn attach(&mut self, out: &mut Vec<Effect>) {
        for (id, served) in &mut self.services {
            if served.link == Link::None && !served.gone {
                served.link = Link::Connecting;
                out.push(Effect::Attach(id.clone()));
            }
        }
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
        let heard = |served: &Served| served.gone || served.link == Link::Attached;
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

    fn save(&mut self, save: Save, out: &mut Vec<Effect>) {
        let (paused, leaving) = (self.paused, self.leaving);
        let Some(served) = self.services.get_mut(&save.service) else {
            return;
        };
        served.digest.clone_from(&save.digest);
        let save = match served.kept_back.take() {
            Some(earlier) => earlier.and(save),
            None => save,
        };
        if served.link == Link::Attached && !paused && !leaving {
            served.send(save, out);
        } else {
            let stuck = served.link != Link::Attached && !paused && !leaving;
            served.kept_back = Some(save);
            // What was in the way of it may be gone.
            if stuck && self.incomplete {
                self.apply(out);
            }
        }
    }

    fn digest(&mut self, service: &ServiceId, digest: String, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some(served) = self.services.get_mut(service) else {
            return;
        };
        served.digest = Some(digest);
        if idle {
            served.compare(service, out);
        }
    }

    fn refused(
        &mut self,
        service: ServiceId,
        reason: String,
        other: Option<SessionInfo>,
        out: &mut Vec<Effect>,
    ) {
        let Some(served) = self.services.get_mut(&service) else {
            return;
        };
        served.link = Link::None;
        if other.is_none() {
            // It is on its way down, or still believes in a connection that
            // has ended: the next plan sees what is there.
            return out.push(Effect::ReplanAfter(100));
        }
        served.gone = true;
        out.push(Effect::Tell(Told::Taken { service, reason }));
        self.finish_if_alone(End::Taken, out);
    }

    fn lost(&mut self, service: &ServiceId, out: &mut Vec<Effect>) {
        let Some(served) = self.services.get_mut(service) else {
            return;
        };
        let was = std::mem::take(&mut served.link);
        let stopped = served
            .status
            .take()
            .is_some_and(|status| status.phase == Phase::Stopped);
        if self.leaving || was == Link::None {
            return;
        }
        if stopped && self.applying {
            // The plan puts another agent in its place.
            served.generation = 0;
            served.fed = false;
            served.link = Link::Connecting;
            return out.push(Effect::Attach(service.clone()));
        }
        if stopped {
            served.gone = true;
            out.push(Effect::Tell(Told::TakenDown(service.clone())));
            return self.finish_if_alone(End::TakenDown, out);
        }
        // A new agent counts from the beginning.
        served.generation = 0;
        served.fed = false;
        let delay = (50_u64 << served.losses.min(10)).min(5_000);
        served.losses += 1;
        out.push(Effect::Tell(Told::AgentLost(service.clone())));
        out.push(Effect::ReplanAfter(delay));
    }

    fn finish_if_alone(&self, end: End, out: &mut Vec<Effect>) {
        if self.services.values().all(|served| served.gone) {
            out.push(Effect::Finish(end));
        }
    }

    fn status(&mut self, status: Status, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some((id, served)) = self
            .services
            .iter_mut()
            .find(|(id, _)| id.to_string() == status.service)
        else {
            return;
        };
        let watches = status.mode == Mode::Dev;
        let serves = status.phase.serves();
        let began = serves && !served.status.as_ref().is_some_and(|it| it.phase.serves());
        served.generation = served.generation.max(status.accepted);
        served.status = Some(status);
        // Before its first spec an agent accepts no change, and one of mode
        // `run` is about to be replaced.
        if served.link == Link::Greeted && watches && served.generation > 0 {
            served.link = Link::Attached;
        }
        if idle && served.link == Link::Attached {
            match served.kept_back.take() {
                Some(save) => served.send(save, out),
                None => served.compare(id, out),
            }
        }
        if began {
            served.losses = 0;
            // What waited for it can go on.
            if self.incomplete {
                self.apply(out);
            }
        }
        self.announce(out);
    }

    fn event(&mut self, event: &hob_wire::Event) {
        let EventKind::Phase(phase) = event.kind else {
            return;
        };
        let served = self
            .services
            .iter_mut()
            .find(|(id, _)| id.to_string() == event.service);
        if let Some(status) = served.and_then(|(_, served)| served.status.as_mut()) {
            // The state itself follows; an agent that dies in between is
            // known by this word.
            if phase == Phase::Stopped {
                status.phase = phase;
            }
        }
    }

    fn reloaded(&mut self, services: Vec<Watching>, out: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.services);
        for Watching { service, since } in services {
            let mut served = before.remove(&service).unwrap_or_default();
            if served.watched_since != since {
                // Another watch knows nothing of what the old one had seen.
                served.watched_since = since;
                served.fed = false;
                served.digest = None;
            }
            self.services.insert(service, served);
        }
        self.told = None;
        // What is under way is about services as they are no longer asked for.
        self.applying = false;
        self.apply(out);
    }

    fn asked(&mut self, token: Token, request: SessionRequest, out: &mut Vec<Effect>) {
        match request {
            SessionRequest::Sync { service } => match self.find(&service) {
                Ok(service) => {
                    self.syncing.insert(token, service.clone());
                    out.push(Effect::Sync { token, service });
                }
                Err(reason) => out.push(Effect::Answer(token, refusal(reason))),
            },
            SessionRequest::Rebuild { service } => match self.find(&service) {
                Ok(service) => {
                    self.rebuild(&service, out);
                    let generation = self.services.get(&service).map_or(0, |it| it.generation);
                    out.push(Effect::Answer(token, Reply::Generation(generation)));
                }
                Err(reason) => out.push(Effect::Answer(token, refusal(reason))),
            },
            SessionRequest::Quit => {
                out.push(Effect::Answer(token, Reply::Done));
                self.leave(out);
            }
        }
    }

    fn find(&self, service: &str) -> Result<ServiceId, String> {
        if self.paused {
            return Err("the dev session is paused; press `p` in it".into());
        }
        let known = self
            .services
            .iter()
            .find(|(id, _)| id.to_string() == service);
        match known {
            Some((id, served)) if served.link == Link::Attached => Ok(id.clone()),
            Some(_) => Err(format!("{service} has no agent yet")),
            None => Err(format!("this session does not watch {service}")),
        }
    }

    fn synced(&mut self, token: Token, service: &ServiceId, looked: bool, out: &mut Vec<Effect>) {
        if self.syncing.remove(&token).is_none() {
            return;
        }
        let served = self.services.get(service);
        let served = served.filter(|it| it.link == Link::Attached && it.kept_back.is_none());
        let reply = match served.filter(|_| looked && !self.paused) {
            Some(served) => Reply::Generation(served.generation),
            None => refusal(format!("{service} cannot be waited for at the moment")),
        };
        out.push(Effect::Answer(token, reply));
    }

    fn command(&mut self, command: &Command, out: &mut Vec<Effect>) {
        match command {
            // Whatever was in the way may be gone.
            Command::Restart(None) | Command::Rebuild(None) if self.incomplete => self.apply(out),
            Command::Restart(_) | Command::Rebuild(_) | Command::Pause => {}
        }
        match command {
            Command::Restart(which) => {
                for id in self.chosen(which.as_ref()) {
                    out.push(Effect::Send(id, Request::Restart));
                }
            }
            Command::Rebuild(which) => {
                for id in self.chosen(which.as_ref()) {
                    self.rebuild(&id, out);
                }
            }
            Command::Pause => {
                self.paused = !self.paused;
                out.push(Effect::Tell(Told::Paused(self.paused)));
                if !self.paused {
                    self.resume(out);
                }
            }
        }
    }

    fn resume(&mut self, out: &mut Vec<Effect>) {
        for (id, served) in &mut self.services {
            if served.link != Link::Attached {
                continue;
            }
            match served.kept_back.take() {
                Some(save) => served.send(save, out),
                None => served.compare(id, out),
            }
        }
    }

    fn chosen(&self, which: Option<&ServiceId>) -> Vec<ServiceId> {
        let attached = |(id, served): (&ServiceId, &Served)| {
            (served.link == Link::Attached).then(|| id.clone())
        };
        let all = self.services.iter().filter_map(attached);
        all.filter(|id| which.is_none_or(|which| which == id))
            .collect()
    }

    fn rebuild(&mut self, id: &ServiceId, out: &mut Vec<Effect>) {
        if let Some(served) = self.services.get_mut(id) {
            let save = Save {
                service: id.clone(),
                action: ChangeAction::Rebuild,
                noticed: 0,
                paths: Vec::new(),
                digest: served.digest.clone(),
            };
            served.send(save, out);
        }
    }

    /// Takes down what is this session's: not what another one has, nor what
    /// somebody else took down.
    fn tear_down(&self, force: bool, out: &mut Vec<Effect>) {
        let services = self.own();
        out.push(Effect::TearDown { services, force });
    }

    fn own(&self) -> Vec<ServiceId> {
        let own = self.services.iter().filter(|(_, served)| !served.gone);
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

fn refusal(reason: String) -> Reply {
    Reply::Refused {
        reason,
        session: None,
    }
}

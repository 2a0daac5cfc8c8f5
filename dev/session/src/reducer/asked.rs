//! What people ask for: by a key, or through the session's socket.

use hob_stack::ServiceId;
use hob_wire::{Reply, Request, SessionRequest, SessionState};

use super::{Anew, Session};
use crate::message::{Command, Effect, Save, Token, Told};
use crate::served::Served;

/// A request to know which generation holds what is on disk.
#[derive(Debug)]
pub(super) struct Sync {
    service: ServiceId,
    /// Whether the disk was looked at.
    looked: bool,
}

impl Session {
    pub(super) fn asked(&mut self, token: Token, request: SessionRequest, out: &mut Vec<Effect>) {
        match request {
            SessionRequest::Sync { service } => match self.find(&service) {
                Ok(service) => {
                    let sync = Sync {
                        service: service.clone(),
                        looked: false,
                    };
                    self.syncing.insert(token, sync);
                    out.push(Effect::Sync { token, service });
                }
                Err(reason) => out.push(Effect::Answer(token, refusal(reason))),
            },
            SessionRequest::Describe => {
                out.push(Effect::Answer(token, Reply::Session(self.describe())));
            }
            SessionRequest::Quit => {
                out.push(Effect::Answer(token, Reply::Done));
                self.leave(out);
            }
        }
    }

    fn describe(&self) -> SessionState {
        let habits = self.services.iter().filter_map(|(id, served)| {
            let note = served.habit.note()?;
            Some(format!("{id}: {note}"))
        });
        let files = self.misread.iter().cloned();
        let troubles = self.troubles.iter().cloned();
        SessionState {
            services: self.own().iter().map(ToString::to_string).collect(),
            notes: files.chain(troubles).chain(habits).collect(),
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
            Some((id, served)) if served.link.is_attached() || self.is_made_anew(id) => {
                Ok(id.clone())
            }
            Some(_) => Err(format!("{service} has no agent yet")),
            None => Err(format!("this session does not watch {service}")),
        }
    }

    pub(super) fn synced(&mut self, token: Token, looked: bool, out: &mut Vec<Effect>) {
        if looked {
            if let Some(sync) = self.syncing.get_mut(&token) {
                sync.looked = true;
            }
        } else if let Some(sync) = self.syncing.remove(&token) {
            out.push(Effect::Answer(token, cannot_wait(&sync.service)));
        }
    }

    /// Answers those whose disk was looked at, as soon as what was found there
    /// was sent, or is known to be what the agent has, and this agent stays.
    pub(super) fn answer_syncs(&mut self, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let mut syncing = std::mem::take(&mut self.syncing);
        syncing.retain(|token, sync| {
            if !sync.looked || idle && self.is_made_anew(&sync.service) {
                return true;
            }
            // An agent that is on its way is the one that will answer.
            let comes = self.applying || !self.incomplete;
            let served = self.services.get_mut(&sync.service);
            let served = served.filter(|served| idle && served.link.may_answer(comes));
            let Some(served) = served else {
                out.push(Effect::Answer(*token, cannot_wait(&sync.service)));
                return false;
            };
            // Who waits for what is on disk wants all of it to be answered.
            served.hurry(out);
            match served.link.attached() {
                Some(attached) if served.is_compared() => {
                    let generation = Reply::Generation(attached.generation);
                    out.push(Effect::Answer(*token, generation));
                    false
                }
                _ => true,
            }
        });
        self.syncing = syncing;
    }

    /// Whether what answers for a service now may be about to go: the stack
    /// files ask for something else.
    fn is_made_anew(&self, service: &ServiceId) -> bool {
        let by_plan = match &self.anew {
            Anew::Nothing => false,
            Anew::Unknown => true,
            Anew::These(services) => services.contains(service),
        };
        self.rereading || by_plan
    }

    pub(super) fn command(&mut self, command: &Command, out: &mut Vec<Effect>) {
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

    /// Those of them that can be told anything now.
    fn chosen(&self, which: Option<&ServiceId>) -> Vec<ServiceId> {
        let attached =
            |(id, served): (&ServiceId, &Served)| served.link.is_attached().then(|| id.clone());
        let all = self.services.iter().filter_map(attached);
        all.filter(|id| which.is_none_or(|which| which == id))
            .collect()
    }

    fn rebuild(&mut self, id: &ServiceId, out: &mut Vec<Effect>) {
        if let Some(served) = self.services.get_mut(id) {
            // The build reads what is on disk.
            served.unsent = None;
            let save = Save::of_nothing(id, served.digest.clone());
            served.send(save, out);
        }
    }
}

fn cannot_wait(service: &ServiceId) -> Reply {
    refusal(format!("{service} cannot be waited for at the moment"))
}

fn refusal(reason: String) -> Reply {
    Reply::Refused {
        reason,
        session: None,
    }
}

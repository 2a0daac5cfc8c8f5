//! What agents say: that they take this session, their states, their end.

use hob_stack::ServiceId;
use hob_wire::{EventKind, Mode, Phase, SessionInfo, Status};

use super::Session;
use crate::message::{Effect, End, Told};
use crate::served::{Attached, Link, Served};

/// How long an agent that ended with its container may take to be there again
/// before it is made anew, in milliseconds.
const RETURN: u64 = 2_000;

impl Session {
    /// Connects to every agent that there is no connection to: one that is
    /// not there yet is asked for until the plan has made it.
    pub(super) fn attach(&mut self, out: &mut Vec<Effect>) {
        for (id, served) in &mut self.services {
            if matches!(served.link, Link::Absent) {
                served.link = Link::Connecting;
                out.push(Effect::Attach(id.clone()));
            }
        }
    }

    pub(super) fn attached(&mut self, service: &ServiceId) {
        if let Some(served) = self.services.get_mut(service)
            && matches!(served.link, Link::Connecting)
        {
            served.link = Link::Greeted(None);
        }
    }

    pub(super) fn refused(
        &mut self,
        service: ServiceId,
        reason: String,
        other: Option<SessionInfo>,
        out: &mut Vec<Effect>,
    ) {
        let Some(served) = self.services.get_mut(&service) else {
            return;
        };
        let Some(other) = other else {
            served.link = Link::Absent;
            // It is on its way down, or still believes in a connection that
            // has ended: the next plan sees what is there.
            return out.push(Effect::ReplanAfter(100));
        };
        served.link = Link::Gone;
        let pid = other.pid;
        let told = service.clone();
        out.push(Effect::Tell(Told::Taken {
            service: told,
            reason,
        }));
        out.push(Effect::AwaitEnd(service, other));
        self.finish_if_alone(End::Taken { pid }, out);
    }

    /// What another session had is this one's again: that one may have taken
    /// it down.
    pub(super) fn released(&mut self, service: &ServiceId, out: &mut Vec<Effect>) {
        let served = self.services.get_mut(service);
        let Some(served) = served.filter(|it| it.link.is_gone()) else {
            return;
        };
        if self.leaving {
            return;
        }
        served.link = Link::Absent;
        self.told = None;
        out.push(Effect::Tell(Told::TakenBack(service.clone())));
        self.apply(out);
    }

    pub(super) fn lost(&mut self, service: &ServiceId, out: &mut Vec<Effect>) {
        let Some(served) = self.services.get_mut(service) else {
            return;
        };
        if matches!(served.link, Link::Absent | Link::Gone) {
            return;
        }
        let status = served.link.status();
        let returns = status.is_some_and(|it| it.returns);
        // Nobody took down what ends with its container.
        let stopped = served.link.phase() == Some(Phase::Stopped) && !returns;
        // Its last word may be lost with it where it is reached over a port.
        let replaced = status.is_some_and(|it| it.mode != Mode::Dev);
        served.link = Link::Absent;
        if self.leaving {
            return;
        }
        if (stopped || replaced) && self.applying {
            // The plan puts another agent in its place.
            served.link = Link::Connecting;
            return out.push(Effect::Attach(service.clone()));
        }
        if stopped {
            served.link = Link::Gone;
            out.push(Effect::Tell(Told::TakenDown(service.clone())));
            return self.finish_if_alone(End::TakenDown, out);
        }
        if returns {
            // Whoever ended its container may be about to start it again.
            served.link = Link::Connecting;
            out.push(Effect::Attach(service.clone()));
            out.push(Effect::Tell(Told::AgentLost(service.clone())));
            return out.push(Effect::ReplanAfter(RETURN));
        }
        let delay = (50_u64 << served.losses.min(10)).min(5_000);
        served.losses += 1;
        out.push(Effect::Tell(Told::AgentLost(service.clone())));
        out.push(Effect::ReplanAfter(delay));
    }

    fn finish_if_alone(&self, end: End, out: &mut Vec<Effect>) {
        if self.services.values().all(|served| served.link.is_gone()) {
            out.push(Effect::Finish(end));
        }
    }

    pub(super) fn status(&mut self, status: Status, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some((id, served)) = named(&mut self.services, &status.service) else {
            return;
        };
        let good = |status: &Status| status.phase.serves() && status.problem.is_none();
        let began = good(&status) && !served.link.status().is_some_and(good);
        match &mut served.link {
            Link::Attached(attached) => {
                attached.generation = attached.generation.max(status.accepted);
                attached.status = status;
            }
            // Before its first spec an agent accepts no change, and one of
            // mode `run` is about to be replaced.
            Link::Greeted(_) if status.mode == Mode::Dev && status.accepted > 0 => {
                served.link = Link::Attached(Attached {
                    generation: status.accepted,
                    fed: false,
                    status,
                });
            }
            Link::Greeted(known) => *known = Some(status),
            Link::Absent | Link::Connecting | Link::Gone => return,
        }
        if idle && served.link.is_attached() {
            served.catch_up(id, out);
        }
        if began {
            served.losses = 0;
            // What waited for it can go on.
            if self.incomplete {
                self.plan(true, out);
            }
        }
        self.announce(out);
    }

    pub(super) fn event(&mut self, event: &hob_wire::Event) {
        let Some((_, served)) = named(&mut self.services, &event.service) else {
            return;
        };
        match event.kind {
            EventKind::Started { generation, .. } => served.habit.started(event.at, generation),
            EventKind::Swapped { .. } => served.habit.ready(event.at),
            // The state itself follows; an agent that dies in between is known
            // by this word.
            EventKind::Phase(Phase::Stopped) => {
                if let Some(status) = served.link.status_mut() {
                    status.phase = Phase::Stopped;
                }
            }
            _ => {}
        }
    }
}

/// The service that the wire calls so.
pub(super) fn named<'a>(
    services: &'a mut std::collections::BTreeMap<ServiceId, Served>,
    name: &str,
) -> Option<(&'a ServiceId, &'a mut Served)> {
    services.iter_mut().find(|(id, _)| id.to_string() == name)
}

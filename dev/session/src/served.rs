//! What the session knows of one service, and what follows from that for its
//! agent.

use hob_stack::ServiceId;
use hob_wire::{Change, ChangeAction, Micros, Phase, Request, Status};

use crate::message::{Effect, Save};
use crate::selfwritten::Habit;

#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) link: Link,
    /// Of the disk, when known. The watcher tells it only while it knows of no
    /// change that it has not told.
    pub(crate) digest: Option<String>,
    /// When the watch of its sources was set: an agent that began later has
    /// built what the watch would have told.
    pub(crate) watched_since: Micros,
    /// What the agent was not told yet.
    pub(crate) unsent: Option<Unsent>,
    /// What its own writing has to do with it.
    pub(crate) habit: Habit,
    pub(crate) losses: u32,
}

/// A save on this side.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) save: Save,
    /// Why it stays here although the agent would take it.
    pub(crate) hold: Option<Hold>,
}

/// What a save that the service may have written itself waits for.
#[derive(Debug)]
pub(crate) struct Hold {
    /// This ticket,
    pub(crate) due: u64,
    /// or that one, whichever comes first,
    pub(crate) quiet: Option<u64>,
    /// and then, once this is set, for the process that is starting: the next
    /// one would end it before it is known whether it becomes ready.
    pub(crate) over: bool,
}

/// How far the way to an agent goes.
#[derive(Debug, Default)]
pub(crate) enum Link {
    /// Nobody is on the way to it.
    #[default]
    Absent,
    /// It is connected to, or waited for.
    Connecting,
    /// This session is the agent's; a change would not be taken yet. What the
    /// agent last said of itself.
    Greeted(Option<Status>),
    /// The agent takes changes.
    Attached(Attached),
    /// Another session has the service, or somebody took it down.
    Gone,
}

/// An agent that takes changes.
#[derive(Debug)]
pub(crate) struct Attached {
    /// The newest generation that the agent or this session spoke of.
    pub(crate) generation: u64,
    /// Whether what the agent builds comes from this session.
    pub(crate) fed: bool,
    pub(crate) status: Status,
}

impl Link {
    /// What the agent last said of itself.
    pub(crate) fn status(&self) -> Option<&Status> {
        match self {
            Self::Greeted(status) => status.as_ref(),
            Self::Attached(attached) => Some(&attached.status),
            Self::Absent | Self::Connecting | Self::Gone => None,
        }
    }

    pub(crate) fn status_mut(&mut self) -> Option<&mut Status> {
        match self {
            Self::Greeted(status) => status.as_mut(),
            Self::Attached(attached) => Some(&mut attached.status),
            Self::Absent | Self::Connecting | Self::Gone => None,
        }
    }

    pub(crate) fn attached(&self) -> Option<&Attached> {
        match self {
            Self::Attached(attached) => Some(attached),
            _ => None,
        }
    }

    pub(crate) fn is_attached(&self) -> bool {
        matches!(self, Self::Attached(_))
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// Whether its agent answers, or one that `comes` will.
    pub(crate) fn may_answer(&self, comes: bool) -> bool {
        match self {
            Self::Attached(_) | Self::Greeted(_) => true,
            Self::Absent | Self::Connecting => comes,
            Self::Gone => false,
        }
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.status().map(|status| status.phase)
    }
}

impl Attached {
    /// Whether nothing can have come between the watch and what it builds.
    fn is_fed(&self, watched_since: Micros) -> bool {
        self.fed || self.status.since >= watched_since
    }

    fn send(&mut self, save: Save, out: &mut Vec<Effect>) {
        self.generation += 1;
        self.fed |= save.action == ChangeAction::Rebuild;
        let change = Change {
            generation: self.generation,
            action: save.action,
            noticed: save.noticed,
            digest: save.digest,
            paths: save.paths,
        };
        out.push(Effect::Send(save.service, Request::Change(change)));
    }
}

impl Served {
    /// Sends a save; keeps it while nobody would take it.
    pub(crate) fn send(&mut self, save: Save, out: &mut Vec<Effect>) {
        match &mut self.link {
            Link::Attached(attached) => attached.send(save, out),
            _ => self.keep(save),
        }
    }

    /// Keeps a save until the agent takes it.
    pub(crate) fn keep(&mut self, save: Save) {
        self.unsent = Some(Unsent { save, hold: None });
    }

    /// Sends what was kept back, or sees whether something was missed.
    pub(crate) fn catch_up(&mut self, id: &ServiceId, out: &mut Vec<Effect>) {
        let starting = self.link.phase() == Some(Phase::Starting);
        let stays = |hold: &Hold| !hold.over || starting;
        match self.unsent.take() {
            Some(unsent) if unsent.hold.as_ref().is_some_and(stays) => self.unsent = Some(unsent),
            Some(unsent) => self.send(unsent.save, out),
            None => self.compare(id, out),
        }
    }

    /// Whether the agent's newest generation is known to hold what the watch
    /// told of.
    pub(crate) fn is_compared(&self) -> bool {
        let attached = self.link.attached();
        attached.is_some_and(|it| it.is_fed(self.watched_since))
    }

    /// Whether what is on disk answers or failed, or waits for what may never
    /// come. What is put off for its own sake came later.
    pub(crate) fn is_at_rest(&self, may_wait: bool) -> bool {
        let Some(attached) = self.link.attached() else {
            return false;
        };
        let status = &attached.status;
        let ended = match status.phase {
            Phase::Building | Phase::Starting | Phase::Updating => false,
            Phase::Waiting => may_wait,
            Phase::Ready
            | Phase::Resting
            | Phase::Stale
            | Phase::Failed
            | Phase::Backoff
            | Phase::Stopped => true,
        };
        let newest = attached.generation == status.accepted && status.building.is_none();
        ended && newest && self.is_compared()
    }

    /// Sends what is put off, now.
    pub(crate) fn hurry(&mut self, out: &mut Vec<Effect>) {
        if let Some(unsent) = self.unsent.take() {
            self.send(unsent.save, out);
        }
    }

    /// Holds what the agent has built against the disk, where nothing else
    /// told them apart: before this session, saves may have been missed.
    pub(crate) fn compare(&mut self, id: &ServiceId, out: &mut Vec<Effect>) {
        let (Link::Attached(attached), Some(digest)) = (&mut self.link, &self.digest) else {
            return;
        };
        let status = &attached.status;
        let on_its_way = attached.generation != status.accepted || status.building.is_some();
        if self.unsent.is_some() || on_its_way {
            return;
        }
        let fed = attached.is_fed(self.watched_since);
        let built = status.built.as_ref();
        let built = built.filter(|build| build.generation == status.accepted);
        match built.map(|build| build.digest.as_ref()) {
            // From here on nothing is missed.
            Some(Some(known)) if known == digest => attached.fed = true,
            // Nothing came between the watch and this build.
            Some(None) if fed => {
                let (generation, digest) = (status.accepted, digest.clone());
                let request = Request::Digest { generation, digest };
                out.push(Effect::Send(id.clone(), request));
            }
            // It did not build, and what is on disk now was what it tried.
            None if fed => {}
            Some(_) | None => attached.send(Save::of_nothing(id, Some(digest.clone())), out),
        }
    }
}

impl Save {
    /// A build that no file asked for.
    pub(crate) fn of_nothing(id: &ServiceId, digest: Option<String>) -> Self {
        Self {
            service: id.clone(),
            action: ChangeAction::Rebuild,
            noticed: 0,
            paths: Vec::new(),
            new: false,
            digest,
        }
    }

    /// Both saves as one.
    pub(crate) fn and(self, later: Save) -> Save {
        let mut paths = self.paths;
        paths.extend(later.paths);
        Save {
            service: later.service,
            action: self.action.max(later.action),
            noticed: self.noticed.min(later.noticed),
            paths,
            new: self.new && later.new,
            digest: later.digest,
        }
    }
}

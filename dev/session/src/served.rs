//! What the session knows of one service, and what follows from that for its
//! agent.

use hob_stack::ServiceId;
use hob_wire::{Change, ChangeAction, Micros, Request, Status};

use crate::message::{Effect, Save};

#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) link: Link,
    /// The newest generation that the agent or this session spoke of.
    pub(crate) generation: u64,
    /// Of the disk, when known. The watcher tells it only while it knows of no
    /// change that it has not told.
    pub(crate) digest: Option<String>,
    /// When the watch of its sources was set: an agent that began later has
    /// built what the watch would have told.
    pub(crate) watched_since: Micros,
    /// Whether what the agent builds comes from this session.
    pub(crate) fed: bool,
    pub(crate) kept_back: Option<Save>,
    pub(crate) status: Option<Status>,
    pub(crate) losses: u32,
    pub(crate) gone: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    #[default]
    None,
    Connecting,
    /// Attached, its first state not told yet.
    Greeted,
    Attached,
}

impl Served {
    pub(crate) fn send(&mut self, save: Save, out: &mut Vec<Effect>) {
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

    /// Holds what the agent has built against the disk, where nothing else
    /// told them apart: before this session, saves may have been missed.
    pub(crate) fn compare(&mut self, id: &ServiceId, out: &mut Vec<Effect>) {
        let (Some(status), Some(digest)) = (&self.status, &self.digest) else {
            return;
        };
        let on_its_way = self.generation != status.accepted || status.building.is_some();
        if self.link != Link::Attached || self.kept_back.is_some() || on_its_way {
            return;
        }
        let fed = self.fed || status.since >= self.watched_since;
        let built = status.built.as_ref();
        let built = built.filter(|build| build.generation == status.accepted);
        match built.map(|build| build.digest.as_ref()) {
            Some(Some(known)) if known == digest => {}
            // Nothing came between the watch and this build.
            Some(None) if fed => {
                let (generation, digest) = (status.accepted, digest.clone());
                out.push(Effect::Send(
                    id.clone(),
                    Request::Digest { generation, digest },
                ));
            }
            // It did not build, and what is on disk now was what it tried.
            None if fed => {}
            Some(_) | None => {
                let save = Save {
                    service: id.clone(),
                    action: ChangeAction::Rebuild,
                    noticed: 0,
                    paths: Vec::new(),
                    digest: Some(digest.clone()),
                };
                self.send(save, out);
            }
        }
    }
}

impl Save {
    /// Both saves as one.
    pub(crate) fn and(self, later: Save) -> Save {
        let mut paths = self.paths;
        paths.extend(later.paths);
        Save {
            service: later.service,
            action: self.action.max(later.action),
            noticed: self.noticed.min(later.noticed),
            paths,
            digest: later.digest,
        }
    }
}

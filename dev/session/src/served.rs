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
    /// Of the disk, when known.
    pub(crate) digest: Option<String>,
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
    /// told them apart: after a session that ended, saves may have been missed.
    pub(crate) fn compare(
        &mut self,
        id: &ServiceId,
        watching_since: Micros,
        out: &mut Vec<Effect>,
    ) {
        let (Some(status), Some(digest)) = (&self.status, &self.digest) else {
            return;
        };
        if self.kept_back.is_some() || self.generation != status.accepted {
            return;
        }
        let built = status
            .built
            .as_ref()
            .filter(|build| build.generation == status.accepted);
        let known = built.and_then(|build| build.digest.as_ref());
        let same_watch = status.since >= watching_since;
        match known {
            Some(known) if known == digest => {}
            None if same_watch => {
                let (generation, digest) = (status.accepted, digest.clone());
                out.push(Effect::Send(
                    id.clone(),
                    Request::Digest { generation, digest },
                ));
            }
            _ => {
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

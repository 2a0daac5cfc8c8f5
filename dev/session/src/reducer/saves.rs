//! What the watcher says: saves, and what the whole of the sources is.

use hob_stack::ServiceId;

use super::Session;
use crate::message::{Effect, Save};

impl Session {
    pub(super) fn save(&mut self, save: Save, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some(served) = self.services.get_mut(&save.service) else {
            return;
        };
        served.digest.clone_from(&save.digest);
        let save = match served.kept_back.take() {
            Some(earlier) => earlier.and(save),
            None => save,
        };
        if !idle {
            served.kept_back = Some(save);
            return;
        }
        let stuck = !served.link.is_attached();
        served.send(save, out);
        // What was in the way of it may be gone.
        if stuck && self.incomplete {
            self.apply(out);
        }
    }

    pub(super) fn digest(&mut self, service: &ServiceId, digest: String, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some(served) = self.services.get_mut(service) else {
            return;
        };
        served.digest = Some(digest);
        if idle {
            served.compare(service, out);
        }
    }

    /// After a pause.
    pub(super) fn resume(&mut self, out: &mut Vec<Effect>) {
        for (id, served) in &mut self.services {
            if served.link.is_attached() {
                served.catch_up(id, out);
            }
        }
    }
}

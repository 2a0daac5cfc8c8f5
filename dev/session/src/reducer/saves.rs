//! What the watcher says: saves, and what the whole of the sources is.

use hob_stack::ServiceId;

use super::Session;
use crate::message::{Effect, Save, Told};
use crate::selfwritten::{QUIET, Verdict};
use crate::served::{Hold, Unsent};

impl Session {
    pub(super) fn save(&mut self, save: Save, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some(served) = self.services.get_mut(&save.service) else {
            return;
        };
        served.digest.clone_from(&save.digest);
        let writes = served.link.status().is_some_and(|it| it.writes_files);
        let newest = served.link.attached().map_or(u64::MAX, |it| it.generation);
        let verdict = served.habit.saved(&save, writes, newest);
        let (save, hold, first) = match served.unsent.take() {
            Some(Unsent { save: first, hold }) => (first.and(save), hold, false),
            None => (save, None, true),
        };
        if !idle {
            return served.keep(save);
        }
        if !served.link.is_attached() {
            served.keep(save);
            // What was in the way of it may be gone.
            if self.incomplete {
                self.apply(out);
            }
            return;
        }
        match verdict {
            // Only a save that is all suspect is put off.
            Verdict::Suspect { until_quiet } if first || hold.is_some() => {
                // Not before: what is kept for another reason is sent at once
                // when that is over.
                let news = served.habit.news();
                out.extend(news.map(|it| Effect::Tell(Told::SelfWritten(it))));
                self.put_off(save, hold, until_quiet, out);
            }
            _ => served.send(save, out),
        }
    }

    /// Keeps a save that the service may have written itself; those that
    /// follow meanwhile join it.
    fn put_off(
        &mut self,
        save: Save,
        hold: Option<Hold>,
        until_quiet: bool,
        out: &mut Vec<Effect>,
    ) {
        let service = save.service.clone();
        let Some(served) = self.services.get_mut(&service) else {
            return;
        };
        let tickets = &mut self.tickets;
        let mut wake_after = |ms| {
            *tickets += 1;
            let (service, ticket) = (service.clone(), *tickets);
            out.push(Effect::WakeAfter {
                service,
                ticket,
                ms,
            });
            ticket
        };
        let mut hold = hold.unwrap_or_else(|| Hold {
            due: wake_after(served.habit.delay()),
            quiet: None,
            over: false,
        });
        if until_quiet {
            hold.quiet = Some(wake_after(QUIET));
        }
        let hold = Some(hold);
        served.unsent = Some(Unsent { save, hold });
    }

    /// The time of what was put off may have come.
    pub(super) fn wake(&mut self, service: &ServiceId, ticket: u64, out: &mut Vec<Effect>) {
        let idle = !self.paused && !self.leaving;
        let Some(served) = self.services.get_mut(service) else {
            return;
        };
        let unsent = served.unsent.as_mut();
        match unsent.and_then(|unsent| unsent.hold.as_mut()) {
            Some(hold) if hold.due == ticket || hold.quiet == Some(ticket) => hold.over = true,
            _ => return,
        }
        if idle && served.link.is_attached() {
            served.catch_up(service, out);
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

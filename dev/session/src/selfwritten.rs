//! Files that a service seems to write itself: a save of them starts it anew,
//! and the new process writes them again, without end.
//!
//! A person, or a program that saves again as soon as it saw an answer, does
//! the same from the outside. So a change counts only when nobody could have
//! seen an answer yet, or when the service is known to have written files.
//!
//! Owns the rules of suspicion for one service. Reads no clock: the times of
//! saves and starts come with them, both by the wall clock. Never drops a
//! save; whoever asks decides what becomes of it. Start with
//! [`Habit::saved`].

use std::fmt;

use hob_stack::ServiceId;
use hob_wire::{ChangeAction, Micros};

use crate::message::Save;

/// A change this soon after a start may come from the process.
const AFTER_START: Micros = 2_000_000;
/// So many starts in a row, each with the same files changed right after it.
const STARTS: u32 = 3;
/// Changes of one file closer than this are no person's saves,
const SOON: Micros = 1_000_000;
/// when so many of them come in a row.
const CHANGES: u32 = 8;
/// More files than this at once are no log and no database.
const FILES: usize = 3;
/// A process writes before its start is told of, at times.
const LATE: Micros = 20_000;
/// The delays of what is suspect, in milliseconds.
const FIRST_DELAY: u64 = 500;
const LAST_DELAY: u64 = 10_000;
/// A person who saves again and again pauses for this long, in milliseconds.
pub(crate) const QUIET: u64 = 1_000;

/// What a service's files and starts had to do with each other so far.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    now: Streak,
    /// How it was before the newest save: a start that is told after it, and
    /// was before it, belongs before it.
    before: Option<Streak>,
    /// How many saves in a row were put off.
    delays: u32,
    /// Told once each.
    told: Vec<Vec<String>>,
    note: Option<SelfWritten>,
}

/// What is to be done about a save.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A person's.
    Ordinary,
    /// The service may have written it.
    Suspect {
        /// Whether a pause would tell that it was a person's.
        until_quiet: bool,
    },
}

/// Files that a service seems to write itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfWritten {
    /// The service.
    pub service: ServiceId,
    /// The files, as the watcher names them.
    pub paths: Vec<String>,
    /// Whether each start was followed by a change; else the changes came too
    /// fast for a person.
    pub at_starts: bool,
}

impl SelfWritten {
    /// What was seen, in words.
    #[must_use]
    pub fn fact(&self) -> String {
        let (files, name) = (self.paths.join(" and "), &self.service.service);
        if self.at_starts {
            format!("{files} changed right after each of the last {STARTS} starts of {name}")
        } else {
            format!("{files} of {name} changed {CHANGES} times, each within a second of the last")
        }
    }

    /// What to do about it, in words.
    #[must_use]
    pub fn advice(&self) -> String {
        let name = &self.service.service;
        let them = if self.paths.len() > 1 { "them" } else { "it" };
        let patterns: Vec<String> = self.paths.iter().map(|it| format!("{it:?}")).collect();
        format!(
            "if {name} writes {them} itself, add ignore = [{}] under [services.{name}.dev]",
            patterns.join(", ")
        )
    }
}

impl fmt::Display for SelfWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact(), self.advice())
    }
}

impl Habit {
    /// A process of the service was started.
    pub(crate) fn started(&mut self, at: Micros) {
        match self.before.take() {
            Some(before) if before.last < at && at <= self.now.last + LATE => {
                let newest = std::mem::replace(&mut self.now, before);
                self.now.started(at);
                self.now
                    .saved(newest.paths, newest.last, newest.service_writes);
            }
            _ => self.now.started(at),
        }
    }

    /// The newest process answers.
    pub(crate) fn ready(&mut self, at: Micros) {
        self.now.ready = Some(at);
    }

    /// Some of its files were changed; whether the service's processes are
    /// known to have written files, these or others.
    pub(crate) fn saved(&mut self, save: &Save, service_writes: bool) -> Verdict {
        if save.action < ChangeAction::Restart {
            // Nothing is started because of it.
            return Verdict::Ordinary;
        }
        self.before = Some(self.now.clone());
        self.now
            .saved(save.paths.clone(), save.noticed, service_writes);
        let at_starts = self.now.starts >= STARTS;
        if !at_starts && self.now.changes < CHANGES {
            self.delays = 0;
            self.note = None;
            return Verdict::Ordinary;
        }
        self.note = Some(SelfWritten {
            service: save.service.clone(),
            paths: self.now.paths.clone(),
            at_starts,
        });
        Verdict::Suspect {
            until_quiet: !at_starts,
        }
    }

    /// The suspicion, if it was not asked for before: whoever asks tells it.
    pub(crate) fn news(&mut self) -> Option<SelfWritten> {
        let note = self.note.as_ref()?;
        if self.told.contains(&note.paths) {
            return None;
        }
        self.told.push(note.paths.clone());
        Some(note.clone())
    }

    /// For how many milliseconds the next suspect save is put off.
    pub(crate) fn delay(&mut self) -> u64 {
        let delay = FIRST_DELAY << self.delays.min(10);
        self.delays += 1;
        delay.min(LAST_DELAY)
    }

    /// The suspicion, while there is one.
    pub(crate) fn note(&self) -> Option<&SelfWritten> {
        self.note.as_ref()
    }
}

/// The same files, again and again.
#[derive(Debug, Default, Clone)]
struct Streak {
    paths: Vec<String>,
    /// The newest change of them, and whether the service had written files.
    last: Micros,
    service_writes: bool,
    /// How many of them in a row came soon after the one before.
    changes: u32,
    /// The newest start, and whether a change right after it was counted.
    start: Option<Micros>,
    counted: bool,
    /// Since when its process answers.
    ready: Option<Micros>,
    /// How many starts in a row had one.
    starts: u32,
}

impl Streak {
    fn started(&mut self, at: Micros) {
        if self.start.is_some() && !self.counted {
            self.starts = 0;
        }
        self.start = Some(at);
        self.counted = false;
        self.ready = None;
    }

    fn saved(&mut self, paths: Vec<String>, at: Micros, service_writes: bool) {
        let few = (1..=FILES).contains(&paths.len());
        if !few || paths != self.paths {
            self.starts = 0;
            self.changes = 0;
            self.counted = false;
        }
        let last = std::mem::replace(&mut self.last, at);
        self.service_writes = service_writes;
        if !few {
            self.paths = Vec::new();
            return;
        }
        let soon = at.saturating_sub(last) < SOON;
        self.changes = match soon && paths.len() == 1 {
            true if service_writes => self.changes + 1,
            true => self.changes,
            false => 1,
        };
        self.paths = paths;
        if !service_writes && self.ready.is_some_and(|ready| ready <= at) {
            // Whoever saw the answer may have saved.
            self.starts = 0;
            return;
        }
        let start = self.start.filter(|start| *start <= at + LATE);
        match start.map(|start| at.saturating_sub(start)) {
            Some(0..=AFTER_START) if self.counted => {}
            Some(0..=AFTER_START) => {
                self.counted = true;
                self.starts += 1;
            }
            // No start made it change.
            _ => self.starts = 0,
        }
    }
}

#[cfg(test)]
mod tests;

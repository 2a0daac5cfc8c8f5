//! Files that a service seems to write itself: a save of them starts it anew,
//! and the new process writes them again, without end.
//!
//! A person, or a program that saves again as soon as it saw an answer, does
//! the same from the outside. So a change counts only when nobody could have
//! seen an answer yet, or when the service is known to have written files.
//! Files that are new each time count as the same: their names hold a number
//! or the time.
//!
//! Owns the rules of suspicion for one service. Reads no clock: the times of
//! saves and starts come with them, both by the wall clock. Never drops a
//! save; whoever asks decides what becomes of it. Start with
//! [`Habit::saved`].

use std::fmt;

use hob_stack::ServiceId;
use hob_wire::{ChangeAction, Micros};

use crate::message::Save;

mod shape;

use shape::{Shape, alike, shapes};

/// A change this soon after a start may come from the process.
const AFTER_START: Micros = 3_500_000;
/// So many starts in a row, each with the same files changed right after it;
const STARTS: u32 = 3;
/// and so many when a person could have seen an answer for this long.
const STARTS_WITH_TIME: u32 = 5;
const TIME: Micros = 1_000_000;
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
    /// The newest generation when it came: the start of a later one is what
    /// came of it, however soon.
    known: u64,
    /// How many saves in a row were put off.
    delays: u32,
    /// Told once each.
    told: Vec<Vec<Shape>>,
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
    /// The files, or what their names share.
    files: Vec<Shape>,
    /// How many starts in a row were each followed by a change; none when the
    /// changes came too fast for a person.
    starts: Option<u32>,
}

impl SelfWritten {
    /// What was seen, in words.
    #[must_use]
    pub fn fact(&self) -> String {
        let files: Vec<String> = self.files.iter().map(Shape::show).collect();
        let (files, name) = (files.join(" and "), &self.service.service);
        match self.starts {
            Some(starts) => {
                format!("{files} changed right after each of the last {starts} starts of {name}")
            }
            None => format!(
                "{files} of {name} changed {CHANGES} times, each within a second of the last"
            ),
        }
    }

    /// What to do about it, in words.
    #[must_use]
    pub fn advice(&self) -> String {
        let name = &self.service.service;
        let one = matches!(&*self.files, [Shape::File(_)]);
        let them = if one { "it" } else { "them" };
        let patterns: Vec<String> = self.files.iter().map(Shape::quoted).collect();
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
    /// A process of this generation was started.
    pub(crate) fn started(&mut self, at: Micros, generation: u64) {
        let is_older = generation <= self.known;
        match self.before.take() {
            Some(before)
                if is_older && before.newest.at < at && at <= self.now.newest.at + LATE =>
            {
                let newest = std::mem::replace(&mut self.now, before);
                self.now.started(at);
                self.now.saved(&newest.newest, newest.service_writes);
            }
            _ => self.now.started(at),
        }
    }

    /// The newest process answers.
    pub(crate) fn ready(&mut self, at: Micros) {
        self.now.ready = Some(at);
    }

    /// Some of its files were changed; whether the service's processes are
    /// known to have written files, these or others. The newest generation is
    /// the one before the save's.
    pub(crate) fn saved(&mut self, save: &Save, service_writes: bool, newest: u64) -> Verdict {
        if save.action < ChangeAction::Restart {
            // Nothing is started because of it.
            return Verdict::Ordinary;
        }
        self.before = Some(self.now.clone());
        self.known = newest;
        let files = Files {
            paths: save.paths.clone(),
            new: save.new,
            at: save.noticed,
        };
        self.now.saved(&files, service_writes);
        let enough = if self.now.with_time {
            STARTS_WITH_TIME
        } else {
            STARTS
        };
        let at_starts = self.now.starts >= enough;
        if !at_starts && self.now.changes < CHANGES {
            self.delays = 0;
            self.note = None;
            return Verdict::Ordinary;
        }
        self.note = Some(SelfWritten {
            service: save.service.clone(),
            files: self.now.shapes.clone(),
            starts: at_starts.then_some(enough),
        });
        Verdict::Suspect {
            until_quiet: !at_starts,
        }
    }

    /// The suspicion, if it was not asked for before: whoever asks tells it.
    pub(crate) fn news(&mut self) -> Option<SelfWritten> {
        let note = self.note.as_ref()?;
        // What they share may turn out to be less.
        let same = |told: &Vec<Shape>| {
            let mut pairs = note.files.iter().zip(told);
            told.len() == note.files.len() && pairs.all(|(one, other)| one.is_like(other))
        };
        if self.told.iter().any(same) {
            return None;
        }
        self.told.push(note.files.clone());
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

/// What one save was about.
#[derive(Debug, Default, Clone)]
struct Files {
    paths: Vec<String>,
    /// Whether all of them came or went.
    new: bool,
    at: Micros,
}

/// The same files, or new ones like them, again and again.
#[derive(Debug, Default, Clone)]
struct Streak {
    newest: Files,
    /// What they have in common.
    shapes: Vec<Shape>,
    /// Whether the service had written files.
    service_writes: bool,
    /// How many changes in a row came soon after the one before.
    changes: u32,
    /// The newest start, and whether a change right after it was counted.
    start: Option<Micros>,
    counted: bool,
    /// Since when its process answers.
    ready: Option<Micros>,
    /// How many starts in a row had one, and whether an answer could be seen
    /// for some time before any of them.
    starts: u32,
    with_time: bool,
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

    fn saved(&mut self, files: &Files, service_writes: bool) {
        let (at, paths) = (files.at, &files.paths);
        let few = (1..=FILES).contains(&paths.len());
        let before = std::mem::replace(&mut self.newest, files.clone());
        if !few || !alike(&before.paths, paths, files.new && before.new) {
            self.starts = 0;
            self.changes = 0;
            self.counted = false;
            self.shapes = Vec::new();
        }
        self.service_writes = service_writes;
        if !few {
            self.newest.paths = Vec::new();
            return;
        }
        self.shapes = shapes(&self.shapes, &before.paths, paths);
        let soon = at.saturating_sub(before.at) < SOON;
        self.changes = match soon && paths.len() == 1 {
            true if service_writes => self.changes + 1,
            true => self.changes,
            false => 1,
        };
        let seen = self.ready.filter(|ready| *ready <= at);
        if !service_writes && seen.is_some() {
            // Whoever saw the answer may have saved.
            self.starts = 0;
            return;
        }
        let start = self.start.filter(|start| *start <= at + LATE);
        match start.map(|start| at.saturating_sub(start)) {
            Some(0..=AFTER_START) if self.counted => {}
            Some(0..=AFTER_START) => {
                self.counted = true;
                let with_time = seen.is_some_and(|ready| at - ready >= TIME);
                self.with_time = with_time || self.with_time && self.starts > 0;
                self.starts += 1;
            }
            // No start made it change.
            _ => self.starts = 0,
        }
    }
}

#[cfg(test)]
mod tests;

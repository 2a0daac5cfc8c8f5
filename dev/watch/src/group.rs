//! What is going on in one root: what to look at, what was found different
//! and not yet told, and whether it may be told now.
//!
//! Owns the state between two batches and looks at no file but git's lock.
//! Start with [`Group`].

#![expect(clippy::disallowed_methods, reason = "notes when something was found")]

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::content::Leaf;
use crate::event::{Note, Options, Root, Synced};
use crate::git;
use crate::pace::Pace;
use crate::queue::{Key, Moment, Queue};

/// What a file was when it was last told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Absent,
    /// There, but not hashed before it changed.
    Unknown,
    Known(Leaf),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) root: Root,
    /// The root's own tree first.
    pub(crate) trees: Vec<u32>,
    pub(crate) queue: Queue,
    pub(crate) pace: Pace,
    pub(crate) changed: BTreeMap<Key, Before>,
    /// When the first of `changed` was noticed.
    pub(crate) first: Option<Moment>,
    /// Large files that are being read, by ticket.
    pub(crate) reading: HashMap<Key, (u64, Moment)>,
    pub(crate) syncs: Vec<oneshot::Sender<Synced>>,
    /// A batch was sent since the oldest of `syncs` was asked.
    pub(crate) sync_changed: bool,
    /// The last batch carried the digest, or it was told since.
    pub(crate) digest_told: bool,
    pub(crate) degraded: bool,
    pub(crate) missing: bool,
    hold: Hold,
    /// When there may be something to tell.
    pub(crate) wake: Option<Instant>,
}

#[derive(Debug, Default)]
struct Hold {
    locks: Vec<PathBuf>,
    since: Option<Instant>,
    busy_told: bool,
    /// Inode and time of the lock that outlived the limit.
    ignored: Option<(u64, i64)>,
}

/// Whether git lets us speak.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Given,
    /// Ask again at this time.
    NotBefore(Instant),
}

impl Group {
    pub(crate) fn new(root: Root, trees: Vec<u32>) -> Group {
        Group {
            root,
            trees,
            queue: Queue::default(),
            pace: Pace::default(),
            changed: BTreeMap::new(),
            first: None,
            reading: HashMap::new(),
            syncs: Vec::new(),
            sync_changed: false,
            digest_told: false,
            degraded: false,
            missing: false,
            hold: Hold::default(),
            wake: None,
        }
    }

    /// Something happened to a path of this root.
    pub(crate) fn event(&mut self, at: Moment, options: &Options) {
        let idle = self.queue.len() == 0 && self.changed.is_empty();
        self.pace.event(at.0, idle, options);
    }

    /// A file is different from what was told of it.
    pub(crate) fn changed(&mut self, key: Key, before: Before, noticed: Moment) {
        self.changed.entry(key).or_insert(before);
        let first = self.first.get_or_insert(noticed);
        if noticed.0 < first.0 {
            *first = noticed;
        }
        self.pace.changed(Instant::now());
    }

    /// All that happened has been looked at.
    pub(crate) fn settled(&self) -> bool {
        self.queue.len() == 0 && self.reading.is_empty()
    }

    /// Finds out which lock files concern these folders.
    pub(crate) fn find_locks<'a>(&mut self, bases: impl Iterator<Item = &'a std::path::Path>) {
        self.hold.locks = bases.filter_map(git::lock_file).collect();
        self.hold.locks.sort();
        self.hold.locks.dedup();
    }

    /// There is nothing to tell, so git holds nothing back.
    pub(crate) fn rest(&mut self) {
        self.hold.since = None;
    }

    /// Whether git is at work, and what to say of it.
    pub(crate) fn leave(&mut self, now: Instant, options: &Options) -> (Leave, Option<Note>) {
        let held = self.hold.locks.iter().find_map(|lock| {
            let metadata = lock.symlink_metadata().ok()?;
            Some((lock.clone(), (metadata.ino(), metadata.ctime_nsec())))
        });
        let Some((lock, identity)) = held else {
            self.hold.ignored = None;
            self.hold.busy_told = false;
            if self.hold.since.take().is_some() {
                self.pace.released(now);
                return (Leave::NotBefore(now + options.quiet), None);
            }
            return (Leave::Given, None);
        };
        if self.hold.ignored == Some(identity) {
            return (Leave::Given, None);
        }
        let since = *self.hold.since.get_or_insert(now);
        let limit = self.pace.lock_limit(since, options);
        if now >= limit {
            self.hold.since = None;
            self.hold.ignored = Some(identity);
            return (Leave::Given, Some(Note::GitLockIgnored { lock }));
        }
        let held_for = now.saturating_duration_since(since);
        let busy = held_for > Duration::from_secs(1);
        let note = (busy && !self.hold.busy_told).then_some(Note::GitBusy { lock });
        self.hold.busy_told |= busy;
        let pause = Duration::from_millis(if busy { 20 } else { 5 });
        (Leave::NotBefore(limit.min(now + pause)), note)
    }
}

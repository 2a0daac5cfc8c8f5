//! Where events come from: the system's file watches through `notify`, or
//! nothing at all, when everything is polled.
//!
//! Owns the translation of raw events into [`Seen`] and drops those that our
//! own reading makes. Decides nothing. Start with [`Source`].

#![expect(clippy::disallowed_methods, reason = "notes when an event came")]

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::queue::Moment;

/// One thing that happened to one path.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: PathBuf,
    pub(crate) what: What,
    pub(crate) at: Moment,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A folder is there that was not.
    NewFolder,
    /// A file is there that was not; if it is a regular one, a close follows.
    NewFile,
    /// Bytes were written, or the length was changed.
    Written,
    /// A file that was open for writing was closed.
    Closed,
    /// Owner, mode, times.
    Attributes,
    /// Renamed away from this path; the number pairs it with a [`What::To`].
    From(usize),
    /// Renamed to this path.
    To(usize),
    /// Deleted.
    Removed,
    /// Events were lost. The path means nothing.
    Lost,
}

/// Why a folder cannot be watched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The system's limit of watches is reached.
    Limit,
    /// Gone, unreadable, or another reason that concerns this folder only.
    Folder,
}

/// Something that watches folders, one level each. Events go to the channel
/// that it was made with.
pub(crate) trait Source: Send {
    /// From the return on, everything right in `folder` is told. Watching a
    /// folder again that was replaced by another of the same name is how the
    /// new one is watched.
    fn watch(&mut self, folder: &Path) -> Result<(), Refused>;
    /// The folder may be gone or not watched; then nothing happens.
    fn unwatch(&mut self, folder: &Path);
}

/// The system's watches.
pub(crate) struct System(RecommendedWatcher);

impl System {
    /// `None` when the system gives no (further) instance.
    pub(crate) fn new(told: impl Fn(Seen) + Send + 'static) -> Option<System> {
        let handler = move |event| translate(event, &told);
        notify::recommended_watcher(handler).ok().map(System)
    }
}

impl Source for System {
    fn watch(&mut self, folder: &Path) -> Result<(), Refused> {
        match self.0.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                Err(Refused::Limit)
            }
            Err(_) => Err(Refused::Folder),
        }
    }

    fn unwatch(&mut self, folder: &Path) {
        // Not watched any more is what was asked for.
        let _ = self.0.unwatch(folder);
    }
}

/// Watches nothing: every folder is refused and so gets polled.
pub(crate) struct Nothing;

impl Source for Nothing {
    fn watch(&mut self, _: &Path) -> Result<(), Refused> {
        Err(Refused::Limit)
    }

    fn unwatch(&mut self, _: &Path) {}
}

fn translate(event: notify::Result<notify::Event>, told: &impl Fn(Seen)) {
    let at = (Instant::now(), SystemTime::now());
    let lost = || Seen {
        path: PathBuf::new(),
        what: What::Lost,
        at,
    };
    let Ok(event) = event else {
        told(lost());
        return;
    };
    if event.need_rescan() {
        told(lost());
        return;
    }
    let cookie = event.tracker().unwrap_or(0);
    let what = match event.kind {
        EventKind::Create(CreateKind::Folder) => What::NewFolder,
        EventKind::Create(_) => What::NewFile,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => What::From(cookie),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => What::To(cookie),
        // `Both` comes after `From` and `To` and tells nothing new.
        EventKind::Modify(ModifyKind::Name(_)) => return,
        EventKind::Modify(ModifyKind::Metadata(_)) => What::Attributes,
        EventKind::Modify(_) => What::Written,
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => What::Closed,
        EventKind::Remove(_) => What::Removed,
        // Opening and reading: our own hashing does that, too.
        EventKind::Access(_) => return,
        EventKind::Any | EventKind::Other => What::Written,
    };
    for path in event.paths {
        told(Seen { path, what, at });
    }
}

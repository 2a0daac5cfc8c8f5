//! What goes in and what comes out: the folders to watch, the limits of
//! waiting, and the events told.
//!
//! Owns the public types and nothing that acts. Start with [`Root`] for the
//! question and [`Event`] for the answers.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// One folder whose content counts as one thing: the sources of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The caller's name for it; every event carries it.
    pub id: usize,
    /// The folder. It may be missing, and come and go.
    pub path: PathBuf,
    /// More folders or single files that count as this root's. Relative ones
    /// are relative to [`Root::path`]. Files and folders that do not exist
    /// yet are waited for.
    pub extra: Vec<PathBuf>,
    /// Patterns of the gitignore kind, relative to the root (and to each
    /// extra folder), that win over every `.gitignore` and `.ignore` file;
    /// `!pattern` brings something back that those ignore.
    pub ignore: Vec<String>,
}

/// The limits of waiting. [`Options::default`] is what development wants.
#[derive(Clone, Debug)]
pub struct Options {
    /// A storm of events is over when nothing happened for this long, and a
    /// path that vanished is believed gone after it: editors that save by
    /// renaming take a file away for a moment. 15 ms.
    pub quiet: Duration,
    /// A storm is told of after this long even while it goes on. 250 ms.
    pub storm_limit: Duration,
    /// More unexamined paths than this make a storm of what is going on. 20.
    pub storm_paths: usize,
    /// How long a `.git/index.lock` holds batches back after the last file
    /// event; a git that crashed leaves its lock for good. 5 s.
    pub git_lock_limit: Duration,
    /// A file that is written but not closed is looked at after this long
    /// without a write (and after five times this long in any case). 100 ms.
    pub open_file: Duration,
    /// A new file is looked at this long after it was closed: a temporary one
    /// is renamed into place by then and never told of. 5 ms.
    pub created: Duration,
    /// The shortest and the longest pause between two looks at folders that
    /// the system does not watch for us. 500 ms and 5 s.
    pub poll: (Duration, Duration),
    /// Ask the system for no events at all and look at the files from time to
    /// time, for file systems that tell nothing of changes made elsewhere.
    pub poll_only: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            quiet: Duration::from_millis(15),
            storm_limit: Duration::from_millis(250),
            storm_paths: 20,
            git_lock_limit: Duration::from_secs(5),
            open_file: Duration::from_millis(100),
            created: Duration::from_millis(5),
            poll: (Duration::from_millis(500), Duration::from_secs(5)),
            poll_only: false,
        }
    }
}

/// What a [`Watcher`](crate::Watcher) tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// Files are different from what the last batch (or the start) knew.
    Batch(Batch),
    /// The digest of all files, told when it became known without a change:
    /// after the start, and after a batch that could not carry it yet.
    Digest {
        /// [`Root::id`].
        root: usize,
        /// Equal to [`tree_digest`](crate::tree_digest) of the same bytes.
        digest: String,
    },
    /// The system watches only a part for us; the rest is polled, so changes
    /// there are noticed late but not lost.
    Degraded {
        /// [`Root::id`].
        root: usize,
        /// What happened, and the command that mends it.
        message: String,
    },
    /// Something that a person may want to know.
    Note {
        /// [`Root::id`].
        root: usize,
        /// What it is.
        note: Note,
    },
}

/// A set of changes that belong together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// [`Root::id`].
    pub root: usize,
    /// When the first event of it was seen, for measuring.
    pub first_event: Instant,
    /// The same moment by the wall clock.
    pub first_event_at: SystemTime,
    /// What is different, each path once, sorted. Never empty.
    pub changed: Vec<Changed>,
    /// The digest of the whole root with these changes; absent while the
    /// first hashing of the tree is still going on.
    pub digest: Option<String>,
}

/// One path of a [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Relative to [`Root::path`] where it is below it, else absolute.
    pub path: PathBuf,
    /// How it differs.
    pub kind: Kind,
}

/// How a file differs from what was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was not there, or was ignored until now.
    Created,
    /// Its bytes, its executable bit or its link target are different.
    Modified,
    /// It is gone, or is ignored from now on.
    Removed,
}

/// See [`Event::Note`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The root's folder does not exist (any more); it is waited for.
    RootMissing,
    /// The root's folder is there again.
    RootBack,
    /// Git is at work for more than a second; changes are held until it is
    /// done.
    GitBusy {
        /// The lock file that says so.
        lock: PathBuf,
    },
    /// A lock of git outlived the limit; changes are told regardless of it
    /// until it is gone.
    GitLockIgnored {
        /// The lock file; when no git runs, it can be removed.
        lock: PathBuf,
    },
    /// All folders are watched by the system again.
    Recovered,
}

/// The answer to [`Watcher::sync`](crate::Watcher::sync).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// [`Root::id`].
    pub root: usize,
    /// The digest of what was found; absent while the first hashing is still
    /// going on.
    pub digest: Option<String>,
    /// Whether this look found changes that no batch had told before.
    pub changed: bool,
}

/// Why watching could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pattern of [`Root::ignore`] is not valid.
    #[error("ignore pattern `{pattern}` is not valid")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        source: ignore::Error,
    },
    /// A relative path was given and there is no current folder.
    #[error("cannot make {} absolute", path.display())]
    Path {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start the watching thread")]
    Thread(#[source] std::io::Error),
}

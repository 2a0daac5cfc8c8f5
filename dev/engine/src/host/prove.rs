//! What of a project is still on this machine: the list that has to be empty
//! after everything was taken down.
//!
//! Looks at processes, folders and the ledger independently of what a plan would
//! see, so that it can prove the plan wrong.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::ports::{Listeners, holders};
use super::processes::Marked;
use super::{HostEngine, candidates};
use crate::ledger::{LEDGER_FILE, Ledger};
use crate::lock::LOCK_FILE;
use crate::paths::ROOT_FILE;

/// One thing that is left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Which one, in words.
    pub what: String,
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftoverKind {
    /// A process of the project's.
    Process,
    /// A port that such a process listens on.
    Port,
    /// A socket in the runtime folder.
    Socket,
    /// A file or folder in the state or runtime folder.
    File,
    /// A line of the ledger about something whose removal was never done.
    Record,
    /// A volume: kept until its removal is asked for.
    Volume,
}

impl LeftoverKind {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Port => "port",
            Self::Socket => "socket",
            Self::File => "file",
            Self::Record => "record",
            Self::Volume => "volume",
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.what)
    }
}

impl HostEngine {
    /// Everything of the project that is there, running services included.
    #[must_use]
    pub fn prove(&self) -> Vec<Leftover> {
        let setup = &self.setup;
        let mut left = Vec::new();
        let mut add = |kind, what: String| left.push(Leftover { kind, what });
        let marked = self.processes();
        for Marked {
            process,
            marks,
            name,
        } in &marked
        {
            add(
                LeftoverKind::Process,
                format!("{} {name} of {}", process.pid, marks.service),
            );
        }
        for addr in listening(&marked) {
            add(LeftoverKind::Port, addr);
        }
        for name in candidates::entries(&setup.paths.runtime) {
            let path = setup.paths.runtime.join(&name).display().to_string();
            match name.strip_suffix(".sock") {
                Some(_) => add(LeftoverKind::Socket, path),
                None => add(LeftoverKind::File, path),
            }
        }
        let mut known = BTreeSet::from([LEDGER_FILE, LOCK_FILE, ROOT_FILE]);
        known.insert("volumes");
        for path in files(&setup.paths.state, &known) {
            add(LeftoverKind::File, path);
        }
        for volume in self.volumes() {
            add(LeftoverKind::Volume, volume);
        }
        let records = Ledger::peek(&setup.paths.state).unwrap_or_default();
        for (id, _) in records.iter().filter(|(id, _)| id.kind != super::VOLUME) {
            add(LeftoverKind::Record, id.to_string());
        }
        left
    }

    /// The paths of all volumes.
    pub(super) fn volumes(&self) -> Vec<String> {
        let home = self.setup.paths.state.join("volumes");
        let below = |folder: std::path::PathBuf| {
            let names = candidates::entries(&folder).into_iter();
            names.map(move |name| folder.join(name))
        };
        below(home)
            .flat_map(below)
            .flat_map(below)
            .map(|path| path.display().to_string())
            .collect()
    }
}

/// The addresses that these processes listen on.
fn listening(marked: &[Marked]) -> BTreeSet<String> {
    let listeners = Listeners::read();
    let inodes: Vec<u64> = listeners.iter().map(|socket| socket.inode).collect();
    let holders = holders(&inodes);
    let ours = |inode: u64| {
        let pids = holders.get(&inode).into_iter().flatten();
        pids.into_iter()
            .any(|pid| marked.iter().any(|marked| marked.process.pid == *pid))
    };
    listeners
        .iter()
        .filter(|socket| ours(socket.inode))
        .map(|socket| socket.addr.to_string())
        .collect()
}

/// What a folder holds beside these names.
fn files(folder: &Path, known: &BTreeSet<&str>) -> Vec<String> {
    candidates::entries(folder)
        .into_iter()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| folder.join(name).display().to_string())
        .collect()
}

//! What of a project is still on this machine: the list that has to be empty
//! after everything was taken down.
//!
//! Looks at processes, folders and the ledger independently of what a plan would
//! see, so that it can prove the plan wrong.

use std::collections::BTreeSet;
use std::path::Path;

use super::HostEngine;
use crate::ledger::{LEDGER_FILE, Ledger};
use crate::leftover::{Leftover, LeftoverKind};
use crate::lock::LOCK_FILE;
use crate::machine::ports::{Listeners, holders};
use crate::machine::processes::Marked;
use crate::paths::{LAST_LOGS, ROOT_FILE, entries};

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
        for name in entries(&setup.paths.runtime) {
            let path = setup.paths.runtime.join(&name).display().to_string();
            match name.strip_suffix(".sock") {
                Some(_) => add(LeftoverKind::Socket, path),
                None => add(LeftoverKind::File, path),
            }
        }
        let mut known = BTreeSet::from([LEDGER_FILE, LOCK_FILE, ROOT_FILE]);
        known.extend(["volumes", LAST_LOGS]);
        for path in files(&setup.paths.state, &known) {
            add(LeftoverKind::File, path);
        }
        for volume in self.volumes() {
            add(LeftoverKind::Volume, volume);
        }
        for service in setup.paths.last_logs() {
            add(LeftoverKind::Log, service.to_string());
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
            let names = entries(&folder).into_iter();
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
    entries(folder)
        .into_iter()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| folder.join(name).display().to_string())
        .collect()
}

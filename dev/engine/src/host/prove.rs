//! What of a project is still on this machine: the list that has to be empty
//! after everything was taken down.
//!
//! Looks at processes, folders and the ledger independently of what a plan would
//! see, so that it can prove the plan wrong.

use std::collections::BTreeSet;

use super::HostEngine;
use crate::leftover::{Leftover, LeftoverKind, of_folders};
use crate::machine::ports::{Listeners, holders};
use crate::machine::processes::Marked;
use crate::paths::entries;

impl HostEngine {
    /// Everything of the project that is there, running services included.
    #[must_use]
    pub fn prove(&self) -> Vec<Leftover> {
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
        for volume in self.volumes() {
            add(LeftoverKind::Volume, volume);
        }
        left.extend(of_folders(&self.setup.paths));
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

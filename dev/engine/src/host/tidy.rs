//! What is no resource and of no use any more: sockets of dead sessions, words
//! of those that were waited for, notes of agents that are gone, empty folders.
//!
//! Called under the project's lock; what somebody else took away meanwhile is
//! no matter. Start with [`HostEngine::take_away_dead`].

#![expect(clippy::disallowed_methods, reason = "this is where it is taken away")]

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use super::HostEngine;
use crate::machine::processes;
use crate::paths::entries;

impl HostEngine {
    /// Takes all of that away.
    pub(super) fn take_away_dead(&self) {
        let paths = &self.setup.paths;
        for name in entries(&paths.runtime) {
            let path = paths.runtime.join(&name);
            if name.ends_with(".sock") && is_dead(&path) || is_unread(&name) {
                let _ = fs::remove_file(path);
            }
        }
        self.forget_leaders();
        for home in ["services", "volumes"] {
            remove_empty(&paths.state.join(home), 2);
        }
    }
}

/// Removes a folder and those below it, so many levels down, as far as they
/// are empty: a hob that was killed may have made only the first of several.
fn remove_empty(folder: &Path, levels: usize) {
    if levels > 0 {
        for name in entries(folder) {
            remove_empty(&folder.join(name), levels - 1);
        }
    }
    // One that holds anything stays.
    let _ = fs::remove_dir(folder);
}

/// Whether this is the file that a dev session without a terminal speaks to
/// (`detached-<process>.log`) and the process that reads it is gone.
fn is_unread(name: &str) -> bool {
    let reader = name.strip_prefix("detached-");
    let reader = reader.and_then(|rest| rest.strip_suffix(".log")?.parse().ok());
    reader.is_some_and(|pid| processes::process(pid).is_none())
}

/// Whether nobody listens on a socket any more.
fn is_dead(socket: &Path) -> bool {
    let connect = || {
        let kind = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let address = SocketAddrUnix::new(socket)?;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, kind, None)?;
        rustix::net::connect(&stream, &address)
    };
    connect() == Err(Errno::CONNREFUSED)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn empty_folders_go_and_what_holds_something_stays() {
        let home = tempfile::tempdir().unwrap();
        let at = |path: &str| home.path().join("services").join(path);
        fs::create_dir_all(at("half")).unwrap();
        fs::create_dir_all(at("made/empty")).unwrap();
        fs::create_dir_all(at("used/web/data")).unwrap();
        remove_empty(&home.path().join("services"), 2);
        assert!(!at("half").exists() && !at("made").exists());
        // An empty volume is a volume.
        assert!(at("used/web/data").exists());
        remove_empty(&home.path().join("services"), 3);
        assert!(!home.path().join("services").exists());
    }
}

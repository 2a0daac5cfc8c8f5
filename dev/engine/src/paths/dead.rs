//! What is no resource and of no use any more in a project's folders, and how
//! folders are removed: sockets of dead sessions, words of those that were
//! waited for, empty folders.
//!
//! Called under the project's lock; what somebody else took away meanwhile is
//! no matter.

#![expect(clippy::disallowed_methods, reason = "this is where it is taken away")]

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use super::{Paths, entries};
use crate::machine::processes;

/// Takes dead sockets, unread words and empty folders of these homes away.
pub(crate) fn take_away_dead(paths: &Paths, homes: &[&str]) {
    for name in entries(&paths.runtime) {
        let path = paths.runtime.join(&name);
        if name.ends_with(".sock") && is_dead(&path) || is_unread(&name) {
            let _ = fs::remove_file(path);
        }
    }
    for home in homes {
        remove_empty(&paths.state.join(home), 2);
    }
}

/// Removes a folder below `home`, and those above it that are empty then.
pub(crate) fn remove_below(home: &Path, path: &Path) -> io::Result<()> {
    remove_all(path)?;
    for parent in path.ancestors().skip(1) {
        if parent == home || !parent.starts_with(home) || fs::remove_dir(parent).is_err() {
            break;
        }
    }
    Ok(())
}

/// Removes a tree, also with folders in it that are closed to their owner, as
/// the module cache of Go has them.
fn remove_all(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_all(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

fn open_all(folder: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(folder)?.permissions().mode();
    fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_all(&entry.path())?;
        }
    }
    Ok(())
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

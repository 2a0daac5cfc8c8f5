//! [`ProjectLock`]: one hob at a time changes a project.
//!
//! Owns the lock file in the project's state folder. The kernel releases it
//! when its holder ends, however that happens.

#![expect(
    clippy::disallowed_methods,
    reason = "the lock file is this module's own"
)]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

/// The file's name in the project's state folder.
pub const LOCK_FILE: &str = "lock";

/// How often a held lock is tried again: the kernel tells nobody that it is
/// free without a thread that could not be interrupted.
const RETRY: Duration = Duration::from_millis(25);

/// The lock was not got.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else had it all the time.
    #[error("{holder} changes this project; it was not done within {} s", limit.as_secs_f32())]
    Held {
        /// Who, in words.
        holder: Holding,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The operating system refused.
    #[error("cannot lock {}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Its process: the one that the lock file names, if that has the lock.
    /// The number may be an old one, or one of another pid namespace.
    pub pid: Option<u32>,
}

impl std::fmt::Display for Holding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "another hob (process {pid})"),
            None => f.write_str("another hob"),
        }
    }
}

/// The right to change a project, until it is dropped.
#[derive(Debug)]
pub struct ProjectLock {
    file: File,
    path: PathBuf,
}

impl ProjectLock {
    /// Waits for the lock of this name in this state folder, which exists.
    /// `waiting` is called once, with the holder, when it is not to be had at
    /// once.
    ///
    /// # Errors
    /// It was not free within `limit`, or the file cannot be opened.
    pub async fn acquire(
        folder: &Path,
        name: &str,
        limit: Duration,
        mut waiting: impl FnMut(Holding),
    ) -> Result<Self, LockError> {
        let path = folder.join(name);
        let failed = |why| LockError::Io {
            path: path.clone(),
            why,
        };
        let end = Instant::now() + limit;
        let mut said = false;
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) if stands_at(&file, &path) => {
                    // On a full disk nobody can be told who holds it; taking
                    // services down must work all the same.
                    let _ = file.set_len(0);
                    let _ = file.rewind();
                    let _ = write!(file, "{}", std::process::id());
                    return Ok(Self { file, path });
                }
                // Its last holder took the file away; another one may stand
                // there already.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    if Instant::now() >= end {
                        return Err(LockError::Held { holder, limit });
                    }
                    if !said {
                        waiting(holder);
                        said = true;
                    }
                    tokio::time::sleep(RETRY).await;
                }
                Err(TryLockError::Error(why)) => return Err(failed(why)),
            }
        }
    }

    /// Gives the lock up and takes its file away, for a project of which
    /// nothing is left. Whoever waits for it makes a new one.
    pub fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for ProjectLock {
    fn drop(&mut self) {
        // The number of a process that is gone would only mislead.
        let _ = self.file.set_len(0);
    }
}

/// Whether the opened file is still the one of this name.
fn stands_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn holder(file: &mut File) -> Holding {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let named = read.ok().and_then(|_| text.trim().parse().ok());
    let identity = file.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
    Holding {
        pid: named.filter(|pid| identity.is_some_and(|file| has_locked(*pid, file))),
    }
}

/// Whether this process has the lock of this name of a state folder right now.
pub(crate) fn holds(folder: &Path, name: &str, pid: u32) -> bool {
    let meta = std::fs::metadata(folder.join(name));
    meta.is_ok_and(|meta| has_locked(pid, (meta.dev(), meta.ino())))
}

/// Whether a process has a file of this device and inode open and locked, as
/// `/proc/PID/fdinfo` tells of each of its descriptors; see
/// proc_pid_fdinfo(5).
fn has_locked(pid: u32, file: (u64, u64)) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
    open.into_iter().flatten().flatten().any(|entry| {
        let meta = std::fs::metadata(entry.path());
        let number = entry.file_name();
        meta.is_ok_and(|meta| (meta.dev(), meta.ino()) == file)
            && std::fs::read_to_string(Path::new(&format!("/proc/{pid}/fdinfo")).join(number))
                .is_ok_and(|info| info.lines().any(is_lock))
    })
}

/// `lock:  1: FLOCK  ADVISORY  WRITE 1016 fe:00:828627 0 EOF`.
fn is_lock(line: &str) -> bool {
    line.starts_with("lock:") && line.contains("FLOCK") && line.contains("WRITE")
}

#[cfg(test)]
mod tests;

//! What several hobs read and write, one after the other.

#![expect(
    clippy::disallowed_methods,
    reason = "a lock is a file in the project's folder"
)]

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::{Home, HomeError};

/// What several hobs share is theirs alone until it is dropped.
#[derive(Debug)]
pub struct Locked {
    file: fs::File,
}

impl Locked {
    /// The same lock for a program that is started: it is held until the last
    /// that has it is gone, however that ends. The file closes when a program
    /// is started unless it is told otherwise.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn once_more(&self) -> io::Result<OwnedFd> {
        // A lock of flock(2) is one of an open file, whoever has that.
        self.file.try_clone().map(OwnedFd::from)
    }
}

fn lock_error(path: PathBuf, source: io::Error) -> HomeError {
    let doing = "lock";
    HomeError::File {
        doing,
        path,
        source,
    }
}

fn tried(
    locked: Result<(), fs::TryLockError>,
    file: fs::File,
    path: PathBuf,
) -> Result<Option<Locked>, HomeError> {
    match locked {
        Ok(()) => Ok(Some(Locked { file })),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(lock_error(path, source)),
    }
}

impl Home {
    /// What several share, while nobody else reads and writes it; none while
    /// somebody does. Waiting is the caller's, who knows for how long.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub fn try_lock(&self) -> Result<Option<Locked>, HomeError> {
        let (file, path) = self.lock_file("lock")?;
        tried(file.try_lock(), file, path)
    }

    /// Nobody else brings up a service of the platform, or moves it, while this
    /// is held: two who look at once would both do it. None while somebody
    /// does.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub fn try_turn(&self) -> Result<Option<Locked>, HomeError> {
        let (file, path) = self.lock_file("turn.lock")?;
        tried(file.try_lock(), file, path)
    }

    /// What the registry holds does not go while this is held, or, `alone`,
    /// nobody pushes. None while somebody else has it otherwise.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub fn lock_registry(&self, alone: bool) -> Result<Option<Locked>, HomeError> {
        let (file, path) = self.lock_file("registry.lock")?;
        let locked = match alone {
            true => file.try_lock(),
            false => file.try_lock_shared(),
        };
        tried(locked, file, path)
    }

    fn lock_file(&self, name: &str) -> Result<(fs::File, PathBuf), HomeError> {
        let path = self.root.join(name);
        let made = fs::create_dir_all(&self.root);
        let file = made.and_then(|()| fs::OpenOptions::new().create(true).append(true).open(&path));
        match file {
            Ok(file) => Ok((file, path)),
            Err(source) => Err(lock_error(path, source)),
        }
    }
}

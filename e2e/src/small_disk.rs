//! [`SmallDisk`]: a file system of few megabytes, to be full.

use std::path::Path;

use rustix::mount::{UnmountFlags, unmount};
use tempfile::TempDir;

use crate::dockerd::run;

/// A mounted file system in memory. It goes when this value is dropped.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// One of this size. Only root can mount it.
    ///
    /// # Panics
    /// It cannot be mounted.
    #[must_use]
    pub fn of(megabytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let size = format!("size={megabytes}m");
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", path]).unwrap();
        Self(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever has a file open in it keeps it a little longer.
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

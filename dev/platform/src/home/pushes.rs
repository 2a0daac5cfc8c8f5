//! Names that images have in an engine only while they are pushed: noted
//! before they are given, so that those of a push that was killed go with the
//! next.

#![expect(
    clippy::disallowed_methods,
    reason = "a note is a file in the project's folder"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Home, HomeError, forget};

/// The notes, below the folder. Whoever pushes has a lock on theirs.
const PUSHES: &str = "pushes";

/// What one push noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The engine that has the names.
    pub engine: String,
    /// Each with its tag: `127.0.0.1:5000/shop/web:0123`.
    pub names: BTreeSet<String>,
}

/// A note that is held, by its push or by whoever takes its names away. It
/// goes with [`PushNote::done`]; one that is only dropped stays for the next.
#[derive(Debug)]
pub struct PushNote {
    named: Named,
    path: PathBuf,
    _file: fs::File,
}

impl PushNote {
    /// What it says.
    #[must_use]
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// Its names are gone.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn done(self) -> Result<(), HomeError> {
        forget(&self.path)
    }
}

impl Home {
    /// Notes names before they are given.
    ///
    /// # Errors
    /// The note cannot be written.
    pub fn note_push(&self, named: Named) -> Result<PushNote, HomeError> {
        let folder = self.root().join(PUSHES);
        let failed = |source: io::Error| HomeError::File {
            doing: "write",
            path: folder.clone(),
            source,
        };
        let written = || {
            fs::create_dir_all(&folder)?;
            let mut file = tempfile::Builder::new().prefix(".").tempfile_in(&folder)?;
            // Held before anybody can see it.
            file.as_file().lock()?;
            file.write_all(&serde_json::to_vec(&named)?)?;
            let name = file.path().file_name().unwrap_or_default();
            let name = name.to_string_lossy();
            let path = folder.join(format!("{}.json", name.trim_start_matches('.')));
            Ok((file.persist(&path)?, path))
        };
        let (file, path) = written().map_err(failed)?;
        Ok(PushNote {
            named,
            path,
            _file: file,
        })
    }

    /// The notes of pushes to this engine that nobody is at any more.
    #[must_use]
    pub fn pushes_left(&self, engine: &str) -> Vec<PushNote> {
        let notes = self.notes().into_iter().filter_map(|path| {
            let file = fs::File::open(&path).ok()?;
            file.try_lock().ok()?;
            let named = read(&path).filter(|it| it.engine == engine)?;
            Some(PushNote {
                named,
                path,
                _file: file,
            })
        });
        notes.collect()
    }

    /// All names that pushes to this engine have noted, and hob has given.
    #[must_use]
    pub fn names_pushed(&self, engine: &str) -> BTreeSet<String> {
        let all = self.notes().into_iter().filter_map(|path| read(&path));
        let all = all.filter(|it| it.engine == engine);
        all.flat_map(|it| it.names).collect()
    }

    fn notes(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root().join(PUSHES));
        let entries = entries.into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .collect()
    }
}

/// They are put in place whole: half of one is nobody's.
fn read(path: &Path) -> Option<Named> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

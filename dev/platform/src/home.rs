//! [`Home`]: the folder of the project, and its settings.

#![expect(
    clippy::disallowed_methods,
    reason = "the project's files are written here, before anything is planned"
)]

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

mod closed;
mod https;
mod locks;
mod pushes;
mod read;
mod telling;

pub use locks::Locked;
pub use pushes::{Named, PushNote};
pub use read::Read;
pub use telling::Tellers;

use crate::files::files;
use crate::routes::RoutesError;
use crate::settings::Settings;

/// Where the project lies.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

/// Why the project's folder is not as it is to be.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// `write`, `read`, `remove`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// What stands in the settings is none.
    #[error("{} is not what hob wrote; remove it, and its defaults hold", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// What was told of a project, in a file that holds texts alone.
    #[error(
        "nothing of {} can be told to resolver and ingress; a folder whose name is UTF-8 is",
        root.display()
    )]
    Telling {
        /// The project's folder.
        root: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// What the ingress would read.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// The certificates.
    #[error(transparent)]
    Authority(#[from] hob_authority::FolderError),
}

impl Home {
    /// The project below a user's data folder (`~/.local/share`, see the XDG
    /// base directory specification).
    #[must_use]
    pub fn below(data: &Path) -> Self {
        Self {
            root: data.join("hob/platform"),
        }
    }

    /// The project's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it was ever written.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.root.join("stacks").is_dir()
    }

    /// The settings, or their defaults.
    ///
    /// # Errors
    /// They cannot be read, or are none.
    pub fn settings(&self) -> Result<Settings, HomeError> {
        let path = self.settings_file();
        match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|source| HomeError::Settings { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(source) => Err(HomeError::File {
                doing: "read",
                path,
                source,
            }),
        }
    }

    /// Writes the project as the settings have it. What is there already in
    /// the same words is not touched.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, locked: &Locked, settings: &Settings) -> Result<Changes, HomeError> {
        self.choose(locked, settings)?;
        let changes = self.changes()?;
        for file in files(settings) {
            keep(&self.root.join(file.path), &file.text)?;
        }
        Ok(changes)
    }

    /// Writes the settings alone: what follows is written with the next change.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn choose(&self, _locked: &Locked, settings: &Settings) -> Result<(), HomeError> {
        let text = serde_json::to_string_pretty(settings).unwrap_or_default();
        keep(&self.settings_file(), &text)
    }

    /// Whether the folder is this user's: root, who changes the machine, may
    /// work in another one's.
    #[must_use]
    pub fn is_of(&self, uid: u32) -> bool {
        let folder = fs::metadata(&self.root);
        folder.is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == uid)
    }

    fn changes(&self) -> Result<Changes, HomeError> {
        self.write_read()?;
        Ok(Changes {
            names: !self.has_begun(Read::Names),
            routes: !self.has_begun(Read::Routes),
        })
    }

    fn settings_file(&self) -> PathBuf {
        self.root.join("settings.json")
    }
}

/// What an announcement changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether the resolver has read another one last: whose domains there
    /// are. Names alone it sees by itself.
    pub names: bool,
    /// Whether the ingress has.
    pub routes: bool,
}

/// Makes a folder that containers read as another user.
fn open(folder: &Path) -> Result<(), HomeError> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let made = fs::create_dir_all(folder).and_then(|()| fs::set_permissions(folder, mode));
    made.map_err(|source| HomeError::File {
        doing: "make",
        path: folder.to_owned(),
        source,
    })
}

fn forget(path: &Path) -> Result<(), HomeError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(HomeError::File {
            doing: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Puts a text into a file at once: whoever reads sees the old one or this.
fn keep(path: &Path, text: &str) -> Result<(), HomeError> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        // Temporary files are closed to others; images are built from these.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        owned_as(folder, file.as_file())?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(|source| HomeError::File {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}

/// Gives a file that root makes in another user's folder to that user.
fn owned_as(folder: &Path, file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (of, own) = (fs::metadata(folder)?, file.metadata()?);
    if own.uid() != 0 || of.uid() == 0 {
        return Ok(());
    }
    fchown(file, Some(of.uid()), Some(of.gid()))
}

#[cfg(test)]
mod tests;

//! [`Place`]: where [`Step`]s are performed. Each is one outside action, whole
//! or not at all, and safe to repeat. It runs no command: who calls it does,
//! where the person sees it and can end it.

#![expect(
    clippy::disallowed_methods,
    reason = "the machine's own files are changed here, after its owner said yes"
)]

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown, symlink};
use std::path::{Path, PathBuf};

use crate::changes::Step;
use crate::entry::{Bytes, Entry, File};

/// Where it is done.
#[derive(Debug, Clone)]
pub struct Place {
    /// `/`, or a folder that stands for it.
    pub root: PathBuf,
    /// The file of the note.
    pub note: PathBuf,
}

/// A step that was not done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It takes another user, root.
    #[error("this user may not change {}", .0.display())]
    Denied(PathBuf),
    /// Anything else.
    #[error("cannot change {}", path.display())]
    Failed {
        /// The path.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// What was noted cannot be read.
    #[error("{} is not what hob wrote", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
}

impl Place {
    /// Performs a step; nothing for a command.
    ///
    /// # Errors
    /// It could not be done.
    pub fn perform(&self, step: &Step) -> Result<(), ApplyError> {
        let below = |path: &Path| below(&self.root, path);
        match step {
            Step::Note(text) => {
                let path = self.note.clone();
                let text = Entry::text(text.as_str());
                at(&path, || {
                    make_folders(&path).and_then(|()| put(&path, &text))
                })
            }
            Step::MakeFolder(path) => at(path, || make(&below(path))),
            Step::Put(path, entry) => at(path, || put(&below(path), entry)),
            Step::RemoveFolder(path) => at(path, || remove_empty(&below(path))),
            Step::Forget => at(&self.note, || remove(&self.note)),
            Step::Run(_) => Ok(()),
        }
    }

    /// What was noted, if anything, as `parse` reads it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn noted<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, serde_json::Error>,
    ) -> Result<Option<T>, ApplyError> {
        let path = self.note.clone();
        match fs::read_to_string(&path) {
            Ok(text) => match parse(&text) {
                Ok(noted) => Ok(Some(noted)),
                Err(source) => Err(ApplyError::Note { path, source }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ApplyError::Failed { path, source }),
        }
    }
}

/// A path of the machine, below a root.
#[must_use]
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// What stands at a path; nothing is followed.
#[must_use]
pub fn entry(path: &Path) -> Entry {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Entry::Absent;
        }
        Err(error) => return Entry::Other(error.to_string()),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return match fs::read_link(path) {
            Ok(target) => Entry::Link(target),
            Err(error) => Entry::Other(error.to_string()),
        };
    }
    if !kind.is_file() {
        let what = if kind.is_dir() { "a folder" } else { "no file" };
        return Entry::Other(what.to_owned());
    }
    match fs::read(path) {
        Ok(bytes) => Entry::File(File {
            bytes: Bytes(bytes),
            mode: metadata.permissions().mode() & 0o7777,
            owner: Some((metadata.uid(), metadata.gid())),
        }),
        Err(error) => Entry::Other(error.to_string()),
    }
}

fn at(path: &Path, act: impl FnOnce() -> io::Result<()>) -> Result<(), ApplyError> {
    act().map_err(|source| match source.kind() {
        ErrorKind::PermissionDenied => ApplyError::Denied(path.to_owned()),
        _ => ApplyError::Failed {
            path: path.to_owned(),
            source,
        },
    })
}

fn make_folders(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)
}

/// A folder as the system's are, whatever this user's mask is.
fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts it there at once: whoever reads sees what was there or this. It is
/// made beside, under a name that follows from its own: what a kill left of an
/// earlier try is found and goes first.
fn put(path: &Path, entry: &Entry) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::other("this is no file's path"));
    };
    let beside = folder.join(format!(".hob-{}", name.to_string_lossy()));
    remove(&beside)?;
    if self::entry(path) == *entry {
        return Ok(());
    }
    match entry {
        Entry::Absent => return remove(path),
        Entry::File(file) => write(&beside, file)?,
        Entry::Link(target) => symlink(target, &beside)?,
        Entry::Other(what) => {
            return Err(io::Error::other(format!("{what} cannot be put back")));
        }
    }
    fs::rename(&beside, path)?;
    sync(folder)
}

fn write(path: &Path, file: &File) -> io::Result<()> {
    let mut written = fs::File::create_new(path)?;
    written.write_all(&file.bytes.0)?;
    let made = written.metadata()?;
    if let Some((user, group)) = file.owner
        && (made.uid(), made.gid()) != (user, group)
    {
        fchown(&written, Some(user), Some(group))?;
    }
    // After the owner, whose change takes bits away; see chown(2).
    written.set_permissions(fs::Permissions::from_mode(file.mode))?;
    written.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        done => done.and_then(|()| path.parent().map_or(Ok(()), sync)),
    }
}

/// What somebody has put something into meanwhile stays.
fn remove_empty(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// What was renamed is to be there after a power cut, too.
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

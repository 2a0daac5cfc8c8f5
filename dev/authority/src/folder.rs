//! [`Folder`]: the authority's files, and the certificates that are served.

#![expect(
    clippy::disallowed_methods,
    reason = "the authority's files are kept here, and nobody else's"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::authority::{About, Authority, AuthorityError, is_late};

/// The authority's own folder, which only its user enters, and the one that is
/// handed to the ingress.
#[derive(Debug, Clone)]
pub struct Folder {
    own: PathBuf,
    served: PathBuf,
}

/// Why a file is not as it is to be.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// `read`, `write`, `remove`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// What stands there is none of hob's.
    #[error("{} is not what hob wrote", .0.display())]
    Strange(PathBuf),
    /// Something cannot be signed.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// What is noted of a stack's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    authority: String,
    names: BTreeSet<String>,
    until: u64,
    file: String,
}

impl Folder {
    /// At these places, whether there is anything or not.
    #[must_use]
    pub fn new(own: PathBuf, served: PathBuf) -> Self {
        Self { own, served }
    }

    /// The authority's certificate, which anybody may see.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.own.join("ca.pem")
    }

    /// What is noted of its being trusted.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.own.join("trusted.json")
    }

    fn key(&self) -> PathBuf {
        self.own.join("ca.key")
    }

    fn about_file(&self) -> PathBuf {
        self.own.join("about.json")
    }

    fn notes(&self) -> PathBuf {
        self.own.join("served.json")
    }

    /// What the authority says of itself; none while there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn about(&self) -> Result<Option<About>, FolderError> {
        let path = self.about_file();
        let Some(text) = read(&path)? else {
            return Ok(None);
        };
        let about = serde_json::from_str(&text);
        about.map(Some).map_err(|_| FolderError::Strange(path))
    }

    /// The authority; none while nobody has asked for one.
    ///
    /// # Errors
    /// Its files cannot be read, or are none.
    pub fn authority(&self) -> Result<Option<Authority>, FolderError> {
        let Some(about) = self.about()? else {
            return Ok(None);
        };
        let key = self.key();
        let Some(text) = read(&key)? else {
            return Err(FolderError::Strange(key));
        };
        // What the library says of a key may hold parts of it.
        let authority = Authority::of(about, &text);
        authority.map(Some).map_err(|_| FolderError::Strange(key))
    }

    /// Makes a new one, in place of what is there.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn make(
        &self,
        domains: BTreeSet<String>,
        now: SystemTime,
    ) -> Result<Authority, FolderError> {
        let (authority, certificate, key) = Authority::make(domains, now)?;
        make_closed(&self.own)?;
        // It is one when it says so.
        remove(&self.about_file())?;
        put(&self.key(), &key, 0o600)?;
        put(&self.certificate(), &certificate, 0o644)?;
        let about = serde_json::to_string_pretty(authority.about()).unwrap_or_default();
        put(&self.about_file(), &about, 0o600)?;
        Ok(authority)
    }

    /// Fills the folder that is handed on.
    ///
    /// Each stack has a certificate for those of its names that the authority
    /// may sign, in a file of another name whenever it is another one: so who
    /// compares names has compared contents. One that holds is kept. Returns
    /// the file of each stack; none without an authority.
    ///
    /// # Errors
    /// A file cannot be read or written, or nothing be signed.
    pub fn serve(
        &self,
        authority: Option<&Authority>,
        stacks: &BTreeMap<String, BTreeSet<String>>,
        now: SystemTime,
    ) -> Result<BTreeMap<String, String>, FolderError> {
        make_closed(&self.served)?;
        let before: BTreeMap<String, Noted> = match read(&self.notes())? {
            // It only says what is to be made anew.
            Some(text) => serde_json::from_str(&text).unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let mut after = BTreeMap::new();
        if let Some(authority) = authority {
            for (stack, names) in stacks {
                let about = authority.about();
                let names: BTreeSet<String> = names
                    .iter()
                    .filter(|it| about.permits(it))
                    .cloned()
                    .collect();
                if names.is_empty() {
                    continue;
                }
                let held = before.get(stack).filter(|it| {
                    (&it.authority, &it.names) == (&about.name, &names)
                        && !is_late(it.until, now)
                        && self.served.join(&it.file).is_file()
                });
                let noted = match held {
                    Some(noted) => noted.clone(),
                    None => self.issue(authority, stack, names, now)?,
                };
                after.insert(stack.clone(), noted);
            }
        }
        if after != before {
            let text = serde_json::to_string_pretty(&after).unwrap_or_default();
            make_closed(&self.own)?;
            put(&self.notes(), &text, 0o600)?;
        }
        Ok(after
            .into_iter()
            .map(|(stack, it)| (stack, it.file))
            .collect())
    }

    fn issue(
        &self,
        authority: &Authority,
        stack: &str,
        names: BTreeSet<String>,
        now: SystemTime,
    ) -> Result<Noted, FolderError> {
        let leaf = authority.issue(stack, &names, now)?;
        // Characters that say nothing to whoever reads its name.
        let digest = blake3::hash(leaf.pem.as_bytes()).to_hex();
        let file = format!("{stack}-{}.pem", &digest[..12]);
        put(&self.served.join(&file), &leaf.pem, 0o600)?;
        Ok(Noted {
            authority: authority.about().name.clone(),
            names,
            until: leaf.until,
            file,
        })
    }

    /// Removes from it what is not served any more: nobody is to be told of it
    /// by then.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn clear(&self, files: &BTreeMap<String, String>) -> Result<(), FolderError> {
        let entries = fs::read_dir(&self.served);
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !files.values().any(|file| name.to_str() == Some(file)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::File {
        doing,
        path,
        source,
    }
}

fn read(path: &Path) -> Result<Option<String>, FolderError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(at("remove", path)),
    }
}

/// A folder that only its user enters.
fn make_closed(path: &Path) -> Result<(), FolderError> {
    let mode = fs::Permissions::from_mode(0o700);
    let made = fs::create_dir_all(path).and_then(|()| fs::set_permissions(path, mode));
    made.map_err(at("make", path))
}

/// Puts a text into a file at once, which is never more open than it is to be.
fn put(path: &Path, text: &str, mode: u32) -> Result<(), FolderError> {
    let folder = path.parent().unwrap_or(path);
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        let mode = fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(mode)?;
        file.persist(path)?;
        Ok(())
    });
    written.map_err(at("write", path))
}

//! [`Home`]: the folder of the project, and its settings.

#![expect(
    clippy::disallowed_methods,
    reason = "the project's files are written here, before anything is planned"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

mod closed;
mod https;
mod locks;
mod pushes;
mod read;

pub use locks::Locked;
pub use pushes::{Named, PushNote};
pub use read::Read;

use crate::announced::Announced;
use crate::files::files;
use crate::routes::RoutesError;
use crate::settings::Settings;

/// What projects told, below the folder.
const ANNOUNCED: &str = "announced";

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

    /// Takes in what a project, by its id, tells of its services on an engine
    /// now; what follows for resolver and ingress is written, and nothing that
    /// is the same. Whoever does not know the domains, or a stack's files, says
    /// none: what is known stays.
    ///
    /// # Errors
    /// A file cannot be read or written, or the project's path is no text.
    pub fn announce(
        &self,
        _locked: &Locked,
        (project, engine): (&str, &str),
        announced: &Announced,
    ) -> Result<Changes, HomeError> {
        let name = format!("{project}-{engine}");
        let told = self.announced_file(&name);
        let announced = self.taken_in(&name, announced);
        if announced.services.is_empty() {
            self.forget(&name)?;
        } else {
            let text = serde_json::to_string_pretty(&announced);
            let text = text.map_err(|source| HomeError::Telling {
                root: announced.root,
                source,
            })?;
            keep(&told, &text)?;
        }
        self.changes()
    }

    /// What all projects will have told once this one has.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn announced_with(
        &self,
        (project, engine): (&str, &str),
        announced: &Announced,
    ) -> Result<Vec<Announced>, HomeError> {
        let name = format!("{project}-{engine}");
        let others = self.names_told().into_iter().filter(|it| *it != name);
        let mut all = self.announced_by(others)?;
        all.push(self.taken_in(&name, announced));
        all.sort_by_key(|it| it.turn);
        Ok(all)
    }

    /// What one tells, with what is known of it from before.
    fn taken_in(&self, name: &str, announced: &Announced) -> Announced {
        let known = self.told(name).unwrap_or_default();
        let mut announced = announced.clone().or_as(known);
        announced.turn = self.turn_of(name);
        announced
    }

    /// Who has told anything up to now. Looked at before it is found out which
    /// projects there are: whoever tells for the first time meanwhile is none
    /// of those that were found, and there all the same.
    #[must_use]
    pub fn tellers(&self) -> Tellers {
        Tellers(self.names_told())
    }

    /// Forgets those of the tellers that are none of these projects, by their
    /// ids: what is left of them was told by somebody who was killed.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn forget_all_but(
        &self,
        _locked: &Locked,
        tellers: &Tellers,
        projects: &BTreeSet<String>,
    ) -> Result<Changes, HomeError> {
        for name in &tellers.0 {
            if !projects.contains(project_of(name)) {
                self.forget(name)?;
            }
        }
        self.changes()
    }

    fn forget(&self, name: &str) -> Result<(), HomeError> {
        forget(&self.announced_file(name))?;
        forget(&self.hosts_file(name))
    }

    fn changes(&self) -> Result<Changes, HomeError> {
        self.write_read()?;
        Ok(Changes {
            names: !self.has_begun(Read::Names),
            routes: !self.has_begun(Read::Routes),
        })
    }

    /// The turn of one that tells: the one that it had, or the last.
    fn turn_of(&self, name: &str) -> u64 {
        let turn = |name: &String| Some(self.told(name)?.turn);
        let last = || self.names_told().iter().filter_map(turn).max();
        let own = self.told(name).map(|it| it.turn);
        own.unwrap_or_else(|| last().map_or(0, |last| last.saturating_add(1)))
    }

    /// What all projects have told, those that came first in front.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn announced(&self) -> Result<Vec<Announced>, HomeError> {
        let mut all = self.announced_by(self.names_told())?;
        all.sort_by_key(|it| it.turn);
        Ok(all)
    }

    fn announced_by(
        &self,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Announced>, HomeError> {
        let mut all = Vec::new();
        for name in names {
            let path = self.announced_file(&name);
            match fs::read(&path) {
                // Half a file is nobody's: they are put in place whole.
                Ok(text) => all.extend(hobs(&text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    let doing = "read";
                    return Err(HomeError::File {
                        doing,
                        path,
                        source,
                    });
                }
            }
        }
        Ok(all)
    }

    /// `ID-ENGINE` of all that was told, in order. What somebody who was killed
    /// had only begun to write is none.
    fn names_told(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(ANNOUNCED));
        let entries = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.strip_suffix(".json")?.to_owned())
            })
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    fn announced_file(&self, name: &str) -> PathBuf {
        self.root.join(ANNOUNCED).join(format!("{name}.json"))
    }

    /// What one of them told. Half a file, or one of another version, is
    /// nobody's: they are put in place whole, and told again.
    fn told(&self, name: &str) -> Option<Announced> {
        let text = fs::read(self.announced_file(name)).ok()?;
        hobs(&text)
    }

    fn settings_file(&self) -> PathBuf {
        self.root.join("settings.json")
    }
}

/// What was told, where hob wrote it: nothing of what another one wrote is led
/// to.
fn hobs(text: &[u8]) -> Option<Announced> {
    let announced: Announced = serde_json::from_slice(text).ok()?;
    let mut services = announced.services.iter();
    (announced.is_hobs() && services.all(|it| is_here(it.addr.ip()))).then_some(announced)
}

/// Whether an address may be this machine's. One of a private network stays its
/// own while that is away; of others it must be one now.
fn is_here(ip: IpAddr) -> bool {
    let is_near = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    // Nothing is sent.
    is_near || UdpSocket::bind((ip, 0)).is_ok()
}

/// Who had told anything at one time: projects, each on an engine.
#[derive(Debug, Clone)]
pub struct Tellers(Vec<String>);

impl Tellers {
    /// The projects, by their ids.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| project_of(name))
    }
}

/// The project of an `ID-ENGINE`.
fn project_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
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

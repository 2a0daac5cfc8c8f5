//! [`Home`]: the folder of the project, and its settings.

#![expect(
    clippy::disallowed_methods,
    reason = "the project's files are written here, before anything is planned"
)]

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::announced::Announced;
use crate::files::files;
use crate::names::{dnsmasq_conf, hosts};
use crate::settings::Settings;

/// What projects told, below the folder.
const ANNOUNCED: &str = "announced";
/// What the resolver reads, below the folder.
const NAMES: &str = "stacks/hob/names";

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
    pub fn write(&self, settings: &Settings) -> Result<(), HomeError> {
        let text = serde_json::to_string_pretty(settings).unwrap_or_default();
        keep(&self.settings_file(), &text)?;
        self.write_names()?;
        for file in files(settings) {
            keep(&self.root.join(file.path), &file.text)?;
        }
        Ok(())
    }

    /// Takes in what a project, by its id, tells of its services now; what
    /// follows for the resolver is written, and nothing that is the same.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn announce(&self, project: &str, announced: &Announced) -> Result<Changes, HomeError> {
        let folder = self.root.join(ANNOUNCED);
        let (told, names) = (
            folder.join(format!("{project}.json")),
            self.hosts_file(project),
        );
        let before = fs::read(&told).ok();
        if announced.services.is_empty() {
            for file in [&told, &names] {
                forget(file)?;
            }
        } else {
            let text = serde_json::to_string_pretty(announced).unwrap_or_default();
            keep(&told, &text)?;
            keep(&names, &hosts(announced))?;
        }
        Ok(Changes {
            names: self.write_names()?,
            services: before != fs::read(&told).ok(),
        })
    }

    /// What all projects have told.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn announced(&self) -> Result<Vec<Announced>, HomeError> {
        let mut all = Vec::new();
        let folder = self.root.join(ANNOUNCED);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            match fs::read(&path) {
                // Half a file is nobody's: they are put in place whole.
                Ok(text) => all.extend(serde_json::from_slice::<Announced>(&text).ok()),
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

    /// Writes the resolver's configuration. True when it is another one.
    fn write_names(&self) -> Result<bool, HomeError> {
        let hosts = self.root.join(NAMES).join("hosts");
        let made = fs::create_dir_all(&hosts);
        made.map_err(|source| HomeError::File {
            doing: "make",
            path: hosts,
            source,
        })?;
        let conf = self.root.join(NAMES).join("dnsmasq.conf");
        let sent = self.settings()?.domains;
        keep(&conf, &dnsmasq_conf(&self.announced()?, &sent))
    }

    fn hosts_file(&self, project: &str) -> PathBuf {
        self.root.join(NAMES).join("hosts").join(project)
    }

    fn settings_file(&self) -> PathBuf {
        self.root.join("settings.json")
    }
}

/// What an announcement changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// The resolver's configuration, which it reads at its start alone.
    pub names: bool,
    /// Which services are up, or where.
    pub services: bool,
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
/// True when it was another one.
fn keep(path: &Path, text: &str) -> Result<bool, HomeError> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        // Temporary files are closed to others; images are built from these.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.persist(path)?;
        Ok(())
    });
    let written = written.map(|()| true);
    written.map_err(|source| HomeError::File {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}

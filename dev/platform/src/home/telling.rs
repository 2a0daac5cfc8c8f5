//! What projects tell of theirs, each in a file of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;

use super::{Changes, Home, HomeError, Locked, forget, keep};
use crate::announced::Announced;
use crate::twice::Told;

/// What projects told, below the folder.
pub(super) const ANNOUNCED: &str = "announced";

impl Home {
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
    pub(super) fn taken_in(&self, name: &str, announced: &Announced) -> Announced {
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

    pub(super) fn forget(&self, name: &str) -> Result<(), HomeError> {
        forget(&self.announced_file(name))?;
        forget(&self.hosts_file(name))
    }

    /// The turn of one that tells: the one that it had, or the last.
    pub(super) fn turn_of(&self, name: &str) -> u64 {
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

    /// The same with who told it. What is no hob's is nobody's.
    #[must_use]
    pub fn told_by(&self) -> Vec<Told> {
        let told = self.names_told().into_iter().filter_map(|name| {
            let (project, engine) = name.split_once('-')?;
            Some(Told {
                project: project.to_owned(),
                engine: engine.to_owned(),
                announced: self.told(&name)?,
            })
        });
        let mut all: Vec<Told> = told.collect();
        all.sort_by_key(|it| it.announced.turn);
        all
    }

    pub(super) fn announced_by(
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
    pub(super) fn names_told(&self) -> Vec<String> {
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

    pub(super) fn announced_file(&self, name: &str) -> PathBuf {
        self.root.join(ANNOUNCED).join(format!("{name}.json"))
    }

    /// What one of them told. Half a file, or one of another version, is
    /// nobody's: they are put in place whole, and told again.
    pub(super) fn told(&self, name: &str) -> Option<Announced> {
        let text = fs::read(self.announced_file(name)).ok()?;
        hobs(&text)
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

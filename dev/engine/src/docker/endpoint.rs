//! Which Docker engine is meant: the environment, `hob.toml`, Docker's own
//! contexts, or the socket that engines have by default.
//!
//! Decides and speaks to nothing; what is on disk is asked of [`Look`]. Start
//! with [`resolve`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hob_stack::{DockerEndpoint, DockerEndpointError};

/// Where an engine's socket is on every Linux.
pub const SOCKET: &str = "/var/run/docker.sock";

/// An engine to speak to, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Where it is.
    pub endpoint: DockerEndpoint,
    /// What named it, in words: `DOCKER_HOST`, `the context "desktop"`.
    pub whence: String,
}

/// Why no engine is spoken to, though one is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// In one line, what named it included.
    pub reason: String,
    /// What to do about it; what to type stands in backticks.
    pub hints: Vec<String>,
}

/// What is on disk.
pub trait Look {
    /// A file's text; none when it cannot be read.
    fn read(&self, path: &Path) -> Option<String>;
    /// What a folder holds; nothing when it cannot be read.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
    /// Whether anything is there.
    fn is_there(&self, path: &Path) -> bool;
}

/// This machine's disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Look for Disk {
    fn read(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    fn is_there(&self, path: &Path) -> bool {
        path.exists()
    }
}

/// The engine that is meant. The first of these that says anything:
/// `DOCKER_HOST`, `DOCKER_CONTEXT`, `docker` of `hob.toml` (`configured`), the
/// current context of Docker's settings, and the first of the usual sockets
/// that is there, [`SOCKET`] if none is. Where one of the first two names an
/// engine that hob cannot speak to, `configured` is what hob goes by instead.
///
/// # Errors
/// What is named is behind SSH or TLS, or is no address, or is a context that
/// is not there.
pub fn resolve(
    environment: &BTreeMap<String, String>,
    configured: Option<&DockerEndpoint>,
    look: &impl Look,
) -> Result<Resolved, Refusal> {
    let places = Places {
        environment,
        look,
        settings: settings(environment),
    };
    let configured = configured.map(|endpoint| Resolved {
        endpoint: endpoint.clone(),
        whence: "`docker` of hob.toml".to_owned(),
    });
    match (places.named(), configured) {
        (Some(Ok(named)), _) => Ok(named),
        (_, Some(configured)) => Ok(configured),
        (Some(Err(refusal)), None) => Err(refusal),
        (None, None) => places.current().unwrap_or_else(|| Ok(places.usual())),
    }
}

struct Places<'a, L> {
    environment: &'a BTreeMap<String, String>,
    look: &'a L,
    /// The folder of Docker's settings.
    settings: Option<PathBuf>,
}

impl<L: Look> Places<'_, L> {
    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// What the environment names.
    fn named(&self) -> Option<Result<Resolved, Refusal>> {
        if let Some(host) = self.variable("DOCKER_HOST") {
            return Some(self.endpoint(host, "`DOCKER_HOST`".to_owned()));
        }
        let context = self.variable("DOCKER_CONTEXT")?;
        let named = self.context(context, "`DOCKER_CONTEXT`");
        // The context that stands for none still hides Docker's settings.
        Some(named.unwrap_or_else(|| Ok(self.usual())))
    }

    /// What Docker's settings name.
    fn current(&self) -> Option<Result<Resolved, Refusal>> {
        let file = self.settings.as_ref()?.join("config.json");
        let text = self.look.read(&file)?;
        let shown = format!("`{}`", file.display());
        let Ok(settings) = serde_json::from_str::<serde_json::Value>(&text) else {
            return Some(Err(Refusal {
                reason: format!("{shown} is not JSON"),
                hints: vec!["mend it, or name the engine: `docker = \"…\"` in hob.toml".to_owned()],
            }));
        };
        let context = settings.get("currentContext")?.as_str()?;
        self.context(context, &shown)
    }

    /// The endpoint of a context; none for the one that stands for none.
    fn context(&self, name: &str, whence: &str) -> Option<Result<Resolved, Refusal>> {
        if name.is_empty() || name == "default" {
            return None;
        }
        // Its folder is named by a hash; the file inside says whose it is.
        let folder = self.settings.as_ref()?.join("contexts/meta");
        let mut metas = self.look.list(&folder).into_iter().filter_map(|folder| {
            let text = self.look.read(&folder.join("meta.json"))?;
            let meta = serde_json::from_str::<serde_json::Value>(&text).ok()?;
            Some((folder, meta))
        });
        let meta =
            metas.find(|(_, meta)| meta.get("Name").and_then(|it| it.as_str()) == Some(name));
        // Its keys are in a folder of the same name.
        let keys = meta.as_ref().and_then(|(folder, _)| {
            let tls = self.settings.as_ref()?.join("contexts/tls");
            let keys = self.look.list(&tls.join(folder.file_name()?));
            Some(!keys.is_empty())
        });
        let meta = meta.map(|(_, meta)| meta);
        let host = meta.as_ref().and_then(|meta| {
            let host = meta.pointer("/Endpoints/docker/Host")?.as_str()?;
            (!host.is_empty()).then_some(host)
        });
        Some(match host {
            Some(host) => {
                let whence = format!("the context `{name}` of {whence}");
                match keys {
                    Some(true) => refused(&DockerEndpointError::Tls(host.to_owned()), &whence),
                    _ => self.endpoint(host, whence),
                }
            }
            None => Err(Refusal {
                reason: format!("{whence} names the context `{name}`, which is not there"),
                hints: vec![
                    "`docker context ls` lists those that are there".to_owned(),
                    "or name the engine: `docker = \"unix:///var/run/docker.sock\"` in hob.toml"
                        .to_owned(),
                ],
            }),
        })
    }

    fn endpoint(&self, text: &str, whence: String) -> Result<Resolved, Refusal> {
        let parsed = match text.parse() {
            // What Docker's own client is told by, whatever the port.
            Ok(DockerEndpoint::Tcp(_)) if self.variable("DOCKER_TLS_VERIFY").is_some() => {
                Err(DockerEndpointError::Tls(text.to_owned()))
            }
            parsed => parsed,
        };
        match parsed {
            Ok(endpoint) => Ok(Resolved { endpoint, whence }),
            Err(error) => refused(&error, &whence),
        }
    }

    /// The first of the usual sockets that is there.
    fn usual(&self) -> Resolved {
        let below = |variable: &str, path: &str| {
            let folder = Path::new(self.variable(variable)?);
            folder.is_absolute().then(|| folder.join(path))
        };
        let rootless = below("XDG_RUNTIME_DIR", "docker.sock");
        let desktop = below("HOME", ".docker/run/docker.sock");
        let standard = PathBuf::from(SOCKET);
        let mut all = std::iter::once(standard.clone())
            .chain(rootless)
            .chain(desktop);
        let found = all.find(|path| self.look.is_there(path));
        Resolved {
            endpoint: DockerEndpoint::Unix(found.unwrap_or(standard)),
            whence: "the usual socket".to_owned(),
        }
    }
}

/// The folder of Docker's settings.
fn settings(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    match set("DOCKER_CONFIG") {
        Some(folder) => Some(folder.into()),
        None => Some(Path::new(set("HOME")?).join(".docker")),
    }
}

fn refused(error: &DockerEndpointError, whence: &str) -> Result<Resolved, Refusal> {
    Err(Refusal {
        reason: format!("{whence}: {error}"),
        hints: vec![
            error.hint(),
            "or name the engine for hob alone: `docker = \"…\"` in hob.toml".to_owned(),
        ],
    })
}

impl From<Refusal> for crate::Failure {
    fn from(refusal: Refusal) -> Self {
        let mut failure = Self::operation(refusal.reason);
        failure.hints = refusal.hints;
        failure
    }
}

#[cfg(test)]
mod tests;

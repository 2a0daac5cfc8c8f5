//! What the lowering has to know beside resources: ports, programs, what
//! images would be built from. Looks and changes nothing.
//! Start with [`DockerEngine::facts`].

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::PoisonError;
use std::time::UNIX_EPOCH;

use hob_stack::{AgentProgram, AgentsOver, DockerEndpoint, Project, ServiceId};
use hob_wire::{Mode, SecretSource};
use tokio::task::JoinSet;

use super::agents::{self, Platform};
use super::facts::{Build, Unbuildable};
use super::found::{Candidate, Found};
use super::lower::recipes;
use super::program::Layout;
use super::{DockerEngine, DockerFacts, program};
use crate::lowering::{Asked, in_mode, secret_variables};
use crate::machine::ports::Listeners;
use crate::machine::{port_choice, source};
use crate::want::Want;
use crate::world::Failure;

impl DockerEngine {
    /// All that is asked about in `want`.
    pub(super) async fn facts(
        &self,
        project: &Project,
        want: &Want,
        found: &Found,
        candidates: &[Candidate],
    ) -> Result<DockerFacts, Failure> {
        let listeners = Listeners::read();
        let published: BTreeSet<u16> = found
            .containers
            .iter()
            .flat_map(|it| it.ports.iter().flatten())
            .filter_map(|port| port.public_port)
            .collect();
        let had = candidates.iter().filter_map(|candidate| {
            let status = candidate
                .answer
                .status_of(&self.setup.project, &candidate.service())?;
            let port = status.listen?.addr.port();
            Some((candidate.service().parse().ok()?, port))
        });
        let had: BTreeMap<ServiceId, u16> = had.collect();
        let used = |port| listeners.uses(port) || published.contains(&port);
        // There the caller is root inside of containers, and no other number
        // inside is the caller.
        let rootless = self.is_rootless().await?;
        let (user, own) = match rootless {
            true => ((0, 0), (0, 0)),
            false => (
                caller(&self.setup.environment, self.setup.uid, self.gid),
                (self.setup.uid, self.gid),
            ),
        };
        let mut facts = DockerFacts {
            ports: port_choice::ports(project, want.port_offset, &had, used),
            images: self.images_in(found),
            user,
            own,
            rootless,
            builds: builds(want).await,
            program: Some(self.program(project).await?),
            over_tcp: self.over_tcp(project).await?,
            ..DockerFacts::default()
        };
        for asked in Asked::all(want) {
            let folder = self.secret_folder(&super::container(asked.names().0, asked.names().1));
            let unset: BTreeSet<String> = secret_variables(asked.service)
                .filter(|name| !self.setup.environment.contains_key(*name))
                .filter(|name| !folder.join(name).is_file())
                .map(str::to_owned)
                .collect();
            if !unset.is_empty() {
                facts.unset.insert(asked.service.id.clone(), unset);
            }
            for bind in asked.service.mounts.values() {
                let which = which_folder(&bind.from);
                facts
                    .mounted
                    .extend(which.map(|it| (bind.from.clone(), it)));
            }
            for secret in asked.service.secrets.values() {
                if let SecretSource::File(file) = secret {
                    let places = [Some(file.as_path()), file.parent()];
                    let there = places.into_iter().flatten().filter(|path| path.exists());
                    facts.there.extend(there.map(ToOwned::to_owned));
                }
            }
        }
        if want.mode == Mode::Run {
            facts.sources = self.mounted_sources(project, want).await;
        }
        Ok(facts)
    }

    /// The digests of the sources that are mounted in mode `run`: those of
    /// services without a production image.
    async fn mounted_sources(
        &self,
        project: &Project,
        want: &Want,
    ) -> BTreeMap<ServiceId, Result<String, String>> {
        let mut mounted = want.clone();
        mounted.services.retain(|id| {
            let service = project.service(id);
            service.is_some_and(|it| in_mode(it, want.mode).image.is_none())
        });
        source::digests(project, &mounted).await
    }

    /// The program of agents: hob's own where it can run, else one that the
    /// engine builds.
    async fn program(&self, project: &Project) -> Result<Result<Layout, Unbuildable>, Failure> {
        let platform = self.platform().await?;
        if project.config.agent != Some(AgentProgram::Built) && platform == Platform::own() {
            return Ok(program::find(&self.setup.paths, &self.setup.executable));
        }
        let (setup, project) = (self.setup.clone(), project.clone());
        let find = move || agents::find(&setup, &project, &platform);
        let found = tokio::task::spawn_blocking(find).await;
        let found = found.map_err(|error| {
            Failure::operation(format!("reading hob's sources stopped: {error}"))
        })?;
        let key = found.as_ref().ok().map(|it| it.key.clone());
        *self.built.lock().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(found)
    }

    /// Whether the engine runs as the caller and not as root: it says so, and is
    /// asked only where the caller listens on its socket (see unix(7),
    /// `SO_PEERCRED`), since engines start other programs for that answer.
    async fn is_rootless(&self) -> Result<bool, Failure> {
        let DockerEndpoint::Unix(path) = &self.client.resolved.endpoint else {
            return Ok(false);
        };
        let stream = tokio::net::UnixStream::connect(path).await;
        let listener = stream.and_then(|stream| stream.peer_cred());
        let own = self.setup.uid;
        if own == 0 || listener.map_or(true, |listener| listener.uid() != own) {
            return Ok(false);
        }
        let info = self.client.api().await?.info().await;
        let info = info.map_err(|error| self.client.failure("say how it runs", error))?;
        let options = info.security_options.unwrap_or_default();
        Ok(options.iter().any(|it| it.contains("name=rootless")))
    }

    /// Whether agents are spoken to over a port: it was asked for, or the
    /// engine runs in a machine of its own, where a socket in a mounted folder
    /// leads nowhere.
    async fn over_tcp(&self, project: &Project) -> Result<bool, Failure> {
        if let Some(over) = project.config.agents_over {
            return Ok(over == AgentsOver::Tcp);
        }
        let platform = self.client.version().await?.platform.as_ref();
        Ok(platform.is_some_and(|it| it.name.contains("Docker Desktop")))
    }
}

/// The user and group of whoever called: also behind sudo, which says so to
/// root alone (see sudo(8)).
fn caller(environment: &BTreeMap<String, String>, uid: u32, gid: u32) -> (u32, u32) {
    let number = |name: &str| environment.get(name)?.parse().ok();
    match (uid, number("SUDO_UID"), number("SUDO_GID")) {
        (0, Some(uid), Some(gid)) => (uid, gid),
        _ => (uid, gid),
    }
}

/// What each image of `want` would be built from. Services that share a recipe
/// have it read once.
async fn builds(want: &Want) -> BTreeMap<ServiceId, Result<Build, Unbuildable>> {
    let mut reading = JoinSet::new();
    for (id, recipe) in recipes(want) {
        let id = id.clone();
        reading.spawn_blocking(move || (id, build(&recipe)));
    }
    reading.join_all().await.into_iter().collect()
}

fn build(recipe: &hob_builder::Recipe) -> Result<Build, Unbuildable> {
    let read = hob_builder::inputs(recipe).and_then(|inputs| {
        Ok(Build {
            digest: inputs.digest,
            froms: hob_builder::froms(recipe)?,
        })
    });
    read.map_err(|error| Unbuildable {
        is_recipe: error.kind == hob_builder::Kind::Recipe,
        reason: match error.line {
            Some(line) => format!("{} ({}:{line})", error.message, error.dockerfile.display()),
            None => error.message,
        },
        hints: error.hints,
    })
}

/// Which folder is at a path: file systems give the number of one that is gone
/// to the next, so its birth counts, too.
fn which_folder(path: &Path) -> Option<String> {
    let there = std::fs::metadata(path).ok()?;
    let born = there.created().ok();
    let born = born.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    let born = born.map_or(0, |it| it.as_nanos());
    Some(format!("{}:{}:{born}", there.dev(), there.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_who_called_sudo() {
        let check = |sudo: &[(&str, &str)], uid, expected| {
            let pairs = sudo.iter();
            let environment = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            assert_eq!(caller(&environment.collect(), uid, 7), expected, "{sudo:?}");
        };
        let sudo = [("SUDO_UID", "1000"), ("SUDO_GID", "100")];
        check(&sudo, 0, (1000, 100));
        check(&[], 0, (0, 7));
        check(&[("SUDO_UID", "me"), ("SUDO_GID", "100")], 0, (0, 7));
        // Left over in a shell that sudo opened for somebody else.
        check(&sudo, 1001, (1001, 7));
    }
}

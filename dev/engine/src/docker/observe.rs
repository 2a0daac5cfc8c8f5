//! What is there of a project in the engine, as resources. Changes nothing.
//! `found.rs` asks the engine and the agents, `gather.rs` looks at the rest of
//! this machine. Start with [`DockerEngine::look`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use bollard::models::ContainerSummaryStateEnum as State;
use hob_wire::Mode;

use super::found::{Candidate, Found};
use super::lower::{CALLERS, SECRET_FOLDER, TRAIT_SECRETS};
use super::{
    BASE, CACHE, DockerEngine, DockerFacts, DockerSpec, NETWORK, VOLUME, container, folder, labels,
    network,
};
use crate::agent::answer::Answer;
use crate::agent::found as agent_found;
use crate::lowering::secret_variables;
use crate::paths::entries;
use crate::resource::{Health, Level, Observed, ObservedResource, ResourceId, StepLimits};
use crate::sessions::{MaybeIn, in_sessions};
use crate::want::Want;
use crate::world::Failure;

impl DockerEngine {
    pub(super) async fn look(&self, want: &Want) -> Result<Observed<DockerFacts>, Failure> {
        let look = async {
            let found = self.survey().await?;
            let candidates = self.candidates(&found).await;
            Ok::<_, Failure>((found, candidates))
        };
        // The facts need it. Who asks there gets the error, too.
        let version = async {
            if want.project.is_some() {
                let _ = self.client.version().await;
            }
        };
        let (looked, ()) = tokio::join!(look, version);
        let (found, candidates) = looked?;
        self.remember_programs(&found);
        let mut resources = self.kept_things(&found);
        for (id, resource) in self.folders() {
            resources.insert(id, resource);
        }
        for candidate in &candidates {
            let resource = self.container_resource(candidate, &found, want);
            resources.insert(candidate.resource.clone(), resource);
        }
        let mut observed = Observed {
            resources,
            held: BTreeMap::new(),
            facts: DockerFacts::default(),
        };
        if let Some(project) = want.project.as_deref() {
            observed.facts = self.facts(project, want, &found, &candidates).await?;
            observed.held = self.held(project, want, &observed, &found, &candidates);
            for there in self.present(want, &observed.facts).await? {
                observed
                    .resources
                    .insert(there, ObservedResource::at(Level::Created));
            }
        }
        let wanted = observed.facts.program.iter().flatten();
        let wanted: Vec<&str> = wanted.map(|it| it.key.as_str()).collect();
        for taker in self.takers(&found) {
            if !wanted.contains(&taker.name.as_str()) {
                let taker_is_there = ObservedResource::at(Level::Created);
                observed.resources.insert(taker, taker_is_there);
            }
        }
        // A container that went while a session has its service is one that
        // does not answer.
        let services = want.services.iter().map(|id| {
            let agent = container(id.stack.as_str(), id.service.as_str());
            let there = candidates.iter().find(|it| it.resource == agent);
            // The engine starts a container again by itself, before the session
            // that has it comes back.
            let may_be = |it: &Candidate| match &it.answer {
                Answer::Nobody => true,
                Answer::Status(status) => status.mode == Mode::Dev && status.session.is_none(),
                Answer::Version(_) | Answer::Useless(_) => false,
            };
            MaybeIn {
                silent: there.is_some_and(may_be),
                agent,
            }
        });
        let services = services.collect();
        in_sessions(&self.setup.paths.runtime, want, services, &mut observed).await;
        Ok(observed)
    }

    /// Networks, volumes, caches and images of the project.
    fn kept_things(&self, found: &Found) -> BTreeMap<ResourceId, ObservedResource> {
        let mut resources = BTreeMap::new();
        for network in &found.networks {
            let labels = network.labels.clone().unwrap_or_default();
            if let Some(id) = labels::resource(&labels, &[NETWORK]) {
                resources.insert(id, ObservedResource::at(Level::Created));
            }
        }
        let volumes = found.volumes.iter();
        let volumes = volumes.filter_map(|it| labels::resource(&it.labels, &[VOLUME, CACHE]));
        for id in volumes.chain(self.images_in(found)) {
            let mut kept = ObservedResource::at(Level::Created);
            kept.durable = true;
            resources.insert(id, kept);
        }
        resources
    }

    /// The folders that agents in containers fill.
    fn folders(&self) -> BTreeMap<ResourceId, ObservedResource> {
        let home = self.setup.paths.containers();
        let mut folders = BTreeMap::new();
        for stack in entries(&home) {
            for service in entries(&home.join(&stack)) {
                let found = ObservedResource::at(Level::Created);
                folders.insert(folder(&stack, &service), found);
            }
        }
        folders
    }

    fn container_resource(
        &self,
        candidate: &Candidate,
        found: &Found,
        want: &Want,
    ) -> ObservedResource {
        let (project, service) = (&self.setup.project, candidate.service());
        let said = agent_found::resource(&candidate.answer, project, &service, want.session);
        let mut resource = said.unwrap_or_else(|| ObservedResource::at(Level::Created));
        if let Some(why) = self.useless(candidate, found) {
            resource.health = Health::Broken(why);
        }
        if resource.level >= Level::Configured || !resource.identity.is_empty() {
            resource.identity.extend(labels::traits(&candidate.labels));
            self.compare_secrets(candidate, want, &mut resource);
        }
        resource.needs = labels::needs(&candidate.labels).into_iter().collect();
        let stop = candidate.labels.get(labels::STOP);
        let stop = stop
            .and_then(|ms| ms.parse().ok())
            .map(Duration::from_millis);
        resource.limits = StepLimits {
            remove: stop.unwrap_or(StepLimits::default().remove) + Duration::from_secs(10),
            ..StepLimits::default()
        };
        resource
    }

    /// Why a container is of no use as it is, if so.
    pub(super) fn useless(&self, candidate: &Candidate, found: &Found) -> Option<String> {
        let state = match candidate.state {
            State::RUNNING => None,
            State::PAUSED => Some("its container is paused"),
            State::CREATED => Some("its container was never started"),
            State::RESTARTING => Some("its container starts again and again"),
            _ => Some("its container is stopped"),
        };
        if let Some(state) = state {
            return Some(state.to_owned());
        }
        if matches!(candidate.answer, Answer::Nobody) {
            return Some("its agent does not answer".to_owned());
        }
        if candidate.in_host {
            return None;
        }
        let stack = network(&candidate.resource.stack);
        let connected = found.networks.iter().any(|it| {
            let labels = it.labels.clone().unwrap_or_default();
            let id = it.id.clone().unwrap_or_default();
            labels::resource(&labels, &[NETWORK]).as_ref() == Some(&stack)
                && candidate.networks.contains(&id)
        });
        (!connected).then(|| "it is cut off from its network".to_owned())
    }

    /// Whether the secrets that a container was given are still the caller's. A
    /// caller without them does not count as a change.
    fn compare_secrets(&self, candidate: &Candidate, want: &Want, resource: &mut ObservedResource) {
        let owner = candidate.resource.owner();
        let project = want.project.as_deref();
        let service = project.and_then(|project| {
            let mut services = project.services();
            services.find(|it| crate::want::owner(&it.id) == owner)
        });
        let Some(service) = service else {
            return;
        };
        let folder = self.secret_folder(&candidate.resource);
        let same = secret_variables(service).all(|name| {
            let now = self.setup.environment.get(name);
            now.is_none_or(|now| fs::read_to_string(folder.join(name)).is_ok_and(|it| it == *now))
        });
        if let Some(whose) = resource.identity.get_mut(TRAIT_SECRETS) {
            let older = "an older one".to_owned();
            *whose = if same { CALLERS.to_owned() } else { older };
        }
    }

    /// The folder of a service's secrets from variables.
    pub(super) fn secret_folder(&self, container: &ResourceId) -> std::path::PathBuf {
        let service = container.service.as_deref().unwrap_or_default();
        let folder = self.setup.paths.container(&container.stack, service);
        folder.join(Path::new(SECRET_FOLDER))
    }

    /// The base images and programs that are asked for and there.
    async fn present(&self, want: &Want, facts: &DockerFacts) -> Result<Vec<ResourceId>, Failure> {
        let wanted = super::lower(&self.setup, want, facts).resources;
        let programs = wanted.iter().filter_map(|it| match &it.spec {
            DockerSpec::Program(program) if program.program.folder.is_dir() => Some(it.id.clone()),
            _ => None,
        });
        let programs: Vec<ResourceId> = programs.collect();
        let bases: Vec<ResourceId> = wanted
            .into_iter()
            .map(|it| it.id)
            .filter(|id| id.kind == BASE)
            .collect();
        let names: BTreeSet<&str> = bases.iter().map(|id| id.name.as_str()).collect();
        let mut there = BTreeSet::new();
        for name in names {
            if self.has_image(name).await? {
                there.insert(name.to_owned());
            }
        }
        Ok(bases
            .into_iter()
            .filter(|id| there.contains(&id.name))
            .chain(programs)
            .collect())
    }

    /// Notes which programs containers of this project run from.
    fn remember_programs(&self, found: &Found) {
        let labels = found.containers.iter().filter_map(|it| it.labels.as_ref());
        let ours = labels.filter(|labels| self.is_ours(labels));
        let programs = ours.filter_map(|labels| labels.get(labels::PROGRAM).cloned());
        let mut known = self
            .programs
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *known = programs.collect();
    }
}

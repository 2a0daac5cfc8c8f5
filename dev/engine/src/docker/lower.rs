//! [`lower`]: what a project asks of a Docker engine, as desired resources.
//!
//! Pure: what it has to know stands in [`DockerFacts`]. A service that cannot
//! run here becomes an obstacle, and the others do not notice unless they need
//! it. `lower/images.rs` says what containers run from, `lower/told.rs` what
//! their agents are told, `lower/seen.rs` what they see.

mod images;
mod seen;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hob_stack::{Form, Image, Network, Service};
use hob_wire::Mode;

use super::facts::{DockerFacts, Unbuildable};
use super::spec::{ContainerSpec, DockerSpec};
use super::{CACHE, CONTAINER, VOLUME, container, folder, network};
use crate::agent::{fixed, found};
use crate::lowering::{Asked, in_mode, kept, limits};
use crate::resource::{
    Claim, Dependency, Desired, DesiredSet, Digest, Identity, Level, ResourceId, Scope, StepLimits,
    Verb,
};
use crate::setup::Setup;
use crate::want::Want;
use crate::{Obstacle, ObstacleKind};

pub(super) use images::{recipe, recipes};
use told::without;

/// Where a container sees hob's own program.
pub(super) const PROGRAM_AT: &str = "/hob/bin";
/// Where a container sees the folder that its agent fills.
pub(super) const STATE_AT: &str = "/hob/state";
/// Where what is built in a container goes.
pub(super) const OUT_AT: &str = "/hob/out";
/// Where an agent sees its service's secrets; nobody else looks in there.
pub(super) const SECRETS_AT: &str = "/hob/secrets";
/// The user of an agent.
pub(super) const RUN_AS_ROOT: &str = "0:0";
/// The folder of secrets from variables, in the folder that an agent fills.
pub(super) const SECRET_FOLDER: &str = "secret";

/// The trait of a container: what it runs from.
pub(super) const TRAIT_IMAGE: &str = "image";
/// The trait of a container: what it sees, and how it is confined.
const TRAIT_SETTINGS: &str = "container's settings";
/// The trait of a container: which folders it has mounted.
const TRAIT_FOLDERS: &str = "mounted folders";
/// The trait of a container: whether the secrets from variables are the
/// caller's.
pub(super) const TRAIT_SECRETS: &str = "secret environment";
/// What is said of secrets that are.
pub(super) const CALLERS: &str = "the caller's";

/// What `want` asks for.
#[must_use]
pub fn lower(setup: &Setup, want: &Want, facts: &DockerFacts) -> DesiredSet<DockerSpec> {
    let mut set = DesiredSet::nothing(want.scope.clone());
    set.remove_durable = want.volumes;
    set.force = want.force;
    if want.built {
        return built(setup, want, facts, set);
    }
    let mut stacks = BTreeSet::new();
    for asked in Asked::all(want) {
        let lowering = Lowering {
            setup,
            facts,
            asked,
        };
        match lowering.resources() {
            Ok(resources) => {
                if !stacks.contains(lowering.asked.names().0) {
                    set.resources.extend(lowering.agent_program());
                }
                set.resources.extend(resources);
                set.outdated.extend(lowering.outdated());
                stacks.insert(asked.names().0.to_owned());
            }
            Err(obstacle) => set.obstacles.push(obstacle),
        }
    }
    let networks = stacks
        .iter()
        .map(|stack| kept(network(stack), DockerSpec::Named));
    set.resources.extend(networks);
    set
}

/// The images of what is asked for, and nothing else touched.
fn built(
    setup: &Setup,
    want: &Want,
    facts: &DockerFacts,
    mut set: DesiredSet<DockerSpec>,
) -> DesiredSet<DockerSpec> {
    set.scope = Scope::Services(BTreeSet::new());
    for asked in Asked::all(want) {
        let lowering = Lowering {
            setup,
            facts,
            asked,
        };
        match lowering.images() {
            Ok((images, _)) => set.resources.extend(images),
            Err(obstacle) => set.obstacles.push(obstacle),
        }
    }
    set
}

/// One service on its way down.
struct Lowering<'a> {
    setup: &'a Setup,
    facts: &'a DockerFacts,
    asked: Asked<'a>,
}

impl Lowering<'_> {
    fn resources(&self) -> Result<Vec<Desired<DockerSpec>>, Obstacle> {
        let (stack, name) = self.asked.names();
        let id = &self.asked.service.id;
        if let Some(unset) = self.facts.unset.get(id) {
            return Err(self.asked.unset(unset));
        }
        let (mut images, image) = self.images()?;
        let mut kept_folders = vec![kept(
            folder(stack, name),
            DockerSpec::Folder(self.setup.paths.container(stack, name)),
        )];
        for resource in self.volumes() {
            kept_folders.push(kept(resource, DockerSpec::Named));
        }
        let before = |on: &ResourceId, before| Dependency {
            on: on.clone(),
            until: Level::Created,
            before,
            required: true,
        };
        let mut needs = vec![before(&network(stack), Verb::Create)];
        needs.extend(kept_folders.iter().map(|it| before(&it.id, Verb::Create)));
        // What runs goes on until the new image is there.
        needs.extend(images.iter().map(|it| before(&it.id, Verb::Remove)));
        if let Some(program) = self.program_id() {
            needs.push(before(&program, Verb::Remove));
        }
        images.append(&mut kept_folders);
        images.push(self.container(image, needs)?);
        Ok(images)
    }

    fn unbuildable(&self, why: &Unbuildable) -> Obstacle {
        let kind = match why.is_recipe {
            true => ObstacleKind::Recipe,
            false => ObstacleKind::Unsupported,
        };
        self.asked
            .obstacle(kind, why.reason.clone(), why.hints.clone())
    }

    /// The volumes and caches of the service in this mode.
    fn volumes(&self) -> Vec<ResourceId> {
        let (stack, name) = self.asked.names();
        let service = self.asked.service;
        let of = |kind| ResourceId::of_service(stack, name, kind);
        let volumes = service.volumes.keys();
        let mut all: Vec<_> = volumes.map(|it| of(VOLUME).named(it.as_str())).collect();
        if self.asked.want.mode == Mode::Dev {
            let caches = service.dev_form.cache.iter();
            all.extend(caches.map(|path| of(CACHE).named(&path.to_string_lossy())));
        }
        all
    }

    fn container(
        &self,
        image: String,
        mut needs: Vec<Dependency>,
    ) -> Result<Desired<DockerSpec>, Obstacle> {
        let (stack, name) = self.asked.names();
        let (service, want) = (self.asked.service, self.asked.want);
        let program = match &self.facts.program {
            Some(Ok(layout)) => layout.clone(),
            Some(Err(why)) => return Err(self.unbuildable(why)),
            None => {
                return Err(self.asked.unsupported(
                    "its agent's program was not looked at".to_owned(),
                    Vec::new(),
                ));
            }
        };
        let (spec, publish) = self.told(&program)?;
        let made_of: Vec<ResourceId> = needs.iter().map(|need| need.on.clone()).collect();
        needs.extend(self.asked.order(&CONTAINER));
        let limits = limits(&spec);
        let addresses = self.automatic_addresses(&spec);
        let lasting = without(&spec, &addresses.told);
        let digest = self
            .asked
            .digest(&lasting, self.facts.sources.get(&service.id))?;
        let secrets = self.asked.secret_variables();
        let mut made = ContainerSpec {
            id: container(stack, name),
            image,
            aliases: self.aliases(),
            network: service.network,
            mounts: self.mounts(),
            memory: self.memory(),
            listen: spec
                .listen
                .as_ref()
                .map(|it| it.addr)
                .filter(|_| !want.idle),
            publish: publish.filter(|_| !want.idle),
            read_only: self.reads_only(),
            health: self.as_the_image_says() && want.mode == Mode::Run,
            over_tcp: self.facts.over_tcp,
            program,
            own: self.facts.own,
            traits: Identity::new(),
            needs: made_of,
            secret_variables: secrets.iter().map(|it| (it.clone(), it.clone())).collect(),
            as_the_image_says: self.as_the_image_says(),
            spec,
            digest: fixed::addressed(&digest, &addresses.told),
            stop: limits.remove,
        };
        made.traits = traits(&made);
        made.traits.extend(self.mounted_folders());
        let mut identity = found::traits(made.spec.mode, made.spec.listen.map(|it| it.addr));
        identity.extend(fixed::traits(&made.spec));
        identity.extend(addresses.lasting);
        identity.extend(made.traits.clone());
        Ok(Desired {
            id: made.id.clone(),
            identity,
            config: Some(digest),
            level: match want.idle {
                true => Level::Configured,
                false => Level::Ready,
            },
            needs,
            claims: made.listen.iter().map(|it| Claim(it.to_string())).collect(),
            // A dev session brings a failed save to life itself.
            retry: want.mode == Mode::Run,
            early: false,
            limits: StepLimits {
                create: std::time::Duration::from_secs(120),
                ..limits
            },
            facts: BTreeMap::new(),
            label: self.label(),
            spec: DockerSpec::Container(Box::new(made)),
        })
    }

    fn as_the_image_says(&self) -> bool {
        is_as_its_image_says(self.asked.service, self.asked.want.mode)
    }

    /// Its own name, and that of the service that it is a version of.
    fn aliases(&self) -> Vec<String> {
        let (service, mut names) = (self.asked.service, Vec::new());
        for name in [&service.id.service, &service.known_as] {
            if !names.contains(&name.to_string()) {
                names.push(name.to_string());
            }
        }
        names
    }

    fn mounted_folders(&self) -> Option<(String, String)> {
        let mounts = self.asked.service.mounts.values();
        let which = mounts.filter_map(|it| self.facts.mounted.get(&it.from));
        let which: Vec<&String> = which.collect();
        let digest = Digest::of(&which);
        let digest = digest.as_str()[..8].to_owned();
        (!which.is_empty()).then(|| (TRAIT_FOLDERS.to_owned(), digest))
    }

    fn reads_only(&self) -> bool {
        self.asked.service.read_only && self.asked.want.mode == Mode::Run
    }

    fn label(&self) -> Option<String> {
        let built_in = matches!(self.asked.in_mode().form, Form::Files { .. });
        let built_in = built_in && !self.as_the_image_says();
        built_in.then(|| "static files by the built-in server".to_owned())
    }
}

/// What a container is made with and its agent does not tell.
fn traits(made: &ContainerSpec) -> Identity {
    let settings = Digest::of(&(
        &made.mounts,
        &made.memory,
        made.read_only,
        made.health,
        made.over_tcp,
        made.own,
        (made.network == Network::Host).then_some("host"),
        made.publish.map(|(_, inner)| inner),
    ));
    let mut traits = Identity::from([
        (TRAIT_IMAGE.to_owned(), made.image.clone()),
        (TRAIT_SETTINGS.to_owned(), settings.as_str()[..8].to_owned()),
    ]);
    if !made.secret_variables.is_empty() {
        traits.insert(TRAIT_SECRETS.to_owned(), CALLERS.to_owned());
    }
    traits
}

/// Whether the image of a service says what is run: it is a production image,
/// or nothing else does.
pub(crate) fn is_as_its_image_says(service: &Service, mode: Mode) -> bool {
    let with = in_mode(service, mode);
    match (with.form, with.image) {
        (Form::ImageOnly, _) => true,
        (_, Some(Image::Built(_))) => mode == Mode::Run,
        _ => false,
    }
}

/// What has to be there before something is made.
fn first(on: &ResourceId) -> Dependency {
    Dependency {
        on: on.clone(),
        until: Level::Created,
        before: Verb::Create,
        required: true,
    }
}

/// A mode as it stands in names.
pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Dev => "dev",
        Mode::Run => "run",
    }
}

/// The folder of a file.
fn folder_of(path: &std::path::Path) -> PathBuf {
    path.parent().map(PathBuf::from).unwrap_or_default()
}

#[cfg(test)]
mod tests;

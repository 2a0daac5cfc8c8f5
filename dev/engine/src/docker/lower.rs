//! [`lower`]: what a project asks of a Docker engine, as desired resources.
//!
//! Pure: what it has to know stands in [`DockerFacts`]. A service that cannot
//! run here becomes an obstacle, and the others do not notice unless they need
//! it. `lower/told.rs` says what an agent is told, `lower/seen.rs` what its
//! container sees.

mod seen;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hob_stack::{Form, Image, Project};
use hob_wire::Mode;

use super::agents::Built;
use super::facts::{DockerFacts, Unbuildable};
use super::program::{Layout, Origin};
use super::spec::{BaseSpec, ContainerSpec, DockerSpec, ImageSpec, ProgramSpec};
use super::{
    AGENT_PROGRAM, BASE, CACHE, CONTAINER, IMAGE, VOLUME, container, folder, labels, network,
};
use crate::agent::{fixed, found};
use crate::lowering::{Asked, in_mode, limits};
use crate::resource::{
    Claim, Dependency, Desired, DesiredSet, Digest, Identity, Level, ResourceId, Scope, StepLimits,
    Verb,
};
use crate::setup::Setup;
use crate::want::Want;
use crate::{Obstacle, ObstacleKind};

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
/// The trait of a container: whether the secrets from variables are the
/// caller's.
pub(super) const TRAIT_SECRETS: &str = "secret environment";
/// What is said of secrets that are.
pub(super) const CALLERS: &str = "the caller's";

/// What the names of images that agents are built in begin with.
const AGENT_IMAGE: &str = "agent-";

/// What names the base of a project.
const BASE_OF_PROJECT: &str = "`base` of hob.toml";

/// How long an image may take to be pulled, made or built.
const IMAGE_LIMIT: std::time::Duration = std::time::Duration::from_secs(60 * 60);

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

    /// The images that the service needs, and the name of the one that it runs
    /// from.
    fn images(&self) -> Result<(Vec<Desired<DockerSpec>>, String), Obstacle> {
        let (stack, name) = self.asked.names();
        let config = &self.asked.project.config;
        match self.asked.in_mode().image {
            None => Ok((
                vec![self.base(config.base.as_str(), BASE_OF_PROJECT)],
                config.base.to_string(),
            )),
            Some(Image::Named(named)) => {
                let by = format!("`image` of {stack}/{name}");
                Ok((vec![self.base(named.as_str(), &by)], named.to_string()))
            }
            Some(Image::Built(recipe)) => {
                let build = match self.facts.builds.get(&self.asked.service.id) {
                    Some(Ok(build)) => build,
                    Some(Err(why)) => return Err(self.unbuildable(why)),
                    None => {
                        return Err(self
                            .asked
                            .unsupported("its image was not looked at".to_owned(), Vec::new()));
                    }
                };
                let mut images: Vec<_> = build
                    .froms
                    .iter()
                    .map(|from| self.base(from, &recipe.dockerfile.to_string_lossy()))
                    .collect();
                let id = self.image(&build.digest);
                let tag = labels::tag(self.setup, stack, name, &id.name);
                let needs = images.iter().map(|base| first(&base.id));
                let spec = ImageSpec {
                    recipe: hob_builder::Recipe {
                        dockerfile: recipe.dockerfile.clone(),
                        context: recipe.context.clone(),
                        target: recipe.target.clone(),
                        args: recipe.args.clone(),
                        base: config.base.to_string(),
                        labels: labels::of(self.setup, &id).into_iter().collect(),
                    },
                    tag: tag.clone(),
                };
                let mut image = kept(id, DockerSpec::Image(Box::new(spec)));
                image.needs = needs.collect();
                image.early = true;
                image.limits.create = IMAGE_LIMIT;
                images.push(image);
                Ok((images, tag))
            }
        }
    }

    /// The program of agents, where an engine builds it.
    fn built_program(&self) -> Option<(&Layout, &Built)> {
        match &self.facts.program {
            Some(Ok(program)) => match &program.origin {
                Origin::Built(built) => Some((program, built)),
                Origin::Own { .. } => None,
            },
            _ => None,
        }
    }

    fn program_id(&self) -> Option<ResourceId> {
        let (program, _) = self.built_program()?;
        let (stack, _) = self.asked.names();
        Some(ResourceId::of_stack(stack, AGENT_PROGRAM).named(&program.key))
    }

    /// That program of the stack, and what it is built from while it is not
    /// there.
    fn agent_program(&self) -> Vec<Desired<DockerSpec>> {
        let (Some((program, built)), Some(id)) = (self.built_program(), self.program_id()) else {
            return Vec::new();
        };
        let (stack, _) = self.asked.names();
        let image = self.agent_image(&program.key);
        let tag = labels::tag(self.setup, stack, "agent", &image.name);
        let spec = ProgramSpec {
            id: id.clone(),
            image: tag.clone(),
            program: program.clone(),
        };
        let mut out = kept(id, DockerSpec::Program(Box::new(spec)));
        out.early = true;
        if built.there {
            return vec![out];
        }
        let mut all: Vec<_> = built
            .froms
            .iter()
            .map(|from| self.base_of(ResourceId::of_stack(stack, BASE), from, BASE_OF_PROJECT))
            .collect();
        let mut recipe = built.recipe.clone();
        recipe.labels = labels::of(self.setup, &image).into_iter().collect();
        let spec = ImageSpec { recipe, tag };
        let mut image = kept(image, DockerSpec::Image(Box::new(spec)));
        image.needs = all.iter().map(|base| first(&base.id)).collect();
        image.early = true;
        image.limits.create = IMAGE_LIMIT;
        out.needs = vec![first(&image.id)];
        all.extend([image, out]);
        all
    }

    /// The image that a program of this version is built in.
    fn agent_image(&self, key: &str) -> ResourceId {
        let (stack, _) = self.asked.names();
        ResourceId::of_stack(stack, IMAGE).named(&format!("{AGENT_IMAGE}{key}"))
    }

    /// An image that is there or pulled.
    fn base(&self, image: &str, named_by: &str) -> Desired<DockerSpec> {
        let (stack, name) = self.asked.names();
        self.base_of(ResourceId::of_service(stack, name, BASE), image, named_by)
    }

    fn base_of(&self, id: ResourceId, image: &str, named_by: &str) -> Desired<DockerSpec> {
        let spec = BaseSpec {
            image: image.to_owned(),
            named_by: named_by.to_owned(),
            mirrors: self.asked.project.config.mirrors.clone(),
        };
        let mut base = kept(id.named(image), DockerSpec::Base(spec));
        base.early = true;
        base.limits.create = IMAGE_LIMIT;
        base
    }

    /// The image of this content, as a resource: `dev-<digest>`.
    fn image(&self, digest: &str) -> ResourceId {
        let (stack, name) = self.asked.names();
        let digest = &digest[..digest.len().min(16)];
        let named = format!("{}-{digest}", mode_name(self.asked.want.mode));
        ResourceId::of_service(stack, name, IMAGE).named(&named)
    }

    /// The images of this service and mode that have a successor.
    fn outdated(&self) -> BTreeMap<ResourceId, ResourceId> {
        let (stack, name) = self.asked.names();
        let id = &self.asked.service.id;
        let mut outdated = BTreeMap::new();
        if let Some((program, _)) = self.built_program() {
            let now = self.agent_image(&program.key);
            let old = self.facts.images.iter().filter(|it| {
                it.owner() == now.owner() && it.name.starts_with(AGENT_IMAGE) && **it != now
            });
            outdated.extend(old.map(|it| (it.clone(), container(stack, name))));
        }
        let Some(Ok(build)) = self.facts.builds.get(id) else {
            return outdated;
        };
        let (now, owner) = (self.image(&build.digest), crate::want::owner(id));
        let mode = format!("{}-", mode_name(self.asked.want.mode));
        let images = self.facts.images.iter();
        let old =
            images.filter(|it| it.owner() == owner && it.name.starts_with(&mode) && **it != now);
        outdated.extend(old.map(|it| (it.clone(), container(stack, name))));
        outdated
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
        let digest = self
            .asked
            .digest(&spec, self.facts.sources.get(&service.id))?;
        let secrets = self.asked.secret_variables();
        let mut made = ContainerSpec {
            id: container(stack, name),
            image,
            alias: name.to_owned(),
            mounts: self.mounts(),
            memory: self.memory(),
            publish: publish.filter(|_| !want.idle),
            read_only: self.reads_only(),
            health: self.as_the_image_says() && want.mode == Mode::Run,
            over_tcp: self.facts.over_tcp,
            program,
            own: (self.setup.uid, self.facts.own_group),
            traits: Identity::new(),
            needs: made_of,
            secret_variables: secrets.iter().map(|it| (it.clone(), it.clone())).collect(),
            as_the_image_says: self.as_the_image_says(),
            spec,
            digest: digest.clone(),
            stop: limits.remove,
        };
        made.traits = traits(&made);
        let mut identity = found::traits(made.spec.mode, made.spec.listen.map(|it| it.addr));
        identity.extend(fixed::traits(&made.spec));
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
            claims: made
                .publish
                .iter()
                .map(|(addr, _)| Claim(addr.to_string()))
                .collect(),
            // A dev session brings a failed save to life itself.
            retry: want.mode == Mode::Run,
            early: false,
            limits: StepLimits {
                create: std::time::Duration::from_secs(60),
                ..limits
            },
            facts: BTreeMap::new(),
            label: self.label(),
            spec: DockerSpec::Container(Box::new(made)),
        })
    }

    /// Whether the image says what is run: it is a production image, or
    /// nothing else does.
    fn as_the_image_says(&self) -> bool {
        let with = self.asked.in_mode();
        let production = self.asked.want.mode == Mode::Run;
        match (with.form, with.image) {
            (Form::ImageOnly, _) => true,
            (_, Some(Image::Built(_))) => production,
            _ => false,
        }
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

/// What has to be there before something is made.
fn first(on: &ResourceId) -> Dependency {
    Dependency {
        on: on.clone(),
        until: Level::Created,
        before: Verb::Create,
        required: true,
    }
}

/// Something that is done once it is made.
fn kept(id: ResourceId, spec: DockerSpec) -> Desired<DockerSpec> {
    Desired {
        id,
        identity: Identity::new(),
        config: None,
        level: Level::Created,
        needs: Vec::new(),
        claims: Vec::new(),
        retry: false,
        early: false,
        limits: StepLimits::default(),
        facts: BTreeMap::new(),
        label: None,
        spec,
    }
}

/// A mode as it stands in names.
pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Dev => "dev",
        Mode::Run => "run",
    }
}

/// The recipes of all images that would be built for `want`.
pub(super) fn recipes(
    want: &Want,
) -> impl Iterator<Item = (&hob_stack::ServiceId, hob_builder::Recipe)> {
    Asked::all(want).filter_map(|asked| {
        let recipe = recipe(asked.project, asked.service, asked.want.mode)?;
        Some((&asked.service.id, recipe))
    })
}

/// What the image of a service is built from in a mode, if it is built.
pub(super) fn recipe(
    project: &Project,
    service: &hob_stack::Service,
    mode: Mode,
) -> Option<hob_builder::Recipe> {
    match in_mode(service, mode).image {
        Some(Image::Built(recipe)) => Some(bare(project, recipe)),
        _ => None,
    }
}

/// A recipe without labels: they are no input.
fn bare(project: &Project, recipe: &hob_stack::Recipe) -> hob_builder::Recipe {
    hob_builder::Recipe {
        dockerfile: recipe.dockerfile.clone(),
        context: recipe.context.clone(),
        target: recipe.target.clone(),
        args: recipe.args.clone(),
        base: project.config.base.to_string(),
        labels: BTreeMap::new(),
    }
}

/// The folder of a file.
fn folder_of(path: &std::path::Path) -> PathBuf {
    path.parent().map(PathBuf::from).unwrap_or_default()
}

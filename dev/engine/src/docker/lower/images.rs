//! The images that services run from, and the program of their agents where
//! the engine builds it: what each is made of, and which one it outlives. Pure.

use std::collections::BTreeMap;

use hob_stack::{Image, Project};
use hob_wire::Mode;

use super::{Lowering, first, mode_name};
use crate::Obstacle;
use crate::docker::agents::Built;
use crate::docker::program::{Layout, Origin};
use crate::docker::spec::{BaseSpec, DockerSpec, ImageSpec, ProgramSpec};
use crate::docker::{AGENT_PROGRAM, BASE, IMAGE, container, labels};
use crate::lowering::{Asked, in_mode, kept};
use crate::resource::{Desired, ResourceId};
use crate::want::Want;

/// What the names of images that agents are built in begin with.
const AGENT_IMAGE: &str = "agent-";

/// What names the base of a project.
const BASE_OF_PROJECT: &str = "`base` of hob.toml";

/// How long an image may take to be pulled, made or built.
const IMAGE_LIMIT: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl Lowering<'_> {
    /// The images that the service needs, and the name of the one that it runs
    /// from.
    pub(super) fn images(&self) -> Result<(Vec<Desired<DockerSpec>>, String), Obstacle> {
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
                let id = self.image(&build.digest);
                // What an image was built from is of no use once it is there.
                let there = self.facts.images.contains(&id);
                let froms = build.froms.iter().filter(|_| !there);
                let mut images: Vec<_> = froms
                    .map(|from| self.base(from, &self.named_by(from, recipe)))
                    .collect();
                let tag = labels::tag(self.setup, stack, name, &id.name);
                let needs = images.iter().map(|base| first(&base.id));
                let spec = ImageSpec {
                    recipe: hob_builder::Recipe {
                        labels: labels::of_image(self.setup, &id).into_iter().collect(),
                        ..bare(self.asked.project, recipe)
                    },
                    tag: tag.clone(),
                    digest: Some(build.digest.clone()),
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

    pub(super) fn program_id(&self) -> Option<ResourceId> {
        let (program, _) = self.built_program()?;
        let (stack, _) = self.asked.names();
        Some(ResourceId::of_stack(stack, AGENT_PROGRAM).named(&program.key))
    }

    /// That program of the stack, and what it is built from while it is not
    /// there.
    pub(super) fn agent_program(&self) -> Vec<Desired<DockerSpec>> {
        let (Some((program, built)), Some(id)) = (self.built_program(), self.program_id()) else {
            return Vec::new();
        };
        let (stack, _) = self.asked.names();
        let image = self.agent_image(&program.key);
        let tag = labels::tag_of(self.setup, &image);
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
        recipe.labels = labels::of_image(self.setup, &image).into_iter().collect();
        let spec = ImageSpec {
            recipe,
            tag,
            digest: None,
        };
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

    /// Who names an image that a recipe begins from.
    fn named_by(&self, from: &str, recipe: &hob_stack::Recipe) -> String {
        match self.asked.project.config.base.as_str() == from {
            true => BASE_OF_PROJECT.to_owned(),
            false => recipe.dockerfile.display().to_string(),
        }
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
    pub(super) fn outdated(&self) -> BTreeMap<ResourceId, ResourceId> {
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
}

/// The recipes of all images that would be built for `want`.
pub(in crate::docker) fn recipes(
    want: &Want,
) -> impl Iterator<Item = (&hob_stack::ServiceId, hob_builder::Recipe)> {
    Asked::all(want).filter_map(|asked| {
        let recipe = recipe(asked.project, asked.service, asked.want.mode)?;
        Some((&asked.service.id, recipe))
    })
}

/// What the image of a service is built from in a mode, if it is built.
pub(in crate::docker) fn recipe(
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

//! Gathers [`Facts`]: the machine, then the project as far as it can be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use hob_platform::DNS;
use hob_stack::{Form, Project, Service, ServiceId};

use super::facts::{Docker, Facts, Names, Stacks};
use super::{docker, folders, machine, ports, programs, surroundings};
use crate::context::Context;
use crate::error::Result;
use crate::platform::{Found, Platform};
use crate::resolver::{Resolver, reach};
use crate::stage::Stage;
use crate::verbs::ingress;

/// Looks at everything. Without a project there is still the machine.
///
/// # Errors
/// Services were named and cannot be told, or `--project` names none.
pub async fn look(context: &Context, names: &[String]) -> Result<Facts> {
    let asked = context.global.project.is_some() || !names.is_empty();
    let project = match context.root() {
        Ok(root) => Some(read(context, &root, names)?),
        Err(error) if asked => return Err(error),
        Err(_) => None,
    };
    let uid = rustix::process::getuid().as_raw();
    let environment = &context.environment;
    let around = surroundings::around(context).await;
    let mut facts = Facts {
        machine: machine::machine(uid),
        installer: machine::installer(environment, uid),
        names: answering(context).await,
        certificates: ingress::found(context),
        own: around.own,
        shadowed: around.shadowed,
        leftovers: folders::leftovers(context),
        ..Facts::default()
    };
    match folders::homes(environment, uid) {
        Ok(folders) => facts.folders = folders,
        Err(why) => facts.homeless = Some(why),
    }
    let services = project.as_ref().map_or(Vec::new(), Reading::services);
    let images = services
        .iter()
        .any(|service| service.image.is_some() || service.dev_form.image.is_some());
    let read = project
        .as_ref()
        .and_then(|reading| reading.project.as_deref());
    facts.docker = docker::docker(context, read, images).await?;
    // What runs in containers brings its own programs.
    let contained = facts.docker.as_ref().is_some_and(Docker::is_taken);
    let callers = if contained { &[][..] } else { &services[..] };
    facts.programs = programs::programs(callers, environment, from_sources(context)).await;
    let Some(reading) = &project else {
        return Ok(facts);
    };
    let mut stacks = reading.stacks.clone();
    for service in &services {
        stacks.services.push(service.id.to_string());
        let form = [&service.run_form, &service.dev_form.form];
        if form.iter().any(|form| matches!(form, Form::Files { .. })) {
            stacks.file_services.push(service.id.to_string());
        }
        if form.iter().any(|form| matches!(form, Form::ImageOnly)) {
            stacks.image_only.push(service.id.to_string());
        }
    }
    facts.exposed = surroundings::exposed(&stacks.root, &services);
    let stage = Stage::new(context.output);
    stage.busy(Some("counting the folders to watch"));
    stacks.watched = folders::watched(services.iter().copied());
    stage.busy(None);
    if let Some(project) = &reading.project {
        let seen = ports::seen(context, project, &reading.chosen).await;
        (stacks.nginx, stacks.unset, facts.ports) = (seen.nginx, seen.unset, seen.ports);
    }
    facts.project = Some(stacks);
    Ok(facts)
}

/// This machine's resolver. What cannot be read of it is not shown.
async fn answering(context: &Context) -> Option<Names> {
    let resolver = Resolver::find(context).ok()??;
    let mut asked = Vec::new();
    for domain in resolver.record().iter().flat_map(|it| &it.domains) {
        asked.push((domain.clone(), reach(domain).await));
    }
    Some(Names {
        facts: resolver.facts,
        domains: resolver.domains,
        server: resolver.server,
        is_up: is_up(context).await,
        reach: asked,
    })
}

/// Whether hob's own resolver is up.
async fn is_up(context: &Context) -> bool {
    let Ok(Some(platform)) = Platform::there(context) else {
        return false;
    };
    matches!(platform.find(DNS).await, Ok(Found::Up(_)))
}

/// A project as far as it can be read.
struct Reading {
    stacks: Stacks,
    project: Option<Arc<Project>>,
    chosen: BTreeSet<ServiceId>,
}

impl Reading {
    fn services(&self) -> Vec<&Service> {
        let ids = self.chosen.iter();
        ids.filter_map(|id| self.project.as_ref()?.service(id))
            .collect()
    }
}

fn read(context: &Context, root: &std::path::Path, names: &[String]) -> Result<Reading> {
    let chosen = match names {
        [] => None,
        // Says what is wrong with what was asked for by name.
        names => Some(context.load(names)?.select(names)?),
    };
    let loaded = Project::load(root, &context.environment);
    let errors = loaded.diagnostics.iter().filter(|it| it.is_error()).count();
    let stacks = Stacks {
        root: root.to_owned(),
        errors,
        warnings: loaded.diagnostics.len() - errors,
        ..Stacks::default()
    };
    let project = loaded.project.map(Arc::new);
    let chosen = match (chosen, &project) {
        (Some(chosen), Some(project)) => needed(project, chosen),
        (_, Some(project)) => project
            .services()
            .map(|service| service.id.clone())
            .collect(),
        (_, None) => BTreeSet::new(),
    };
    Ok(Reading {
        stacks,
        project,
        chosen,
    })
}

/// These services and those that have to be ready before them. What they only
/// want may be missing.
fn needed(project: &Project, chosen: Vec<ServiceId>) -> BTreeSet<ServiceId> {
    let mut all = BTreeSet::new();
    let mut next = chosen;
    while let Some(id) = next.pop() {
        let needs = project.service(&id).map(|service| service.needs.clone());
        if all.insert(id) {
            next.extend(needs.unwrap_or_default());
        }
    }
    all
}

/// Whether cargo has built and started this hob from its sources.
fn from_sources(context: &Context) -> bool {
    let manifest = context.environment.get("CARGO_MANIFEST_DIR");
    manifest.is_some_and(|folder| folder.ends_with("/xtask"))
}

//! A project whose files were read, and what names mean in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use hob_engine::{Engine, ProjectRef, owner};
use hob_stack::{Loaded, Project, Publish, SelectError, ServiceId};

use super::Context;
use crate::error::{Error, Result};
use crate::versions;

/// A project whose files were read.
pub struct Loading {
    pub project: Arc<Project>,
    pub loaded: Loaded,
}

impl Loading {
    /// The same with each service as the version of it that stands for it.
    pub fn with_versions(mut self, context: &Context) -> Result<Self> {
        let rollouts = versions::known(&self.engine(context)?)?;
        if !rollouts.is_empty() {
            let mut project = (*self.project).clone();
            versions::put_in_place(&rollouts, &mut project)?;
            self.project = Arc::new(project);
        }
        Ok(self)
    }

    /// The engine for this project.
    pub fn engine(&self, context: &Context) -> Result<Engine> {
        context.engine(ProjectRef::from(&*self.project), Some(&self.project))
    }

    /// The services that names mean.
    pub fn select(&self, names: &[String]) -> Result<Vec<ServiceId>> {
        let selected = self.project.select(names);
        selected.map_err(|error| unknown(&error, &self.loaded.failed))
    }

    /// The one service that a name means.
    pub fn one(&self, name: &str) -> Result<ServiceId> {
        only(self.select(&[name.to_owned()])?, name)
    }

    /// The services that names mean and all that these cannot do without.
    pub fn required(&self, names: &[String]) -> Result<BTreeSet<hob_engine::Owner>> {
        let mut required: BTreeSet<ServiceId> = BTreeSet::new();
        let mut open = self.select(names)?;
        while let Some(id) = open.pop() {
            if let Some(service) = self.project.service(&id) {
                open.extend(
                    service
                        .needs
                        .iter()
                        .filter(|it| !required.contains(it))
                        .cloned(),
                );
            }
            required.insert(id);
        }
        Ok(required.iter().map(owner).collect())
    }

    /// Whether every fixed port of these services, and of their stacks, is
    /// still one with this offset.
    pub fn fits(&self, services: &[ServiceId], offset: Option<u16>) -> Result {
        let own = self.project.config.port_offset;
        let published =
            services
                .iter()
                .filter_map(|id| match self.project.service(id)?.publish? {
                    Publish::Fixed(port) => Some((id.to_string(), port)),
                    Publish::Auto => None,
                });
        let stacks: BTreeSet<_> = services.iter().map(|it| &it.stack).collect();
        let doors = stacks.into_iter().filter_map(|name| {
            let port = self.project.stacks.get(name)?.ingress.as_ref()?.port?;
            Some((format!("`[ingress]` of {name}"), port))
        });
        let past = published.chain(doors).find(|(_, port)| {
            let moved = port.offset(own);
            moved
                .and_then(|it| it.offset(offset.unwrap_or(0)))
                .is_none()
        });
        let Some((whose, port)) = past else {
            return Ok(());
        };
        let highest = (u16::MAX - port.get()).saturating_sub(own);
        let error = format!("the port {port} of {whose} would be past 65535 with the offset");
        Err(Error::usage(error).hint(match offset {
            Some(_) => format!("`--port-offset {highest}` is the highest that it can have"),
            None => "lower `port_offset` in hob.toml".to_owned(),
        }))
    }

    /// The services that names mean with all that they need and want, in the
    /// order of their dependence; or alone.
    pub fn closure(&self, names: &[String], only: bool) -> Result<Vec<ServiceId>> {
        let chosen = self.select(names)?;
        Ok(if only {
            chosen
        } else {
            self.project.closure(&chosen)
        })
    }
}

/// Names that mean nothing; the stacks that `failed` may have had them.
pub fn unknown(error: &SelectError, failed: &[String]) -> Error {
    let mut shown = Error::usage(error.to_string());
    shown.hints = error.hints();
    if !failed.is_empty() {
        let failed = failed.join(", ");
        shown = shown.hint(format!("{failed} has mistakes: `hob check`"));
    }
    shown
}

/// The one service that a name means.
pub fn only(mut services: Vec<ServiceId>, name: &str) -> Result<ServiceId> {
    match (services.pop(), services.is_empty()) {
        (Some(service), true) => Ok(service),
        (last, _) => {
            services.extend(last);
            let names: Vec<String> = services.iter().map(ToString::to_string).collect();
            let error = format!("`{name}` is a stack of {} services", names.len());
            Err(Error::usage(error).hint(format!("name one: {}", names.join(", "))))
        }
    }
}

/// The owner of a service's resources, for comparing with the engine's words.
pub fn owners(services: &[ServiceId]) -> BTreeSet<hob_engine::Owner> {
    services.iter().map(owner).collect()
}

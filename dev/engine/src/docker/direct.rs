//! What is done beside plans: the spec of one service, and the end of services
//! at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use bollard::query_parameters::KillContainerOptionsBuilder;
use futures_util::future::join_all;
use hob_stack::{Project, ServiceId};
use hob_wire::{Mode, Spec};

use super::{DockerEngine, DockerSpec, container, lower};
use crate::want::{Want, owner};
use crate::world::{Failure, World};
use crate::{Obstacle, ObstacleKind};

/// Whether a container runs from the image that the files on disk ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Currency {
    /// It does, or no image is built for it that a session follows.
    Current,
    /// It runs from an older one.
    Behind,
    /// What its image is built from is in error.
    Unbuildable(Obstacle),
}

impl DockerEngine {
    /// Whether the container of a service runs from the image that the files on
    /// disk ask for in this mode.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn currency(
        &self,
        project: &Arc<Project>,
        id: &ServiceId,
        mode: Mode,
    ) -> Result<Currency, Failure> {
        let service = project.service(id);
        if service.is_none_or(|it| super::image_files(project, it, mode).is_empty()) {
            return Ok(Currency::Current);
        }
        let want = Want::up(Arc::clone(project), BTreeSet::from([id.clone()]), mode);
        let found = self.observe(&want).await?;
        let wanted = lower(&self.setup, &want, &found.facts);
        let mut obstacles = wanted.obstacles.into_iter();
        if let Some(obstacle) = obstacles.find(|it| it.owner == owner(id)) {
            return Ok(match obstacle.kind {
                ObstacleKind::Recipe => Currency::Unbuildable(obstacle),
                _ => Currency::Current,
            });
        }
        let made = container(id.stack.as_str(), id.service.as_str());
        let there = found.resources.get(&made);
        let runs_from = there.and_then(|it| it.identity.get(lower::TRAIT_IMAGE));
        let asked = wanted.resources.iter().find(|it| it.id == made);
        let asked = asked.and_then(|it| it.identity.get(lower::TRAIT_IMAGE));
        Ok(match runs_from == asked {
            true => Currency::Current,
            false => Currency::Behind,
        })
    }

    /// What the agent of a service would be told; an obstacle says why it
    /// cannot run here.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn spec(
        &self,
        want: &Want,
        id: &ServiceId,
    ) -> Result<Result<Spec, Obstacle>, Failure> {
        let found = self.observe(want).await?;
        let wanted = lower(&self.setup, want, &found.facts);
        let mut resources = wanted.resources.into_iter();
        let spec = resources.find_map(|it| match it.spec {
            DockerSpec::Container(made) if it.id.owner() == owner(id) => Some(made.spec),
            _ => None,
        });
        if let Some(spec) = spec {
            return Ok(Ok(spec));
        }
        let mut obstacles = wanted.obstacles.into_iter();
        match obstacles.find(|it| it.owner == owner(id)) {
            Some(obstacle) => Ok(Err(obstacle)),
            None => Err(Failure::operation(format!(
                "{id} is not part of what was asked for"
            ))),
        }
    }

    /// Ends every process of these services without a grace. What they leave is
    /// for the next plan.
    pub async fn kill(&self, services: &BTreeSet<ServiceId>) {
        let Ok(api) = self.client.api().await else {
            return;
        };
        let kills = services.iter().map(|id| async {
            let id = container(id.stack.as_str(), id.service.as_str());
            for container in self.containers_of(&id).await.unwrap_or_default() {
                let options = KillContainerOptionsBuilder::new().signal("KILL").build();
                // Whether it went is what the next plan sees.
                let _ = api.kill_container(&container, Some(options)).await;
            }
        });
        join_all(kills).await;
    }
}

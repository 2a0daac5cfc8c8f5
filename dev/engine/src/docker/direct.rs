//! What is done beside plans: the spec of one service, and the end of services
//! at once.

use std::collections::BTreeSet;

use bollard::query_parameters::KillContainerOptionsBuilder;
use futures_util::future::join_all;
use hob_stack::ServiceId;
use hob_wire::Spec;

use super::{DockerEngine, DockerSpec, container, lower};
use crate::Obstacle;
use crate::want::{Want, owner};
use crate::world::{Failure, World};

impl DockerEngine {
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

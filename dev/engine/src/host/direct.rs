//! What is done beside plans: the spec of one service for a person at a
//! terminal, and the end of services at once.

use std::collections::BTreeSet;
use std::time::Duration;

use hob_stack::ServiceId;
use hob_wire::Spec;

use super::{HostEngine, HostSpec, lower};
use crate::Obstacle;
use crate::machine::processes;
use crate::want::{Want, owner};
use crate::world::{Failure, World};

impl HostEngine {
    /// What the agent of a service would be told; an obstacle says why it
    /// cannot run here.
    ///
    /// # Errors
    /// The machine could not be looked at.
    pub async fn spec(
        &self,
        want: &Want,
        id: &ServiceId,
    ) -> Result<Result<Spec, Obstacle>, Failure> {
        let found = self.observe(want).await?;
        let wanted = lower(&self.setup, want, &found.facts);
        let specs = wanted
            .resources
            .into_iter()
            .filter(|it| it.id.owner() == owner(id));
        let agents = specs.filter_map(|it| match it.spec {
            HostSpec::Agent(agent) => Some(agent.spec),
            HostSpec::Folder(_) => None,
        });
        if let Some(spec) = agents.into_iter().next() {
            return Ok(Ok(spec));
        }
        match wanted
            .obstacles
            .into_iter()
            .find(|it| it.owner == owner(id))
        {
            Some(obstacle) => Ok(Err(obstacle)),
            None => Err(Failure::operation(format!(
                "{id} is not part of what was asked for"
            ))),
        }
    }

    /// The processes that are a service's, by their numbers.
    #[must_use]
    pub fn processes_of(&self, id: &ServiceId) -> BTreeSet<u32> {
        let (name, mut all) = (id.to_string(), self.processes());
        all.retain(|found| found.marks.service == name);
        all.into_iter().map(|found| found.process.pid).collect()
    }

    /// Ends every process of these services without a grace. What they leave
    /// is for the next plan.
    pub async fn kill(&self, services: &BTreeSet<ServiceId>) {
        let names: BTreeSet<String> = services.iter().map(ToString::to_string).collect();
        let find = || {
            let mut left = self.processes();
            left.retain(|found| names.contains(&found.marks.service));
            left.into_iter().map(|found| found.process).collect()
        };
        // Whether all went is what the next plan sees.
        processes::end(find, Duration::ZERO, Duration::from_secs(2)).await;
    }
}

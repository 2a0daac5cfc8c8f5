//! What is done beside plans: the spec of one service for a person at a
//! terminal, and the end of services at once.

use std::collections::BTreeSet;
use std::time::Duration;

use hob_stack::ServiceId;
use hob_wire::Spec;
use rustix::process::{Pid, Signal, kill_process};

use super::{HostEngine, HostSpec, lower, processes};
use crate::Obstacle;
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

    /// Ends every process of these services without a grace. What they leave
    /// is for the next plan.
    pub async fn kill(&self, services: &BTreeSet<ServiceId>) {
        let names: BTreeSet<String> = services.iter().map(ToString::to_string).collect();
        let limit = tokio::time::Instant::now() + Duration::from_secs(2);
        loop {
            let mut left = processes::marked(self.setup.uid);
            left.retain(|found| {
                found.marks.project == self.setup.project && names.contains(&found.marks.service)
            });
            if left.is_empty() || tokio::time::Instant::now() >= limit {
                return;
            }
            for found in left {
                let pid = i32::try_from(found.process.pid)
                    .ok()
                    .and_then(Pid::from_raw);
                if let Some(pid) = pid {
                    // ESRCH: gone already.
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

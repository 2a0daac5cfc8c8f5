//! What of a project is still in the engine and on this machine: the list that
//! has to be empty after everything was taken down.

use super::{AGENT_PROGRAM, CONTAINER, DockerEngine, labels};
use crate::leftover::{Leftover, LeftoverKind, of_folders};
use crate::world::Failure;

impl DockerEngine {
    /// Everything of the project that is there, running services included.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn prove(&self) -> Result<Vec<Leftover>, Failure> {
        let found = self.answered(self.survey()).await?;
        let images = self.images_in(&found);
        let mut left = Vec::new();
        let mut add = |kind, what: String| left.push(Leftover { kind, what });
        for container in &found.containers {
            let labels = container.labels.clone().unwrap_or_default();
            // What somebody runs from one of hob's images has its labels, too.
            let of = labels::resource(&labels, &[CONTAINER, AGENT_PROGRAM]);
            let (true, Some(of)) = (self.is_ours(&labels), of) else {
                continue;
            };
            let name = container.names.iter().flatten().next().cloned();
            let name = name.or_else(|| container.id.clone()).unwrap_or_default();
            let name = name.trim_start_matches('/');
            add(LeftoverKind::Container, format!("{name} of {}", of.owner()));
        }
        for network in found.networks {
            add(LeftoverKind::Network, network.name.unwrap_or_default());
        }
        for volume in found.volumes {
            add(LeftoverKind::Volume, volume.name);
        }
        for id in images {
            add(LeftoverKind::Image, labels::tag_of(&self.setup, &id));
        }
        left.extend(of_folders(&self.setup.paths));
        Ok(left)
    }
}

//! What of a project is still in the engine and on this machine: the list that
//! has to be empty after everything was taken down.

use super::{CONTAINER, DockerEngine, IMAGE, labels};
use crate::leftover::{Leftover, LeftoverKind, of_folders};
use crate::world::Failure;

impl DockerEngine {
    /// Everything of the project that is there, running services included.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn prove(&self) -> Result<Vec<Leftover>, Failure> {
        let found = self.survey().await?;
        let mut left = Vec::new();
        let mut add = |kind, what: String| left.push(Leftover { kind, what });
        for container in &found.containers {
            let labels = container.labels.clone().unwrap_or_default();
            if !self.is_ours(&labels) {
                continue;
            }
            let name = container.names.iter().flatten().next().cloned();
            let name = name.or_else(|| container.id.clone()).unwrap_or_default();
            let of = labels::resource(&labels, &[CONTAINER]);
            let of = of.map_or_else(String::new, |id| format!(" of {}", id.owner()));
            let name = name.trim_start_matches('/');
            add(LeftoverKind::Container, format!("{name}{of}"));
        }
        for network in found.networks {
            add(LeftoverKind::Network, network.name.unwrap_or_default());
        }
        for volume in found.volumes {
            add(LeftoverKind::Volume, volume.name);
        }
        for image in found.images {
            let named = labels::resource(&image.labels, &[IMAGE]);
            let tag = image.repo_tags.first().cloned();
            let what = tag.or_else(|| Some(named?.to_string()));
            add(LeftoverKind::Image, what.unwrap_or(image.id));
        }
        left.extend(of_folders(&self.setup.paths));
        Ok(left)
    }
}

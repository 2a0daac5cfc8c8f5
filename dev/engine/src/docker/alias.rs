//! The names by which a running container is known in its stack's network.

#![expect(
    clippy::disallowed_methods,
    reason = "a note in the folder of a container is this module's own"
)]

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};
use hob_stack::ServiceId;

use super::{DockerEngine, container, network};
use crate::paths::write_closed;
use crate::resource::ResourceId;
use crate::world::Failure;

/// The note in the folder that a container's agent fills.
const ASIDE: &str = "aside";

impl DockerEngine {
    /// Has a service's container known in its stack's network by these names,
    /// and by no other that it was given before; without any it is put aside,
    /// out of the network, since engines add its host name to the names that it
    /// is given. They take names with the connection: what is open in the
    /// network breaks, also from this machine to its published port. Whether
    /// there is a container.
    ///
    /// # Errors
    /// The network is gone, or the engine refuses.
    pub async fn know_as(&self, id: &ServiceId, names: &[&str]) -> Result<bool, Failure> {
        let api = self.client.api().await?;
        let own = container(id.stack.as_str(), id.service.as_str());
        let stack = network(id.stack.as_str());
        let Some(container) = self.containers_of(&own).await?.into_iter().next() else {
            return Ok(false);
        };
        let inspected = api.inspect_container(&container, None).await;
        let inspected =
            inspected.map_err(|error| self.client.failure(&format!("look at the {own}"), error))?;
        let connected = inspected.network_settings.and_then(|it| it.networks);
        let connected: HashMap<String, EndpointSettings> = connected.unwrap_or_default();
        let ours = self.networks_of(&stack).await?;
        self.set_aside(id, names.is_empty())?;
        for endpoint in connected.values() {
            let Some(network) = endpoint.network_id.as_ref().filter(|it| ours.contains(it)) else {
                continue;
            };
            let request = NetworkDisconnectRequest {
                container: container.clone(),
                force: None,
            };
            let taken = api.disconnect_network(network, request).await;
            taken.map_err(|error| self.client.failure(&format!("take the {own} out"), error))?;
        }
        if names.is_empty() {
            return Ok(true);
        }
        let Some(network) = ours.first() else {
            return Err(Failure::operation(format!("the {stack} is gone")));
        };
        let request = NetworkConnectRequest {
            container,
            endpoint_config: Some(EndpointSettings {
                aliases: Some(names.iter().map(|it| (*it).to_owned()).collect()),
                ..EndpointSettings::default()
            }),
        };
        let put = api.connect_network(network, request).await;
        put.map_err(|error| self.client.failure(&format!("connect the {own}"), error))?;
        Ok(true)
    }

    /// Notes whether a container is out of its network on purpose.
    fn set_aside(&self, id: &ServiceId, aside: bool) -> Result<(), Failure> {
        let file = self.aside(id.stack.as_str(), id.service.as_str());
        let set = match aside {
            true => write_closed(&file, b""),
            false => match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        };
        set.map_err(|error| Failure::operation(format!("cannot set {}: {error}", file.display())))
    }

    /// Whether a container is out of its network on purpose.
    pub(super) fn is_aside(&self, container: &ResourceId) -> bool {
        let service = container.service.as_deref().unwrap_or_default();
        self.aside(&container.stack, service).is_file()
    }

    fn aside(&self, stack: &str, service: &str) -> PathBuf {
        self.setup.paths.container(stack, service).join(ASIDE)
    }
}

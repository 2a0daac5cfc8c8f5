//! The names by which a running container is known in its stack's network.

use std::collections::HashMap;

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};
use hob_stack::ServiceId;

use super::{DockerEngine, container, network};
use crate::world::Failure;

impl DockerEngine {
    /// Has a service's container known in its stack's network by these names,
    /// and by no other that it was given before. An engine takes a container's
    /// names with its connection: what is open in the network breaks, also from
    /// this machine to its published port. Whether there is a container.
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
}

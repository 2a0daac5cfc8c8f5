//! The actions in the engine, one at a time, each safe to do again.
//!
//! Decides nothing about what is wanted: it makes, tells and ends what the
//! action names. `images.rs` has those on images, `containers.rs` those on
//! containers.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{ListNetworksOptionsBuilder, RemoveVolumeOptions};
use tokio::time::Instant;

use super::client::{is_unknown, status};
use super::{
    AGENT_PROGRAM, BASE, CACHE, CONTAINER, DockerEngine, DockerFacts, DockerSpec, FOLDER, IMAGE,
    NETWORK, VOLUME, labels,
};
use crate::paths::{make_closed, remove_below};
use crate::resource::{Observed, ResourceId, Verb};
use crate::want::Want;
use crate::world::{Action, Failure, FailureKind, World};

/// For how long a network that nobody is in any more may be kept by the engine,
/// and how often it is tried.
const LETS_GO: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(100);

/// What an action leaves of its limit, so that it can say what went wrong.
const MARGIN: Duration = Duration::from_millis(500);

impl World for DockerEngine {
    type Spec = DockerSpec;
    type Facts = DockerFacts;
    type Question = Want;

    async fn observe(&self, want: &Want) -> Result<Observed<DockerFacts>, Failure> {
        self.answered(self.look(want)).await
    }

    async fn perform(&self, action: Action<DockerSpec>) -> Result<(), Failure> {
        let limit = action.limit.saturating_sub(MARGIN);
        let id = &action.resource;
        match (action.verb, &action.spec) {
            (Verb::Remove, _) => self.remove(id, limit).await,
            (Verb::Create, Some(DockerSpec::Named)) => self.make(id).await,
            (Verb::Create, Some(DockerSpec::Folder(path))) => {
                make_closed(path, self.setup.uid).map_err(failed)
            }
            (Verb::Create, Some(DockerSpec::Base(base))) => {
                self.ensure(base, limit, &action.says).await
            }
            (Verb::Create, Some(DockerSpec::Image(image))) => self.build(image, &action.says).await,
            (Verb::Create, Some(DockerSpec::Program(it))) => self.take_out(it).await,
            (Verb::Create, Some(DockerSpec::Container(it))) => self.run(it, limit).await,
            (Verb::Configure, Some(DockerSpec::Container(it))) => self.configure(it, limit).await,
            (Verb::Start, Some(DockerSpec::Container(it))) => {
                self.told(it, &|| Vec::new()).start(limit).await
            }
            (Verb::Await, Some(DockerSpec::Container(it))) => {
                let ready = self.told(it, &|| Vec::new()).ready(limit).await;
                ready.map_err(|failure| match (it.as_the_image_says, failure.kind) {
                    (true, FailureKind::Service) => failure.hint(
                        "in production form it runs what its image says: `ENTRYPOINT` and `CMD`",
                    ),
                    _ => failure,
                })
            }
            (verb, _) => Err(Failure::operation(format!(
                "`{}` has no meaning for {id}",
                verb.as_str(),
            ))),
        }
    }
}

impl DockerEngine {
    /// Makes a network, volume or cache, unless it is there.
    async fn make(&self, id: &ResourceId) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let name = labels::name(&self.setup, id);
        let labelled = labels::of(&self.setup, id);
        let made = if id.kind == NETWORK {
            if !self.networks_of(id).await?.is_empty() {
                return Ok(());
            }
            let request = NetworkCreateRequest {
                name: self.free_network_name(name).await?,
                labels: Some(labelled),
                ..NetworkCreateRequest::default()
            };
            api.create_network(request).await.map(drop)
        } else {
            self.is_not_foreign(&name).await?;
            let request = VolumeCreateRequest {
                name: Some(name),
                labels: Some(labelled),
                ..VolumeCreateRequest::default()
            };
            api.create_volume(request).await.map(drop)
        };
        made.map_err(|error| self.client.failure(&format!("make the {id}"), error))
    }

    /// This name, with a number where somebody else's network has it: by two of
    /// one name an engine starts no container.
    async fn free_network_name(&self, name: String) -> Result<String, Failure> {
        let alike = HashMap::from([("name", vec![name.as_str()])]);
        let options = ListNetworksOptionsBuilder::new().filters(&alike).build();
        let found = self.client.api().await?.list_networks(Some(options)).await;
        let found = found.map_err(|error| self.client.failure("list its networks", error))?;
        let taken: BTreeSet<String> = found.into_iter().filter_map(|it| it.name).collect();
        let numbered = (2..).map(|number| format!("{name}.{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        Ok(names.find(|it| !taken.contains(it)).unwrap_or(name))
    }

    /// A volume of this name that somebody else made is not taken for one.
    async fn is_not_foreign(&self, name: &str) -> Result<(), Failure> {
        match self.client.api().await?.inspect_volume(name).await {
            Ok(volume) if !self.is_ours(&volume.labels) => {
                let message = format!("there is a volume {name} that hob did not make");
                let hint = format!("`docker volume rm {name}`, if nobody needs it");
                Err(Failure::operation(message).hint(hint))
            }
            Ok(_) => Ok(()),
            Err(error) if is_unknown(&error) => Ok(()),
            Err(error) => Err(self
                .client
                .failure(&format!("look for the volume {name}"), error)),
        }
    }

    /// The networks of a stack, by the engine's own names: more than one when
    /// somebody made another by hand.
    pub(super) async fn networks_of(&self, id: &ResourceId) -> Result<Vec<String>, Failure> {
        let own = self.filter_of(id);
        let options = ListNetworksOptionsBuilder::new().filters(&own).build();
        let found = self.client.api().await?.list_networks(Some(options)).await;
        let found = found.map_err(|error| self.client.failure("list its networks", error))?;
        Ok(found.into_iter().filter_map(|it| it.id).collect())
    }

    /// Removes a network. An engine may take a while to see that the last
    /// container is gone from it.
    async fn remove_network(
        &self,
        id: &ResourceId,
        network: &str,
        limit: Duration,
    ) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let end = Instant::now() + limit.min(LETS_GO);
        loop {
            match api.remove_network(network).await {
                Err(error) if status(&error) == Some(403) && Instant::now() < end => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) if !is_unknown(&error) => {
                    return Err(self.client.failure(&format!("remove the {id}"), error));
                }
                _ => return Ok(()),
            }
        }
    }

    async fn remove(&self, id: &ResourceId, limit: Duration) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let service = id.service.as_deref().unwrap_or_default();
        let paths = &self.setup.paths;
        if id.kind == NETWORK {
            for network in self.networks_of(id).await? {
                self.remove_network(id, &network, limit).await?;
            }
            Ok(())
        } else if id.kind == VOLUME || id.kind == CACHE {
            let name = labels::name(&self.setup, id);
            self.is_not_foreign(&name).await?;
            let removed = api.remove_volume(&name, None::<RemoveVolumeOptions>).await;
            match removed {
                Err(error) if !is_unknown(&error) => {
                    Err(self.client.failure(&format!("remove the {id}"), error))
                }
                _ => Ok(()),
            }
        } else if id.kind == IMAGE {
            self.remove_image(id).await
        } else if id.kind == BASE {
            // It was there before hob, or serves others by now.
            Ok(())
        } else if id.kind == AGENT_PROGRAM {
            // Its folder goes once no container runs from it.
            self.delete_takers(id).await
        } else if id.kind == FOLDER {
            let folder = paths.container(&id.stack, service);
            paths.keep_log(&folder, &id.stack, service, self.setup.uid);
            remove_below(&paths.state, &folder).map_err(|error| {
                Failure::operation(format!("cannot remove {}: {error}", folder.display()))
            })
        } else if id.kind == CONTAINER {
            self.end(id, limit).await
        } else {
            let kind = id.kind.as_str();
            Err(Failure::operation(format!("this engine has no {kind}")))
        }
    }
}

fn failed(error: impl std::error::Error) -> Failure {
    Failure::operation(error.to_string())
}

//! [`Found`]: what the engine has, in one look; and which of it is a service's
//! container.
//!
//! Asks the engine's lists and the agents in containers. Decides nothing.
//! Start with [`DockerEngine::survey`].

use std::collections::HashMap;
use std::net::SocketAddr;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum as State, ImageSummary, Network, Volume,
};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder,
};
use tokio::task::JoinSet;

use super::labels::{self, Labels};
use super::{CONTAINER, DockerEngine};
use crate::agent::answer::{Answer, ask};
use crate::resource::ResourceId;
use crate::world::Failure;

/// How long an engine may take to say all that it has, and its agents how they
/// are.
const LOOK: std::time::Duration = std::time::Duration::from_secs(60);

/// How often the agent of a container that was only just started is asked
/// again, and how long is waited between: the engine starts containers again
/// by itself.
const TRIES: u32 = 40;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(50);

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All containers of the engine, whoever made them.
    pub(super) containers: Vec<ContainerSummary>,
    /// The project's networks.
    pub(super) networks: Vec<Network>,
    /// The project's volumes and caches.
    pub(super) volumes: Vec<Volume>,
    /// The project's images.
    pub(super) images: Vec<ImageSummary>,
}

/// The container of one service, and what its agent says.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) resource: ResourceId,
    pub(super) state: State,
    pub(super) labels: Labels,
    /// The networks that it is connected to, by the engine's own name.
    pub(super) networks: Vec<String>,
    /// Whether it shares the network of this machine instead.
    pub(super) in_host: bool,
    pub(super) answer: Answer,
    /// When it was made, in seconds since the Unix epoch.
    created: i64,
}

impl Candidate {
    /// `stack/service`.
    pub(super) fn service(&self) -> String {
        self.resource.owner().to_string()
    }

    /// Whether it is to listen on this address of this machine by itself.
    pub(super) fn listens_itself(&self, addr: SocketAddr) -> bool {
        let listen = match &self.answer {
            Answer::Status(status) => status.listen.as_ref(),
            _ => None,
        };
        self.in_host && self.runs() && listen.is_some_and(|it| it.addr == addr)
    }

    /// Whether its processes run.
    pub(super) fn runs(&self) -> bool {
        self.state == State::RUNNING
    }
}

impl DockerEngine {
    /// All that there is of this project, and every container.
    pub(super) async fn survey(&self) -> Result<Found, Failure> {
        let api = self.client.api().await?;
        let label = format!("{}={}", labels::PROJECT, self.setup.project);
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let containers = ListContainersOptionsBuilder::new().all(true).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let images = ListImagesOptionsBuilder::new().filters(&filters).build();
        let (containers, networks, volumes, images) = tokio::join!(
            api.list_containers(Some(containers)),
            api.list_networks(Some(networks)),
            api.list_volumes(Some(volumes)),
            api.list_images(Some(images)),
        );
        let failed = |what: &'static str| move |error| self.client.failure(what, error);
        let mut found = Found {
            containers: containers.map_err(failed("list its containers"))?,
            networks: networks.map_err(failed("list its networks"))?,
            volumes: volumes
                .map_err(failed("list its volumes"))?
                .volumes
                .unwrap_or_default(),
            images: images.map_err(failed("list its images"))?,
        };
        let ours = |labels: Option<&Labels>| labels.is_some_and(|it| self.is_ours(it));
        found.networks.retain(|it| ours(it.labels.as_ref()));
        found.volumes.retain(|it| ours(Some(&it.labels)));
        found.images.retain(|it| ours(Some(&it.labels)));
        Ok(found)
    }

    /// Looks, for as long as an engine that is well may take.
    ///
    /// # Errors
    /// It does not answer, or what the look itself says.
    pub(super) async fn answered<T>(
        &self,
        looking: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let looked = tokio::time::timeout(LOOK, looking).await;
        looked.unwrap_or_else(|_| {
            let message = format!(
                "the Docker engine at {} does not answer within {} s",
                self.client.resolved.endpoint,
                LOOK.as_secs()
            );
            Err(Failure::operation(message)
                .hint("`docker info` hangs, too? then restart the engine"))
        })
    }

    /// Whether labels are those of something that this project made with its
    /// state in this folder: another user's hob has another one.
    pub(super) fn is_ours(&self, labels: &Labels) -> bool {
        labels::is_of(labels, &self.setup.project, &self.setup.paths.state)
    }

    /// The containers of this project's services, each asked for its status,
    /// in the order of their names. Two of one service can be there when a
    /// container was copied by hand: the newest counts.
    pub(super) async fn candidates(&self, found: &Found) -> Vec<Candidate> {
        let mut asking = JoinSet::new();
        for summary in &found.containers {
            let labels = summary.labels.clone().unwrap_or_default();
            let resource = labels::resource(&labels, &[CONTAINER]);
            let (true, Some(resource)) = (self.is_ours(&labels), resource) else {
                continue;
            };
            let service = resource.service.clone().unwrap_or_default();
            let agent = self.agent_in(&resource.stack, &service);
            let state = summary.state.unwrap_or(State::EMPTY);
            let host = summary.host_config.as_ref();
            let mode = host.and_then(|it| it.network_mode.as_deref());
            let networks = summary.network_settings.as_ref();
            let networks = networks.and_then(|it| it.networks.as_ref());
            let networks = networks.into_iter().flat_map(HashMap::values);
            let mut candidate = Candidate {
                resource,
                state,
                labels,
                networks: networks.filter_map(|it| it.network_id.clone()).collect(),
                in_host: mode == Some("host"),
                answer: Answer::Nobody,
                created: summary.created.unwrap_or_default(),
            };
            asking.spawn(async move {
                for _ in 0..TRIES {
                    if !candidate.runs() {
                        break;
                    }
                    candidate.answer = ask(&agent).await;
                    if !matches!(candidate.answer, Answer::Nobody) {
                        break;
                    }
                    tokio::time::sleep(BETWEEN).await;
                }
                candidate
            });
        }
        let mut candidates = asking.join_all().await;
        candidates.sort_by(|a, b| (&a.resource, b.created).cmp(&(&b.resource, a.created)));
        candidates.dedup_by(|later, earlier| later.resource == earlier.resource);
        candidates
    }
}

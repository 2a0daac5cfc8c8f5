//! The services of a project as their agents tell of them, and how these are
//! reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use bollard::models::ContainerSummaryStateEnum as State;
use bollard::query_parameters::ListContainersOptionsBuilder;
use hob_stack::ServiceId;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::body::AGENT_PORT;
use super::client::Client;
use super::endpoint::Resolved;
use super::{CONTAINER, DockerEngine, folder, labels};
use crate::agent::answer::Answer;
use crate::agent::socket::client;
use crate::agent::{AgentClient, AgentWire, Connecting, Reach};
use crate::paths::Paths;
use crate::resource::Owner;
use crate::status::{ServiceState, Verdict};
use crate::world::Failure;

/// The agent's socket, in the folder that it fills.
const SOCKET: &str = "agent.sock";
/// The file in that folder with what has to be said first on its port.
pub(super) const TOKEN: &str = "token";

impl DockerEngine {
    /// The agent of a service, whether it is there or not.
    #[must_use]
    pub fn agent_of(&self, id: &ServiceId) -> AgentClient {
        self.agent_in(id.stack.as_str(), id.service.as_str())
    }

    pub(super) fn agent_in(&self, stack: &str, service: &str) -> AgentClient {
        let folder = self.setup.paths.container(stack, service);
        if folder.join(TOKEN).is_file() {
            return AgentClient::new(AgentPort {
                resolved: self.client.resolved.clone(),
                token: folder.join(TOKEN),
                labels: [
                    format!("{}={}", labels::PROJECT, self.setup.project),
                    format!("{}={stack}", labels::STACK),
                    format!("{}={service}", labels::SERVICE),
                ],
            });
        }
        client(&folder.join(SOCKET))
    }

    /// Every service that something is known of, and those of `asked`.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn services(
        &self,
        asked: &BTreeSet<ServiceId>,
    ) -> Result<Vec<ServiceState>, Failure> {
        let found = self.answered(self.survey()).await?;
        let mut states: BTreeMap<Owner, Verdict> = BTreeMap::new();
        for id in asked {
            states.insert(crate::want::owner(id), Verdict::Down);
        }
        let home = self.setup.paths.containers();
        for stack in crate::paths::entries(&home) {
            for service in crate::paths::entries(&home.join(&stack)) {
                let owner = folder(&stack, &service).owner();
                states.entry(owner).or_insert(Verdict::Down);
            }
        }
        for candidate in self.candidates(&found).await {
            let (project, service) = (&self.setup.project, candidate.service());
            let status = candidate.answer.status_of(project, &service);
            let verdict = match (&candidate.answer, status) {
                (_, Some(status)) => match self.useless(&candidate, &found) {
                    Some(why) => Verdict::Broken(why),
                    None => Verdict::Up(Box::new(status.clone())),
                },
                (Answer::Nobody, _) => Verdict::Broken(
                    match candidate.state {
                        State::RUNNING => "its agent does not answer",
                        State::PAUSED => "its container is paused",
                        State::RESTARTING => "its container starts again and again",
                        _ => "its container is stopped",
                    }
                    .to_owned(),
                ),
                (Answer::Version(version), _) => Verdict::Broken(format!(
                    "its agent speaks version {version} of the protocol"
                )),
                (Answer::Useless(reason), _) => Verdict::Broken(reason.clone()),
                (Answer::Status(other), None) => {
                    Verdict::Broken(format!("the agent of {} answers for it", other.service))
                }
            };
            states.insert(candidate.resource.owner(), verdict);
        }
        let states = states.into_iter();
        Ok(states
            .map(|(owner, verdict)| ServiceState { owner, verdict })
            .collect())
    }
}

/// All projects that have a container, network, volume or image in an engine,
/// with their state in the folder that `state_of` names: their ids and folders.
/// Of one that has images alone nobody knows the folder.
pub(crate) async fn projects(
    resolved: Resolved,
    state_of: impl Fn(&str) -> PathBuf,
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    use bollard::query_parameters::{
        ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    };
    let client = Client::new(resolved)?;
    let api = client.api().await?;
    let filters = std::collections::HashMap::from([("label", vec![labels::PROJECT])]);
    let containers = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let images = ListImagesOptionsBuilder::new().filters(&filters).build();
    let failed = |error| client.failure("list what hob made", error);
    let mut all = Vec::new();
    let containers = api
        .list_containers(Some(containers))
        .await
        .map_err(failed)?;
    all.extend(containers.into_iter().filter_map(|it| it.labels));
    let networks = api.list_networks(Some(networks)).await.map_err(failed)?;
    all.extend(networks.into_iter().filter_map(|it| it.labels));
    let volumes = api.list_volumes(Some(volumes)).await.map_err(failed)?;
    let volumes = volumes.volumes.unwrap_or_default();
    all.extend(volumes.into_iter().map(|it| it.labels));
    let images = api.list_images(Some(images)).await.map_err(failed)?;
    all.extend(images.into_iter().map(|it| it.labels));
    let mut projects: BTreeMap<String, PathBuf> = BTreeMap::new();
    for labels in &all {
        let Some((id, root)) = labels::project(labels) else {
            continue;
        };
        if labels::is_of(labels, &id, &state_of(&id)) {
            let known = projects.entry(id).or_default();
            if known.as_os_str().is_empty() {
                *known = root;
            }
        }
    }
    Ok(projects)
}

/// Writes what has to be said first on the port of a service's agent, or takes
/// it away where there is no such port.
pub(super) fn set_token(
    stack: &str,
    service: &str,
    wanted: bool,
    paths: &Paths,
) -> Result<(), Failure> {
    let file = paths.container(stack, service).join(TOKEN);
    let set = match wanted {
        true => crate::paths::make_secret(&file),
        false => crate::paths::remove_secret(&file),
    };
    set.map_err(|error| Failure::operation(format!("cannot set {}: {error}", file.display())))
}

/// The port of an agent, wherever the engine published it: that can be another
/// one each time the container starts.
#[derive(Debug, Clone)]
struct AgentPort {
    resolved: Resolved,
    token: PathBuf,
    labels: [String; 3],
}

impl AgentPort {
    async fn port(&self) -> std::io::Result<u16> {
        let other = |error: Failure| std::io::Error::other(error.message);
        let client = Client::new(self.resolved.clone()).map_err(other)?;
        let api = client.api().await.map_err(other)?;
        let kind = format!("{}={}", labels::KIND, CONTAINER.as_str());
        let labels = self.labels.iter().chain([&kind]).map(String::as_str);
        let filters = std::collections::HashMap::from([("label", labels.collect::<Vec<_>>())]);
        let options = ListContainersOptionsBuilder::new()
            .filters(&filters)
            .build();
        let containers = api.list_containers(Some(options)).await;
        let containers = containers.map_err(std::io::Error::other)?;
        let ports = containers.iter().flat_map(|it| it.ports.iter().flatten());
        let mut ports = ports.filter(|port| port.private_port == AGENT_PORT);
        let port = ports.find_map(|port| port.public_port);
        port.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

impl Reach for AgentPort {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let port = self.port().await?;
            let token = tokio::fs::read_to_string(&self.token).await?;
            let stream = TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await?;
            stream.set_nodelay(true)?;
            let (read, mut write) = stream.into_split();
            let line = serde_json::json!({ "token": token.trim() });
            write.write_all(format!("{line}\n").as_bytes()).await?;
            Ok(AgentWire {
                read: Box::new(read),
                write: Box::new(write),
            })
        })
    }
}

impl fmt::Display for AgentPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the port of {}", self.labels[2])
    }
}

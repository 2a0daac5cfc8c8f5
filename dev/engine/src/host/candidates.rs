//! The services that anything is known of: by the ledger, by a folder, by a
//! socket, by a process of theirs; and what their agents say.
//!
//! Looks and asks, changes nothing. Start with [`HostEngine::candidates`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hob_stack::ServiceId;
use hob_wire::Status;
use tokio::task::JoinSet;

use super::{FACT_SOCKET, HostEngine, agent};
use crate::agent::answer::{Answer, ask};
use crate::agent::socket::client;
use crate::ledger::{Ledger, Records};
use crate::machine::processes::Marked;
use crate::paths::entries;
use crate::resource::Owner;
use crate::world::Failure;

/// One service that something is known of.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) stack: String,
    pub(super) service: String,
    pub(super) socket: PathBuf,
    pub(super) answer: Answer,
    /// Its processes, the agent among them.
    pub(super) processes: Vec<Marked>,
}

impl Candidate {
    /// The service, if a stack file could name it so.
    pub(super) fn id(&self) -> Option<ServiceId> {
        format!("{}/{}", self.stack, self.service).parse().ok()
    }

    /// The service as resources know it.
    pub(super) fn owner(&self) -> Owner {
        agent(&self.stack, &self.service).owner()
    }

    /// The status, if it is this service's agent that answers.
    pub(super) fn status(&self, project: &str) -> Option<&Status> {
        let service = format!("{}/{}", self.stack, self.service);
        self.answer.status_of(project, &service)
    }
}

impl HostEngine {
    /// The socket of a service's agent: the one that it was started with, else
    /// the one that it would be.
    pub(super) fn socket(&self, records: &Records, stack: &str, service: &str) -> PathBuf {
        let recorded = records
            .get(&agent(stack, service))
            .and_then(|memory| memory.facts.get(FACT_SOCKET));
        match recorded {
            Some(path) => PathBuf::from(path),
            None => self.setup.paths.socket(stack, service),
        }
    }

    pub(super) fn records(&self) -> Result<Records, Failure> {
        Ledger::peek(&self.setup.paths.state).map_err(|error| Failure::operation(error.to_string()))
    }

    /// Every service that anything at all is known of.
    pub(super) async fn candidates(
        &self,
        records: &Records,
        asked: &BTreeSet<ServiceId>,
    ) -> Vec<Candidate> {
        let setup = &self.setup;
        let mut names: BTreeSet<(String, String)> = BTreeSet::new();
        for id in asked {
            names.insert((id.stack.to_string(), id.service.to_string()));
        }
        for id in records.keys() {
            names.extend(
                id.service
                    .clone()
                    .map(|service| (id.stack.clone(), service)),
            );
        }
        for home in ["services", "volumes"] {
            for stack in entries(&setup.paths.state.join(home)) {
                let services = entries(&setup.paths.state.join(home).join(&stack));
                names.extend(services.into_iter().map(|service| (stack.clone(), service)));
            }
        }
        for socket in entries(&setup.paths.runtime) {
            let parts = socket.strip_suffix(".sock").and_then(|s| s.split_once('.'));
            let id = parts.map(|(stack, service)| format!("{stack}/{service}"));
            if let Some(Ok(id)) = id.map(|id| id.parse::<ServiceId>()) {
                names.insert((id.stack.to_string(), id.service.to_string()));
            }
        }
        let mut processes: BTreeMap<(String, String), Vec<Marked>> = BTreeMap::new();
        for marked in self.processes() {
            // What carries only the project's mark was not started by an agent.
            if let Some((stack, service)) = marked.marks.service.split_once('/') {
                let name = (stack.to_owned(), service.to_owned());
                names.insert(name.clone());
                processes.entry(name).or_default().push(marked);
            }
        }
        let mut asking = JoinSet::new();
        for (stack, service) in names {
            let socket = self.socket(records, &stack, &service);
            let processes = processes
                .remove(&(stack.clone(), service.clone()))
                .unwrap_or_default();
            asking.spawn(async move {
                Candidate {
                    answer: ask(&client(&socket)).await,
                    stack,
                    service,
                    socket,
                    processes,
                }
            });
        }
        let mut candidates = asking.join_all().await;
        candidates.sort_by(|a, b| (&a.stack, &a.service).cmp(&(&b.stack, &b.service)));
        candidates
    }
}

//! What is there of a project on this machine, as resources. Changes nothing.
//! `candidates.rs` finds the services and asks their agents, `gather.rs` looks
//! at the rest of the machine. Start with [`HostEngine::look`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use super::candidates::Candidate;
use super::{
    FACT_STOP, HostEngine, HostFacts, ORPHANS, REMAINS, TRAIT_SECRETS, VOLUME, agent, folder,
};
use crate::agent::answer::Answer;
use crate::agent::found;
use crate::ledger::Records;
use crate::lowering::secret_variables;
use crate::machine::ports::Listeners;
use crate::machine::processes::{self, Marked, Process};
use crate::paths::entries;
use crate::resource::{Level, Observed, ObservedResource, ResourceId, StepLimits};
use crate::sessions::{MaybeIn, in_sessions};
use crate::want::Want;
use crate::world::Failure;

impl HostEngine {
    pub(super) async fn look(&self, want: &Want) -> Result<Observed<HostFacts>, Failure> {
        let records = self.records()?;
        let candidates = self.candidates(&records, &want.services).await;
        let mut resources = BTreeMap::new();
        for candidate in &candidates {
            self.service_resources(candidate, want, &records, &mut resources);
        }
        let mut observed = Observed {
            resources,
            held: BTreeMap::new(),
            facts: HostFacts::default(),
        };
        if let Some(project) = want.project.as_deref() {
            let listeners = Listeners::read();
            observed.facts = self
                .facts(project, want, &records, &candidates, &listeners)
                .await;
            observed.held = self.held(project, want, &observed, &listeners);
        }
        let services = candidates.iter().map(|candidate| MaybeIn {
            agent: agent(&candidate.stack, &candidate.service),
            silent: matches!(candidate.answer, Answer::Nobody) && was_there(candidate),
        });
        let services = services.collect();
        in_sessions(&self.setup.paths.runtime, want, services, &mut observed).await;
        Ok(observed)
    }

    /// The resources of one service, into `resources`.
    fn service_resources(
        &self,
        candidate: &Candidate,
        want: &Want,
        records: &Records,
        resources: &mut BTreeMap<ResourceId, ObservedResource>,
    ) {
        let paths = &self.setup.paths;
        let (stack, service) = (&*candidate.stack, &*candidate.service);
        let mut below = BTreeSet::new();
        if paths.service(stack, service).is_dir() {
            let id = folder(stack, service);
            below.insert(id.clone());
            resources.insert(id, ObservedResource::at(Level::Created));
        }
        for name in entries(&paths.state.join("volumes").join(stack).join(service)) {
            let id = ResourceId::of_service(stack, service, VOLUME).named(&name);
            below.insert(id.clone());
            let mut volume = ObservedResource::at(Level::Created);
            volume.durable = true;
            resources.insert(id, volume);
        }
        let id = agent(stack, service);
        let memory = records.get(&id).cloned().unwrap_or_default();
        below.extend(memory.needs);
        let stop = memory.facts.get(FACT_STOP).and_then(|ms| ms.parse().ok());
        let limits = StepLimits {
            remove: stop.map_or(StepLimits::default().remove, Duration::from_millis),
            ..StepLimits::default()
        };
        let with = |mut resource: ObservedResource| {
            resource.needs.clone_from(&below);
            resource.limits = limits;
            resource
        };
        let (kind, words) = match self.agent_resource(candidate, want) {
            Some(found) => {
                resources.insert(id, with(found));
                match left_over(candidate).len() {
                    0 => return,
                    left => (
                        ORPHANS,
                        format!("an earlier agent left {}", processes_of(left)),
                    ),
                }
            }
            None => {
                let mut left = Vec::new();
                if !candidate.processes.is_empty() {
                    left.push(processes_of(candidate.processes.len()));
                }
                if fs::symlink_metadata(&candidate.socket).is_ok() {
                    left.push("a socket".to_owned());
                }
                if left.is_empty() {
                    return;
                }
                (
                    REMAINS,
                    format!("its agent is gone and left {}", left.join(" and ")),
                )
            }
        };
        let mut resource = with(ObservedResource::at(Level::Created));
        resource.remains = Some(words);
        resources.insert(ResourceId::of_service(stack, service, kind), resource);
    }

    /// The agent, if it is there.
    fn agent_resource(&self, candidate: &Candidate, want: &Want) -> Option<ObservedResource> {
        let service = format!("{}/{}", candidate.stack, candidate.service);
        let project = &self.setup.project;
        let mut found = found::resource(&candidate.answer, project, &service, want.session)?;
        if let Some(status) = candidate.status(project)
            && !status.spec_digest.is_empty()
        {
            let secrets = self.secrets_in(status.agent_pid, candidate, want);
            found.identity.extend(secrets);
        }
        Some(found)
    }

    /// Whether the secrets that a running agent was started with are still
    /// the caller's. A caller without them does not count as a change.
    fn secrets_in(&self, pid: u32, candidate: &Candidate, want: &Want) -> Option<(String, String)> {
        let project = want.project.as_deref()?;
        let mut names = secret_variables(project.service(&candidate.id()?)?).peekable();
        names.peek()?;
        let same = names.all(|name| match self.setup.environment.get(name) {
            Some(value) => processes::variable(pid, name).as_ref() == Some(value),
            None => true,
        });
        let whose = if same { "the caller's" } else { "an older one" };
        Some((TRAIT_SECRETS.to_owned(), whose.to_owned()))
    }

    /// The processes of a service that its present agent did not start: they
    /// are older than it is.
    pub(super) fn older_than(agent: u32, processes: &[Marked]) -> Vec<Process> {
        let Some(agent) = processes::process(agent) else {
            return Vec::new();
        };
        let all = processes.iter().map(|marked| marked.process);
        all.filter(|process| process.start < agent.start).collect()
    }
}

/// Whether an agent of the service was there and went without being told to.
fn was_there(candidate: &Candidate) -> bool {
    !candidate.processes.is_empty() || fs::symlink_metadata(&candidate.socket).is_ok()
}

fn left_over(candidate: &Candidate) -> Vec<Process> {
    match &candidate.answer {
        Answer::Status(status) => HostEngine::older_than(status.agent_pid, &candidate.processes),
        _ => Vec::new(),
    }
}

fn processes_of(count: usize) -> String {
    match count {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    }
}

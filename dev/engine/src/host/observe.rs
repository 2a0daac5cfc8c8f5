//! What is there of a project on this machine, as resources. Changes nothing.
//! `candidates.rs` finds the services and asks their agents, `gather.rs` looks
//! at the rest of the machine. Start with [`HostEngine::look`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use hob_wire::{Mode, PROTOCOL, Phase, Status};

use super::candidates::{Answer, Candidate};
use super::gather::secret_variables;
use super::ports::Listeners;
use super::processes::{self, Marked, Process};
use super::{
    FACT_STOP, HostEngine, HostFacts, ORPHANS, REMAINS, TRAIT_LISTEN, TRAIT_MODE, TRAIT_PROTOCOL,
    TRAIT_SECRETS, VOLUME, agent, fixed, folder,
};
use crate::ledger::Records;
use crate::paths::entries;
use crate::resource::{
    Digest, Health, Identity, Level, Observed, ObservedResource, ResourceId, StepLimits,
};
use crate::sessions::{describe, session_name, sessions};
use crate::want::Want;
use crate::world::Failure;

/// The traits of an agent that runs a service so.
pub(super) fn traits(mode: Mode, listen: Option<SocketAddr>) -> Identity {
    let mode = match mode {
        Mode::Dev => "dev",
        Mode::Run => "run",
    };
    let listen = listen.map_or_else(|| "no port".to_owned(), |addr| addr.to_string());
    Identity::from([
        (TRAIT_MODE.to_owned(), mode.to_owned()),
        (TRAIT_LISTEN.to_owned(), listen),
        (TRAIT_PROTOCOL.to_owned(), PROTOCOL.to_string()),
    ])
}

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
        for (id, who) in self.in_sessions(want, &candidates).await {
            // A service that is to come is busy as much as one that is there.
            let absent = || ObservedResource::at(Level::Absent);
            let resource = observed.resources.entry(id).or_insert_with(absent);
            resource.busy.get_or_insert(who);
        }
        Ok(observed)
    }

    /// The agents of services that dev sessions have, with the session in
    /// words, for whoever wants them for good: a session makes the agent of its
    /// service anew when that dies. Sessions settle among themselves, at the
    /// agents, which of them has a service.
    async fn in_sessions(
        &self,
        want: &Want,
        candidates: &[Candidate],
    ) -> Vec<(ResourceId, String)> {
        if want.services.is_empty() || want.mode != Mode::Run {
            return Vec::new();
        }
        let mut found = Vec::new();
        for session in sessions(&self.setup.paths.runtime).await {
            let who = session_name(session.pid);
            let state = describe(&session).await;
            for candidate in candidates {
                let name = format!("{}/{}", candidate.stack, candidate.service);
                let (has, who) = match &state {
                    Some(state) => (state.services.contains(&name), who.clone()),
                    // It may have any that nobody else answers for.
                    None => (
                        matches!(candidate.answer, Answer::Nobody) && was_there(candidate),
                        format!("{who} does not answer and maybe"),
                    ),
                };
                if has {
                    found.push((agent(&candidate.stack, &candidate.service), who));
                }
            }
        }
        found
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
        let mut found = ObservedResource::at(Level::Created);
        if let Some(status) = candidate.status(&self.setup.project) {
            if !status.spec_digest.is_empty() {
                found.level = level(status);
                found.config = Some(Digest::from_text(&status.spec_digest));
                found.identity = traits(status.mode, status.listen.map(|listen| listen.addr));
                found.identity.extend(fixed::traits_in(&status.spec_digest));
                let secrets = self.secrets_in(status.agent_pid, candidate, want);
                found.identity.extend(secrets);
            }
            if let (Phase::Failed | Phase::Stale, Some(problem)) = (status.phase, &status.problem) {
                found.health = Health::Failed(problem.message.clone());
            }
            if status.phase == Phase::Updating && found.level == Level::Ready {
                found.health = Health::Behind("an older save still answers".to_owned());
            }
            let session = status.session.as_ref();
            found.busy = session
                .filter(|session| Some(session.pid) != want.session)
                .map(|session| session_name(session.pid));
            return Some(found);
        }
        match &candidate.answer {
            Answer::Nobody => None,
            Answer::Version(version) => {
                let protocol = (TRAIT_PROTOCOL.to_owned(), version.to_string());
                found.identity = Identity::from([protocol]);
                Some(found)
            }
            Answer::Useless(reason) => {
                found.health = Health::Broken(reason.clone());
                Some(found)
            }
            Answer::Status(other) => {
                let whose = format!("the agent of {} answers in its place", other.service);
                found.health = Health::Broken(whose);
                Some(found)
            }
        }
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

/// How far a configured agent has come. A job that is done is where it was to
/// come to.
fn level(status: &Status) -> Level {
    match status.phase {
        _ if !status.started => Level::Configured,
        Phase::Stopped if status.done.is_some() => Level::Ready,
        Phase::Waiting | Phase::Stopped => Level::Configured,
        Phase::Building | Phase::Starting | Phase::Failed | Phase::Backoff => Level::Started,
        // What answers can be relied on, whichever save it is of.
        Phase::Ready | Phase::Updating | Phase::Stale => Level::Ready,
    }
}

fn processes_of(count: usize) -> String {
    match count {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    }
}

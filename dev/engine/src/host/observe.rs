//! What is there of a project on this machine, and what its lowering has to
//! know. Looks, asks agents for their status, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_stack::{Form, Project, Ready, Service, ServiceId};
use hob_wire::{Mode, PROTOCOL, Phase, SecretSource, Status};
use tokio::task::JoinSet;

use super::client::{AgentClient, ClientError};
use super::ports::{Listeners, holders, user_name};
use super::processes::{self, Marked, Process};
use super::{
    AGENT, FACT_PORT, FACT_SOCKET, FACT_STOP, HostEngine, HostFacts, ORPHANS, REMAINS,
    TRAIT_LISTEN, TRAIT_MODE, TRAIT_PROTOCOL, TRAIT_SECRETS, VOLUME, agent, fixed, folder,
    port_choice, tools,
};
use crate::ledger::{Ledger, Records};
use crate::resource::{
    Claim, Digest, Health, Holder, Identity, Level, Observed, ObservedResource, Owner, ResourceId,
    StepLimits,
};
use crate::want::Want;
use crate::world::Failure;

/// How long a connected agent may take to tell its status.
const ANSWER: Duration = Duration::from_secs(5);

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

/// What an agent's socket says.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Nobody listens.
    Nobody,
    /// Its status.
    Status(Box<Status>),
    /// It speaks another version.
    Version(u32),
    /// Somebody listens and says nothing of use, for this reason.
    Useless(String),
}

/// Asks the agent of a socket for its status.
pub(super) async fn ask(socket: &Path) -> Answer {
    match AgentClient::new(socket.to_owned()).status(ANSWER).await {
        Ok(status) => Answer::Status(Box::new(status)),
        Err(ClientError::Version { protocol, .. }) => Answer::Version(protocol),
        Err(ClientError::Gone { .. }) => Answer::Nobody,
        Err(error) => Answer::Useless(error.to_string()),
    }
}

/// One service that something is known of.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) stack: String,
    pub(super) service: String,
    pub(super) socket: PathBuf,
    pub(super) answer: Answer,
    /// Processes that carry its marks, the agent among them.
    pub(super) processes: Vec<Marked>,
}

impl Candidate {
    /// The status, if it is this service's agent that answers.
    pub(super) fn status(&self, project: &str) -> Option<&Status> {
        match &self.answer {
            Answer::Status(status) => {
                let service = format!("{}/{}", self.stack, self.service);
                (status.project == project && status.service == service).then_some(status)
            }
            _ => None,
        }
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
        for marked in processes::marked(setup.uid) {
            if marked.marks.project != setup.project {
                continue;
            }
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
                    answer: ask(&socket).await,
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
            let session = status.session.as_ref();
            found.busy = session
                .filter(|session| Some(session.pid) != want.session)
                .map(|session| format!("`hob dev` (process {})", session.pid));
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
        let id: ServiceId = format!("{}/{}", candidate.stack, candidate.service)
            .parse()
            .ok()?;
        let mut names = secret_variables(project.service(&id)?).peekable();
        names.peek()?;
        let same = names.all(|name| match self.setup.environment.get(name) {
            Some(value) => processes::variable(pid, name).as_ref() == Some(value),
            None => true,
        });
        let whose = if same { "the caller's" } else { "an older one" };
        Some((TRAIT_SECRETS.to_owned(), whose.to_owned()))
    }

    async fn facts(
        &self,
        project: &Project,
        want: &Want,
        records: &Records,
        candidates: &[Candidate],
        listeners: &Listeners,
    ) -> HostFacts {
        let mut had = BTreeMap::new();
        let mut pids = BTreeMap::new();
        for candidate in candidates {
            let name = format!("{}/{}", candidate.stack, candidate.service);
            let Ok(id) = name.parse::<ServiceId>() else {
                continue;
            };
            let status = candidate.status(&self.setup.project);
            pids.extend(status.map(|status| (id.clone(), status.agent_pid)));
            let running = status.and_then(|status| Some(status.listen?.addr.port()));
            let recorded = records
                .get(&agent(&candidate.stack, &candidate.service))
                .and_then(|memory| memory.facts.get(FACT_PORT)?.parse().ok())
                .filter(|port| !candidate.processes.is_empty() || !listeners.uses(*port));
            had.extend(running.or(recorded).map(|port| (id, port)));
        }
        let mut facts = HostFacts {
            ports: port_choice::ports(project, want.port_offset, &had, |port| listeners.uses(port)),
            ..HostFacts::default()
        };
        let mut files = false;
        for service in want.services.iter().filter_map(|id| project.service(id)) {
            let missing = self.missing(service, want.mode);
            if !missing.is_empty() {
                facts.missing.insert(service.id.clone(), missing);
            }
            let unset: BTreeSet<String> = secret_variables(service)
                .filter(|name| !self.setup.environment.contains_key(*name))
                .filter(|name| {
                    let pid = pids.get(&service.id);
                    pid.and_then(|pid| processes::variable(*pid, name))
                        .is_none()
                })
                .map(str::to_owned)
                .collect();
            if !unset.is_empty() {
                facts.unset.insert(service.id.clone(), unset);
            }
            files |= matches!(form(service, want.mode), Form::Files { .. });
        }
        if files {
            facts.nginx = self.nginx().await;
        }
        if want.mode == Mode::Run {
            facts.sources = self.sources(project, want).await;
        }
        facts
    }

    /// The digest of every source tree that is asked for.
    async fn sources(
        &self,
        project: &Project,
        want: &Want,
    ) -> BTreeMap<ServiceId, Result<String, String>> {
        let mut reading = JoinSet::new();
        for service in want.services.iter().filter_map(|id| project.service(id)) {
            let id = service.id.clone();
            let root = super::source::root(service);
            reading.spawn_blocking(move || {
                let digest = super::source::digest(&root);
                (id, digest.map_err(|error| error.to_string()))
            });
        }
        reading.join_all().await.into_iter().collect()
    }

    /// The programs of a service that are not on the search path.
    fn missing(&self, service: &Service, mode: Mode) -> BTreeSet<String> {
        let mut programs: Vec<&String> = Vec::new();
        if let Form::Program { build, run } = form(service, mode) {
            programs.extend(build.iter().filter_map(|argv| argv.first()));
            programs.extend(run.first());
        }
        let ready = match mode {
            Mode::Dev => &service.dev_form.ready,
            Mode::Run => &service.ready,
        };
        if let Ready::Command(argv) = ready {
            programs.extend(argv.first());
        }
        let path = self.setup.environment.get("PATH");
        programs
            .into_iter()
            .filter(|program| tools::is_looked_up(program))
            .filter(|program| which::which_in(program, path, &service.source).is_err())
            .cloned()
            .collect()
    }

    /// The version of nginx, if it is installed.
    async fn nginx(&self) -> Option<String> {
        let path = self.setup.environment.get("PATH");
        let path = tools::path_with_system(path).or_else(|| path.cloned())?;
        let nginx = which::which_in("nginx", Some(path), "/").ok()?;
        let mut command = tokio::process::Command::new(nginx);
        command.arg("-v").env_clear().kill_on_drop(true);
        command.stdin(std::process::Stdio::null());
        let output = tokio::time::timeout(ANSWER, command.output()).await;
        // "nginx version: nginx/1.26.3", on its standard error.
        let text = String::from_utf8_lossy(&output.ok()?.ok()?.stderr).into_owned();
        let (_, version) = text.split_once("nginx/")?;
        Some(version.split_whitespace().next()?.to_owned())
    }

    /// Who has the addresses that are asked for.
    fn held(
        &self,
        project: &Project,
        want: &Want,
        observed: &Observed<HostFacts>,
        listeners: &Listeners,
    ) -> BTreeMap<Claim, Holder> {
        let mut against: Vec<(Claim, u64, u32)> = Vec::new();
        for service in want.services.iter().filter_map(|id| project.service(id)) {
            let Some(port) = observed.facts.ports.get(&service.id) else {
                continue;
            };
            let addr = SocketAddr::new(service.address, *port);
            let first = listeners.against(addr).next();
            against.extend(first.map(|held| (Claim(addr.to_string()), held.inode, held.uid)));
        }
        let inodes: Vec<u64> = against.iter().map(|(_, inode, _)| *inode).collect();
        let pids = holders(&inodes);
        against
            .into_iter()
            .map(|(claim, inode, uid)| {
                let pids = pids.get(&inode).map_or(&[][..], Vec::as_slice);
                (claim, self.holder(pids, uid, observed))
            })
            .collect()
    }

    fn holder(&self, pids: &[u32], uid: u32, observed: &Observed<HostFacts>) -> Holder {
        let elsewhere =
            "`--port-offset 100` moves this project's ports, `publish = \"auto\"` picks a free one";
        let marked = pids.iter().find_map(|pid| processes::look(*pid));
        if let Some(marked) = marked {
            let marks = marked.marks;
            if marks.project != self.setup.project {
                let root = marks.root.display();
                return Holder::Foreign {
                    who: format!("{} of the project {root}", marks.service),
                    hints: vec![
                        format!("`hob down --project {root} {}` ends it", marks.service),
                        elsewhere.to_owned(),
                    ],
                };
            }
            if let Some((stack, service)) = marks.service.split_once('/') {
                let id = agent(stack, service);
                return Holder::Ours(if observed.resources.contains_key(&id) {
                    id
                } else {
                    ResourceId::of_service(stack, service, REMAINS)
                });
            }
        }
        let who = match pids.first() {
            Some(pid) => {
                let name = processes::name(*pid).unwrap_or_else(|| "a program".to_owned());
                format!("{name} (process {pid})")
            }
            None => match user_name(uid).filter(|_| uid != self.setup.uid) {
                Some(user) => format!("a process of another user ({user})"),
                None => "a process that hob cannot see".to_owned(),
            },
        };
        Holder::Foreign {
            who,
            hints: vec![elsewhere.to_owned()],
        }
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

fn left_over(candidate: &Candidate) -> Vec<Process> {
    match &candidate.answer {
        Answer::Status(status) => HostEngine::older_than(status.agent_pid, &candidate.processes),
        _ => Vec::new(),
    }
}

/// How far a configured agent has come.
fn level(status: &Status) -> Level {
    match status.phase {
        _ if !status.started => Level::Configured,
        Phase::Waiting | Phase::Stopped => Level::Configured,
        Phase::Building | Phase::Starting | Phase::Failed | Phase::Backoff => Level::Started,
        Phase::Updating => Level::Started,
        Phase::Ready | Phase::Stale => Level::Ready,
    }
}

/// How a service is built and run in a mode.
fn form(service: &Service, mode: Mode) -> &Form {
    match mode {
        Mode::Dev => &service.dev_form.form,
        Mode::Run => &service.run_form,
    }
}

fn secret_variables(service: &Service) -> impl Iterator<Item = &str> {
    service.secrets.values().filter_map(|source| match source {
        SecretSource::Env(name) => Some(name.as_str()),
        SecretSource::File(_) => None,
    })
}

fn processes_of(count: usize) -> String {
    match count {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    }
}

/// The names in a folder, in order; none when it is not there.
pub(super) fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The services that are known of, with their agents' answers.
pub(super) fn owner_of(candidate: &Candidate) -> Owner {
    let id = ResourceId::of_service(&candidate.stack, &candidate.service, AGENT);
    id.owner()
}

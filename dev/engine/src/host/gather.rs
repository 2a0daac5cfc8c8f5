//! What the lowering has to know of this machine: ports and who has them,
//! programs, source trees.
//!
//! Looks, and asks nginx for its version. Start with [`HostEngine::facts`].

#![expect(clippy::disallowed_methods, reason = "asks nginx for its version")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use hob_stack::{Form, Project, Service};
use hob_wire::Mode;

use super::candidates::Candidate;
use super::{FACT_PORT, HostEngine, HostFacts, REMAINS, agent};
use crate::ledger::Records;
use crate::lowering::{in_mode, secret_variables};
use crate::machine::ports::{Listener, Listeners, holders, user_name};
use crate::machine::processes::{self, Leader};
use crate::machine::{port_choice, source, tools};
use crate::resource::{Claim, Holder, Observed, Owner, ResourceId};
use crate::typed::typed;
use crate::want::{Want, owner};

/// What a Docker engine lets listen for its containers.
const PROXY: &str = "docker-proxy";

/// How long nginx may take to tell its version.
const ANSWER: Duration = Duration::from_secs(5);

impl HostEngine {
    /// All that is asked about in `want`.
    pub(super) async fn facts(
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
            let Some(id) = candidate.id() else {
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
            files |= matches!(in_mode(service, want.mode).form, Form::Files { .. });
        }
        if files {
            facts.nginx = self.nginx().await;
        }
        if want.mode == Mode::Run {
            facts.sources = source::digests(project, want).await;
        }
        facts
    }

    /// The programs of a service that are not on the search path. Scripts may
    /// look further: Debian keeps servers elsewhere.
    fn missing(&self, service: &Service, mode: Mode) -> BTreeSet<String> {
        let path = self.setup.environment.get("PATH");
        let further = tools::path_with_system(path).or_else(|| path.cloned());
        let is_not_on = |program: &str, path: Option<&String>| {
            which::which_in(program, path, &service.source).is_err()
        };
        let called = tools::programs(service, mode).into_iter();
        let called = called.filter(|program| is_not_on(program, path));
        let of_scripts = tools::of_scripts(service);
        let of_scripts = of_scripts.filter(|program| is_not_on(program, further.as_ref()));
        called.chain(of_scripts).map(str::to_owned).collect()
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
    pub(super) fn held(
        &self,
        project: &Project,
        want: &Want,
        observed: &Observed<HostFacts>,
        listeners: &Listeners,
    ) -> BTreeMap<Claim, Holder> {
        let mut against: Vec<(Owner, SocketAddr, &Listener)> = Vec::new();
        for service in want.services.iter().filter_map(|id| project.service(id)) {
            let Some(port) = observed.facts.ports.get(&service.id) else {
                continue;
            };
            let addr = SocketAddr::new(service.address, *port);
            let listeners = listeners.against(addr);
            against.extend(listeners.map(|held| (owner(&service.id), addr, held)));
        }
        if against.is_empty() {
            return BTreeMap::new();
        }
        let inodes: Vec<u64> = against.iter().map(|(_, _, held)| held.inode).collect();
        let (pids, leaders) = (holders(&inodes), self.leaders());
        let mut worst: BTreeMap<Claim, (Weight, Holder)> = BTreeMap::new();
        for (owner, addr, listener) in against {
            let pids = pids.get(&listener.inode).map_or(&[][..], Vec::as_slice);
            let holder = self.holder(pids, listener.uid, &leaders, observed);
            let weight = match &holder {
                Holder::Ours(id) if id.owner() != owner => Weight::Another,
                Holder::Ours(_) if listener.addr == addr => Weight::Same,
                Holder::Ours(_) => Weight::Own,
                Holder::Foreign { .. } => Weight::Foreign,
            };
            let claim = Claim(addr.to_string());
            if worst.get(&claim).is_none_or(|(known, _)| *known < weight) {
                worst.insert(claim, (weight, holder));
            }
        }
        let worst = worst.into_iter();
        worst.map(|(claim, (_, holder))| (claim, holder)).collect()
    }

    fn holder(
        &self,
        pids: &[u32],
        uid: u32,
        leaders: &[Leader],
        observed: &Observed<HostFacts>,
    ) -> Holder {
        let elsewhere =
            "`--port-offset 100` moves this project's ports, `publish = \"auto\"` picks a free one";
        let marked = pids.iter().find_map(|pid| processes::look(*pid, leaders));
        if let Some(marked) = marked {
            let marks = marked.marks;
            if marks.project != self.setup.project {
                let (root, folder) = (marks.root.display(), typed(&marks.root));
                return Holder::Foreign {
                    who: format!("{} of the project {root}", marks.service),
                    hints: vec![
                        format!("`hob down --project {folder} {}` ends it", marks.service),
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
                if name == PROXY {
                    let ours = "`hob status --engine docker` says whether it is this project's, \
                                `hob down --engine docker` ends that";
                    return Holder::Foreign {
                        who: format!("a container ({name}, process {pid})"),
                        hints: vec![ours.to_owned(), elsewhere.to_owned()],
                    };
                }
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
}

/// Which of several listeners is told as the holder of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The service itself, elsewhere on the same port: it goes or stays as the
    /// plan has it.
    Own,
    /// Another service of the project, which may go.
    Another,
    /// Somebody else, who stays.
    Foreign,
    /// The service itself on this very address: whoever else is there leaves
    /// it its place, as a socket on `[::]` without IPv4 does.
    Same,
}

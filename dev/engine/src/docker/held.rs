//! Who has the addresses that containers are to be published on. Looks and
//! changes nothing. Start with [`DockerEngine::held`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bollard::models::ContainerSummary;
use hob_stack::Project;

use super::found::{Candidate, Found};
use super::spec::ContainerSpec;
use super::{CONTAINER, DockerEngine, DockerFacts, labels};
use crate::machine::ports::{Listeners, excludes, holders, user_name};
use crate::machine::processes;
use crate::resource::{Claim, Holder, Observed};
use crate::typed::typed;
use crate::want::Want;
use crate::world::Failure;

/// What else there is to do about a port that somebody else has.
const ELSEWHERE: &str =
    "`--port-offset 100` moves this project's ports, `publish = \"auto\"` picks a free one";

/// What an engine lets listen for its containers where it does so by a process.
const PROXY: &str = "docker-proxy";

impl DockerEngine {
    /// Who has the addresses that are asked for.
    pub(super) fn held(
        &self,
        project: &Project,
        want: &Want,
        observed: &Observed<DockerFacts>,
        found: &Found,
        candidates: &[Candidate],
    ) -> BTreeMap<Claim, Holder> {
        let listeners = Listeners::read();
        let mut held = BTreeMap::new();
        for service in want.services.iter().filter_map(|id| project.service(id)) {
            let Some(port) = observed.facts.ports.get(&service.id) else {
                continue;
            };
            let addr = SocketAddr::new(service.address, *port);
            let own = candidates.iter().find(|it| it.listens_itself(addr));
            let holder = match own {
                Some(own) => Some(Holder::Ours(own.resource.clone())),
                None => self.holder(addr, found, &listeners),
            };
            held.extend(holder.map(|holder| (Claim(addr.to_string()), holder)));
        }
        held
    }

    /// Who took the address of a container since the plan was made, as the
    /// reason why it does not start.
    pub(super) async fn taken(&self, it: &ContainerSpec) -> Option<Failure> {
        let addr = it.listen?;
        let found = self.survey().await.ok()?;
        let (who, hints) = match self.holder(addr, &found, &Listeners::read())? {
            Holder::Foreign { who, hints } => (who, hints),
            Holder::Ours(id) if id == it.id => return None,
            Holder::Ours(id) => (id.to_string(), Vec::new()),
        };
        let mut failure = Failure::operation(format!("{addr} is taken: {who} has it"));
        failure.hints = hints;
        Some(failure)
    }

    fn holder(&self, addr: SocketAddr, found: &Found, listeners: &Listeners) -> Option<Holder> {
        self.container_on(addr, found)
            .or_else(|| self.process_on(addr, listeners))
    }

    /// The container that is published on an address.
    fn container_on(&self, addr: SocketAddr, found: &Found) -> Option<Holder> {
        let publishes = |it: &&ContainerSummary| {
            it.ports.iter().flatten().any(|port| {
                let ip = port.ip.as_deref().unwrap_or("0.0.0.0").parse::<IpAddr>();
                let on = ip.ok().zip(port.public_port);
                on.is_some_and(|(ip, port)| excludes(SocketAddr::new(ip, port), addr))
            })
        };
        let container = found.containers.iter().find(publishes)?;
        let labels = container.labels.clone().unwrap_or_default();
        let name = container.names.iter().flatten().next();
        let name = name.map_or("", |name| name.trim_start_matches('/'));
        Some(match labels::resource(&labels, &[CONTAINER]) {
            Some(id) if self.is_ours(&labels) => Holder::Ours(id),
            Some(id) => {
                let (_, root) = labels::project(&labels).unwrap_or_default();
                let (service, folder) = (id.owner(), typed(&root));
                Holder::Foreign {
                    who: format!("{service} of the project {}", root.display()),
                    hints: vec![
                        format!("`hob down --engine docker --project {folder} {service}` ends it"),
                        ELSEWHERE.to_owned(),
                    ],
                }
            }
            None => Holder::Foreign {
                who: format!("the container {name}"),
                hints: vec![ELSEWHERE.to_owned()],
            },
        })
    }

    /// The process that listens on an address. One that listens for a container
    /// that is on its way out is in nobody's way.
    fn process_on(&self, addr: SocketAddr, listeners: &Listeners) -> Option<Holder> {
        let listener = listeners.against(addr).next()?;
        let pids = holders(&[listener.inode]);
        let pid = pids.get(&listener.inode).and_then(|pids| pids.first());
        let who = match pid {
            Some(pid) => {
                if let Some(marked) = processes::look(*pid, &[]) {
                    let (service, root) = (marked.marks.service, marked.marks.root);
                    let folder = typed(&root);
                    let down =
                        format!("`hob down --engine host --project {folder} {service}` ends it");
                    let who = format!("{service} on the host engine, of {}", root.display());
                    return Some(Holder::Foreign {
                        who,
                        hints: vec![down, ELSEWHERE.to_owned()],
                    });
                }
                let name = processes::name(*pid).unwrap_or_else(|| "a program".to_owned());
                if name == PROXY {
                    return None;
                }
                format!("{name} (process {pid})")
            }
            None => match user_name(listener.uid).filter(|_| listener.uid != self.setup.uid) {
                // The proxies of an engine are root's, and show nothing to others.
                Some(user) if user != "root" => format!("a process of another user ({user})"),
                _ => "a process that hob cannot see".to_owned(),
            },
        };
        Some(Holder::Foreign {
            who,
            hints: vec![ELSEWHERE.to_owned()],
        })
    }
}

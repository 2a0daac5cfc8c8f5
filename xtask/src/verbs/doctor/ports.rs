//! Reads what the project's services would find: their ports, their secrets,
//! nginx.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use hob_engine::Setup;
use hob_engine::host::HostEngine;
use hob_engine::machine::ports::Listeners;
use hob_engine::{Claim, Holder, Homes, World as _, typed};
use hob_engine::{ProjectRef, Want};
use hob_platform::Home;
use hob_stack::{Project, ServiceId, StackName};
use hob_wire::Mode;

use super::facts::{Held, Port};
use crate::context::Context;
use crate::platform::{Has, holder, home};

/// What the engine sees of these services.
#[derive(Default)]
pub struct Seen {
    pub ports: Vec<Port>,
    pub nginx: Option<String>,
    pub unset: BTreeMap<String, Vec<String>>,
}

/// Looks as the engine does before it plans. Where it cannot, nothing is
/// seen: the reason is a check of its own.
pub async fn seen(
    context: &Context,
    project: &Arc<Project>,
    services: &BTreeSet<ServiceId>,
) -> Seen {
    let (Ok(surroundings), false) = (context.surroundings(), services.is_empty()) else {
        return Seen::default();
    };
    let reference = ProjectRef::from(&**project);
    let Ok(homes) = Homes::of(&surroundings.environment, surroundings.uid) else {
        return Seen::default();
    };
    let engine = HostEngine::new(Setup {
        paths: homes.project(&reference.id),
        project: reference.id,
        root: reference.root,
        executable: surroundings.executable,
        environment: surroundings.environment,
        uid: surroundings.uid,
    });
    let want = Want::up(Arc::clone(project), services.clone(), Mode::Dev);
    let Ok(observed) = engine.observe(&want).await else {
        return Seen::default();
    };
    let ingress = Ingress::of(context);
    let mut ports = Vec::new();
    let mut seen = Seen {
        nginx: observed.facts.nginx,
        ..Seen::default()
    };
    for id in services {
        let address = project.service(id).zip(observed.facts.ports.get(id));
        if let Some((service, port)) = address {
            let address = SocketAddr::new(service.address, *port).to_string();
            let holder = observed.held.get(&Claim(address.clone()));
            let held = holder.map_or(Held::Free, |it| {
                held(&ingress, it, SocketAddr::new(service.address, *port))
            });
            let service = id.to_string();
            ports.push((
                *port,
                Port {
                    address,
                    service,
                    held,
                },
            ));
        }
        for variable in observed.facts.unset.get(id).into_iter().flatten() {
            let services = seen.unset.entry(variable.clone()).or_default();
            services.push(id.to_string());
        }
    }
    ports.extend(doors(&ingress, project, services));
    ports.sort_by_key(|(port, _)| *port);
    seen.ports = ports.into_iter().map(|(_, port)| port).collect();
    seen
}

/// hob's own ingress, as far as it listens.
struct Ingress {
    listeners: Listeners,
    uid: u32,
    /// Where it answers for all stacks.
    at: Option<SocketAddr>,
    home: Option<Home>,
}

impl Ingress {
    fn of(context: &Context) -> Self {
        let home = home(&context.environment).ok();
        let settings = home.as_ref().and_then(|home| home.settings().ok());
        Self {
            listeners: Listeners::read(),
            uid: rustix::process::getuid().as_raw(),
            at: settings.and_then(|it| it.http_port).map(on_loopback),
            home,
        }
    }

    fn holder(&self, address: SocketAddr) -> Has {
        holder(&self.listeners, self.uid, self.at, address)
    }

    /// The stack that it listens at a port for, and that stack's project; none
    /// where it is all of them.
    fn door(&self, port: u16) -> Option<(PathBuf, String)> {
        let told = self.home.as_ref()?.announced().ok()?;
        let mut doors = told.iter().flat_map(|it| {
            let doors = it.doors();
            doors.map(|(stack, said)| (&it.root, stack, said.listens()))
        });
        let (root, stack, _) = doors.find(|it| it.2 == Some(port))?;
        Some((root.clone(), stack.clone()))
    }

    /// That it has a port that somebody else is to have.
    fn has(&self, port: u16) -> Held {
        let Some((root, stack)) = self.door(port) else {
            return Held::Foreign("hob's ingress".to_owned(), None);
        };
        let who = format!("hob's ingress (for {stack} of {})", root.display());
        let folder = typed(&root);
        let down = format!("`hob down --project {folder} {stack}` gives it up");
        Held::Foreign(who, Some(down))
    }
}

fn on_loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The ports where the ingress is to answer for the stacks of these services.
fn doors(ingress: &Ingress, project: &Project, services: &BTreeSet<ServiceId>) -> Vec<(u16, Port)> {
    let stacks: BTreeSet<&StackName> = services.iter().map(|it| &it.stack).collect();
    let door = |name: &StackName| {
        let port = project.stacks.get(name)?.ingress.as_ref()?.port?;
        let port = port.offset(project.config.port_offset)?.get();
        let address = on_loopback(port);
        let service = format!("the ingress of {name}");
        let own =
            |(root, stack): &(PathBuf, String)| *root == project.root && stack == name.as_str();
        let held = match ingress.holder(address) {
            Has::Nobody => Held::Free,
            Has::Ingress if ingress.door(port).as_ref().is_none_or(own) => {
                Held::Ours(service.clone())
            }
            Has::Ingress => ingress.has(port),
            Has::Another(who, hint) => Held::Foreign(who, hint),
        };
        let address = address.to_string();
        let door = Port {
            address,
            service,
            held,
        };
        Some((port, door))
    };
    stacks.into_iter().filter_map(door).collect()
}

fn held(ingress: &Ingress, holder: &Holder, address: SocketAddr) -> Held {
    match holder {
        Holder::Ours(resource) => Held::Ours(resource.owner().to_string()),
        Holder::Foreign { .. } if matches!(ingress.holder(address), Has::Ingress) => {
            ingress.has(address.port())
        }
        Holder::Foreign { who, hints } => Held::Foreign(who.clone(), hints.first().cloned()),
    }
}

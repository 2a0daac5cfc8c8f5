//! Reads what the project's services would find: their ports, their secrets,
//! nginx.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hob_engine::Setup;
use hob_engine::host::HostEngine;
use hob_engine::machine::ports::Listeners;
use hob_engine::{Claim, Holder, Homes, World as _};
use hob_engine::{ProjectRef, Want};
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
            let held = holder.map_or(Held::Free, held);
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
    ports.extend(doors(context, project, services));
    ports.sort_by_key(|(port, _)| *port);
    seen.ports = ports.into_iter().map(|(_, port)| port).collect();
    seen
}

/// The ports where the ingress is to answer for the stacks of these services.
fn doors(context: &Context, project: &Project, services: &BTreeSet<ServiceId>) -> Vec<(u16, Port)> {
    let uid = rustix::process::getuid().as_raw();
    let settings = home(&context.environment).ok();
    let settings = settings.and_then(|home| home.settings().ok());
    let on_loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ingress = settings.and_then(|it| it.http_port).map(on_loopback);
    let listeners = Listeners::read();
    let stacks: BTreeSet<&StackName> = services.iter().map(|it| &it.stack).collect();
    let door = |name: &StackName| {
        let port = project.stacks.get(name)?.ingress.as_ref()?.port?;
        let port = port.offset(project.config.port_offset)?.get();
        let address = on_loopback(port);
        let service = format!("the ingress of {name}");
        let held = match holder(&listeners, uid, ingress, address) {
            Has::Nobody => Held::Free,
            Has::Ingress => Held::Ours(service.clone()),
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

fn held(holder: &Holder) -> Held {
    match holder {
        Holder::Ours(resource) => Held::Ours(resource.owner().to_string()),
        Holder::Foreign { who, hints } => Held::Foreign(who.clone(), hints.first().cloned()),
    }
}

//! Which port each service gets. Pure.
//!
//! A fixed one is what the file says with the offset; an automatic one is the
//! one that it had, else the first free one from a place that follows from
//! the project's and the service's names, so that it is the same each time.

use std::collections::{BTreeMap, BTreeSet};

use hob_stack::{Project, Publish, Service, ServiceId};

/// Where automatic ports are looked for: below the ports that Kubernetes and
/// Linux give out themselves (30000-32767 and 32768-60999).
const RANGE: std::ops::Range<u16> = 22_000..30_000;

/// The ports of all services of a project that have one.
///
/// `had` are those that automatic ones had before and may keep; `used` tells
/// of any other port whether something listens on it.
pub(crate) fn ports(
    project: &Project,
    offset: u16,
    had: &BTreeMap<ServiceId, u16>,
    used: impl Fn(u16) -> bool,
) -> BTreeMap<ServiceId, u16> {
    let mut ports = BTreeMap::new();
    let mut automatic: Vec<&Service> = Vec::new();
    for service in project.services().filter(|service| service.port.is_some()) {
        match service.publish {
            Some(Publish::Fixed(port)) => {
                let port = port
                    .offset(project.config.port_offset)
                    .and_then(|port| port.offset(offset));
                ports.extend(port.map(|port| (service.id.clone(), port.get())));
            }
            Some(Publish::Auto) | None => automatic.push(service),
        }
    }
    let doors = project.stacks.values().filter_map(|stack| {
        let port = stack.ingress.as_ref()?.port?;
        port.offset(project.config.port_offset)?.offset(offset)
    });
    let mut given: BTreeSet<u16> = ports.values().copied().collect();
    given.extend(doors.map(|port| port.get()));
    // Those that have one keep it, whatever the others' names hash to.
    let (keep, choose): (Vec<&Service>, Vec<&Service>) = automatic
        .into_iter()
        .partition(|service| had.contains_key(&service.id));
    for service in keep {
        let port = had[&service.id];
        if given.insert(port) {
            ports.insert(service.id.clone(), port);
        } else {
            choose_one(project, &service.id, &mut given, &used, &mut ports);
        }
    }
    for service in choose {
        choose_one(project, &service.id, &mut given, &used, &mut ports);
    }
    ports
}

fn choose_one(
    project: &Project,
    id: &ServiceId,
    given: &mut BTreeSet<u16>,
    used: impl Fn(u16) -> bool,
    ports: &mut BTreeMap<ServiceId, u16>,
) {
    let hash = blake3::hash(format!("{} {id}", project.id).as_bytes());
    let [a, b, ..] = *hash.as_bytes();
    let length = RANGE.end - RANGE.start;
    let first = u16::from_be_bytes([a, b]) % length;
    let free = (0..length)
        .map(|step| RANGE.start + (first + step) % length)
        .find(|port| !given.contains(port) && !used(*port));
    // With 8,000 services that listen there is none, and the service is said
    // to have no port.
    if let Some(port) = free {
        given.insert(port);
        ports.insert(id.clone(), port);
    }
}

#[cfg(test)]
mod tests;

//! The environment that a service's processes get: nothing is inherited but
//! what stands here or in the stack file. Pure.

use hob_stack::{Project, Service, ServiceId};
use hob_wire::{Mode, Protocol};
use std::collections::BTreeMap;

use super::HostFacts;
use crate::lowering::in_mode;
use crate::machine::ports::reached;
use crate::setup::Setup;

/// What every process is given from the caller's environment, if it is set.
pub(super) const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
];

/// The variables of a service in a mode; later ones win over earlier ones:
/// passed on, services it is told of, volumes, mounts, its own.
pub(super) fn of(
    setup: &Setup,
    project: &Project,
    service: &Service,
    mode: Mode,
    facts: &HostFacts,
) -> BTreeMap<String, String> {
    let mut variables = passed(&setup.environment);
    let names = project.config.pass_env.iter().chain(&service.pass_env);
    for name in names {
        if let Some(value) = setup.environment.get(name) {
            variables.insert(name.clone(), value.clone());
        }
    }
    for id in service.needs.iter().chain(&service.wants) {
        variables.extend(address_of(project, id, facts));
    }
    let (stack, name) = (service.id.stack.as_str(), service.id.service.as_str());
    for volume in service.volumes.keys() {
        let path = setup.paths.volume(stack, name, volume.as_str());
        variables.insert(
            format!("VOLUME_{}", volume.as_variable()),
            path.to_string_lossy().into_owned(),
        );
    }
    for (mount, bind) in &service.mounts {
        variables.insert(
            format!("MOUNT_{}", mount.as_variable()),
            bind.from.to_string_lossy().into_owned(),
        );
    }
    variables.extend(in_mode(service, mode).env.clone());
    variables
}

/// What is passed on of the caller's environment without being asked for.
pub(super) fn passed(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |name: &&str| Some(((*name).to_owned(), environment.get(*name)?.clone()));
    PASSED.iter().filter_map(value).collect()
}

/// `NAME_HOST`, `NAME_PORT` and `NAME_URL` of a service; none of them when it
/// has no port.
fn address_of(
    project: &Project,
    id: &ServiceId,
    facts: &HostFacts,
) -> impl IntoIterator<Item = (String, String)> {
    let known = project.service(id).zip(facts.ports.get(id));
    known.into_iter().flat_map(|(service, port)| {
        let name = service.known_as.as_variable();
        let host = reached(service.address);
        let scheme = match service.protocol {
            // As gRPC itself calls it where there is no TLS.
            Protocol::Http | Protocol::Grpc => "http",
            Protocol::Tcp => "tcp",
        };
        let authority = std::net::SocketAddr::new(host, *port);
        [
            (format!("{name}_HOST"), host.to_string()),
            (format!("{name}_PORT"), port.to_string()),
            (format!("{name}_URL"), format!("{scheme}://{authority}")),
        ]
    })
}

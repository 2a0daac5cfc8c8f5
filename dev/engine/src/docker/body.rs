//! A [`ContainerSpec`] as the engine's API takes it. Pure.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount,
    MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use hob_stack::Network;

use super::labels;
use super::lower::{PROGRAM_AT, RUN_AS_ROOT, STATE_AT};
use super::spec::{ContainerSpec, Mounted, Source};
use crate::resource::ResourceId;
use crate::setup::Setup;

/// The port that an agent listens on in its container where it is spoken to
/// over a port. Programs in containers listen below (see ip(7)).
pub(super) const AGENT_PORT: u16 = 61_999;

/// What the root of a container may do: what its agent needs to become its
/// service's user, to give files to it and to end its processes, and what a
/// service started by root does with a low port. See capabilities(7).
const CAPABILITIES: [&str; 7] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
];

/// How much of what an agent says outside of its log is kept.
const LOG: [(&str, &str); 2] = [("max-size", "1m"), ("max-file", "2")];

/// How long a host name may be; see sethostname(2).
const HOST_NAME_LIMIT: usize = 64;

/// A host name that says which service it is. Engines make neighbours find a
/// container by it whatever else it is known as, so it is none of a service: a
/// version that rests would go on getting the service's requests.
fn host_name(container: &ResourceId) -> Option<String> {
    let name = format!("{}.{}", container.service.as_deref()?, container.stack);
    (name.len() <= HOST_NAME_LIMIT).then_some(name)
}

/// What the engine is told to make, in the network of this id: somebody else's
/// may have its name.
pub(super) fn of(setup: &Setup, container: &ContainerSpec, network: &str) -> ContainerCreateBody {
    let text = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let endpoint = EndpointSettings {
        aliases: Some(container.aliases.clone()),
        ..EndpointSettings::default()
    };
    let mut labelled = labels::of(setup, &container.id);
    labelled.extend(labels::of_container(
        container.spec.mode,
        &container.traits,
        &container.needs,
        container.stop,
    ));
    labelled.insert(labels::PROGRAM.to_owned(), container.program.key.clone());
    let program = Mounted {
        source: Source::Here(container.program.folder.clone()),
        target: PROGRAM_AT.into(),
        read_only: true,
    };
    let mounts = container.mounts.iter().chain([&program]).map(mount);
    let mut ports = HashMap::new();
    let mut bind = |inner: u16, ip: String, port: String| {
        let binding = PortBinding {
            host_ip: Some(ip),
            host_port: Some(port),
        };
        ports.insert(format!("{inner}/tcp"), Some(vec![binding]));
    };
    if let Some((addr, inner)) = container.publish {
        bind(inner, addr.ip().to_string(), addr.port().to_string());
    }
    if container.over_tcp {
        // Any free one of this machine, by the engine's choice.
        bind(AGENT_PORT, "127.0.0.1".to_owned(), String::new());
    }
    let in_stack = container.network == Network::Stack;
    let exposed = ports.keys().cloned().collect();
    ContainerCreateBody {
        image: Some(container.image.clone()),
        hostname: in_stack.then(|| host_name(&container.id)).flatten(),
        user: Some(RUN_AS_ROOT.to_owned()),
        working_dir: Some("/".to_owned()),
        entrypoint: Some(agent(container)),
        cmd: Some(Vec::new()),
        labels: Some(labelled),
        stop_signal: Some("SIGTERM".to_owned()),
        stop_timeout: Some(i64::try_from(container.stop.as_secs()).unwrap_or(i64::MAX)),
        exposed_ports: Some(exposed),
        healthcheck: (!container.health).then(|| HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        networking_config: in_stack.then(|| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(match container.network {
                Network::Stack => network.to_owned(),
                Network::Host => "host".to_owned(),
            }),
            mounts: Some(mounts.collect()),
            tmpfs: Some(container.memory.clone().into_iter().collect()),
            port_bindings: Some(ports),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(CAPABILITIES.map(str::to_owned).into()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(container.read_only),
            // An engine that was killed stops what it finds running when it is
            // there again, and counts that as a person's stop: then
            // `unless-stopped` leaves the service down.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::ALWAYS),
                maximum_retry_count: None,
            }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(text(&LOG)),
            }),
            // Where the engine gives containers other users, mounted sources would
            // be nobody's; elsewhere it says nothing.
            userns_mode: Some("host".to_owned()),
            // The agent is it.
            init: Some(false),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The command line of the agent.
fn agent(container: &ContainerSpec) -> Vec<String> {
    let spec = &container.spec;
    let root = spec.root.to_string_lossy();
    let own = format!("{}:{}", container.own.0, container.own.1);
    let mut argv = container.program.argv.clone();
    argv.extend(
        [
            "agent",
            "--project",
            &spec.project,
            "--root",
            &root,
            "--service",
            &spec.service,
            "--socket",
            &format!("{STATE_AT}/agent.sock"),
            "--state",
            STATE_AT,
            "--out",
            super::lower::OUT_AT,
            "--own",
            &own,
            "--keep",
        ]
        .map(str::to_owned),
    );
    if container.over_tcp {
        let port = AGENT_PORT.to_string();
        let token = format!("{STATE_AT}/{}", super::services::TOKEN);
        argv.extend(["--tcp", &port, "--token-file", &token].map(str::to_owned));
    }
    argv
}

fn mount(mounted: &Mounted) -> Mount {
    let (typ, source) = match &mounted.source {
        Source::Here(path) => (MountType::BIND, path.to_string_lossy().into_owned()),
        Source::Volume(name) => (MountType::VOLUME, name.clone()),
    };
    Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(mounted.target.to_string_lossy().into_owned()),
        read_only: Some(mounted.read_only),
        ..Mount::default()
    }
}

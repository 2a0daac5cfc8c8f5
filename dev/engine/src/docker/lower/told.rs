//! What the agent in a container is told: its spec. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use hob_stack::{Form, Network, Project, Publish, ServiceId};
use hob_wire::{Listen, Program, Protocol, Restart, SecretSource, Spec};

use super::{Lowering, SECRET_FOLDER, STATE_AT};
use crate::Obstacle;
use crate::agent::fixed::Addresses;
use crate::docker::program::Layout;
use crate::machine::ports::reached;

impl Lowering<'_> {
    /// The spec, and where the port of the container is published.
    pub(super) fn told(
        &self,
        program: &Layout,
    ) -> Result<(Spec, Option<(SocketAddr, u16)>), Obstacle> {
        let (service, mode) = (self.asked.service, self.asked.want.mode);
        let with = self.asked.in_mode();
        let (build, run) = match with.form {
            _ if self.as_the_image_says() => (None, nothing()),
            Form::Program { build, run } => {
                let build = build.as_ref().map(|argv| self.program(argv.clone()));
                (build, self.program(run.clone()))
            }
            Form::Files { root } => {
                let root = root.to_string_lossy().into_owned();
                let mut argv = program.argv.clone();
                argv.extend(
                    ["serve-files", "--root", &root, "--with", "built-in"].map(str::to_owned),
                );
                (None, self.program(argv))
            }
            Form::ImageOnly => (None, nothing()),
        };
        let publish = self.published()?;
        let elsewhere = self.facts.over_tcp || self.facts.rootless;
        if service.network == Network::Host && elsewhere {
            return Err(self.asked.unsupported(
                "it shares the engine's network, which is not this machine's".to_owned(),
                vec!["leave out `network = \"host\"`, or `--engine host`".to_owned()],
            ));
        }
        // In the stack's network nobody beyond that reaches it; there are
        // programs that answer only to the name that they listen on.
        let (host, bind) = match (service.network, publish) {
            (Network::Stack, publish) => {
                let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                let bind = publish.map(|(_, inner)| SocketAddr::new(everywhere, inner));
                (everywhere, bind)
            }
            (Network::Host, publish) => (service.address, publish.map(|(addr, _)| addr)),
        };
        let spec = Spec {
            project: self.setup.project.clone(),
            root: self.setup.root.clone(),
            service: service.id.to_string(),
            mode,
            listen: publish.map(|(addr, _)| Listen {
                addr,
                protocol: service.protocol,
            }),
            bind,
            host,
            build,
            run,
            env: self.environment(),
            inherit: true,
            user: (!self.as_the_image_says()).then(|| {
                let (uid, gid) = self.facts.user;
                format!("{uid}:{gid}")
            }),
            secrets: self.secrets(),
            ready: self.asked.ready(|argv| self.program(argv)),
            swap: with.swap,
            restart: match self.asked.want.foreground {
                true => Restart::Never,
                false => service.restart,
            },
            live_reload: with.live_reload,
            limits: with.limits,
            state: PathBuf::from(STATE_AT),
        };
        let publish = publish.filter(|_| service.network == Network::Stack);
        Ok((spec, publish))
    }

    fn published(&self) -> Result<Option<(SocketAddr, u16)>, Obstacle> {
        let service = self.asked.service;
        let Some(inner) = service.port else {
            return Ok(None);
        };
        let Some(port) = self.facts.ports.get(&service.id) else {
            return Err(self.asked.past_the_last_port());
        };
        Ok(Some((SocketAddr::new(service.address, *port), inner.get())))
    }

    fn program(&self, argv: Vec<String>) -> Program {
        let cwd = match self.sees_sources() {
            true => self.asked.service.source.clone(),
            false => PathBuf::from("/"),
        };
        Program {
            argv,
            cwd,
            env: BTreeMap::new(),
        }
    }

    /// The variables of the service; later ones win over earlier ones: passed
    /// on, services that it is told of, volumes, mounts, its own.
    fn environment(&self) -> BTreeMap<String, String> {
        let (project, service) = (self.asked.project, self.asked.service);
        let mut variables = BTreeMap::new();
        for name in project.config.pass_env.iter().chain(&service.pass_env) {
            if let Some(value) = self.setup.environment.get(name) {
                variables.insert(name.clone(), value.clone());
            }
        }
        for id in service.needs.iter().chain(&service.wants) {
            variables.extend(self.address_of(project, id));
        }
        for (volume, path) in &service.volumes {
            variables.insert(
                format!("VOLUME_{}", volume.as_variable()),
                path.to_string_lossy().into_owned(),
            );
        }
        for (mount, bind) in &service.mounts {
            variables.insert(
                format!("MOUNT_{}", mount.as_variable()),
                bind.to.to_string_lossy().into_owned(),
            );
        }
        variables.extend(self.asked.in_mode().env.clone());
        variables
    }

    /// `NAME_HOST`, `NAME_PORT` and `NAME_URL` of a service as its neighbours
    /// reach it, `NAME_PUBLIC_URL` as this machine's browsers do; none of them
    /// when it has no port.
    fn address_of(&self, project: &Project, id: &ServiceId) -> Vec<(String, String)> {
        let service = project.service(id);
        let Some((service, port)) = service.and_then(|it| Some((it, it.port?))) else {
            return Vec::new();
        };
        // Whoever is in this machine's network has no name in the stack's.
        if service.network == Network::Host {
            return Vec::new();
        }
        let name = service.known_as.as_variable();
        let host = service.known_as.as_str();
        let scheme = match service.protocol {
            // As gRPC itself calls it where there is no TLS.
            Protocol::Http | Protocol::Grpc => "http",
            Protocol::Tcp => "tcp",
        };
        let public = self.facts.ports.get(id);
        let public = public.map(|port| SocketAddr::new(reached(service.address), *port));
        // Whoever is in this machine's network goes where its browsers go.
        let (host, port) = match (self.asked.service.network, public) {
            (Network::Host, Some(public)) => (public.ip().to_string(), public.port()),
            _ => (host.to_owned(), port.get()),
        };
        let mut variables = vec![
            (format!("{name}_HOST"), host.clone()),
            (format!("{name}_PORT"), port.to_string()),
            (format!("{name}_URL"), format!("{scheme}://{host}:{port}")),
        ];
        if let (Protocol::Http, Some(public)) = (service.protocol, public) {
            variables.push((format!("{name}_PUBLIC_URL"), format!("http://{public}")));
        }
        variables
    }

    /// What a spec tells of the automatic ports of others, for browsers.
    pub(super) fn automatic_addresses(&self, spec: &Spec) -> AutomaticAddresses {
        let mut addresses = AutomaticAddresses::default();
        let others = self.asked.service.needs.iter();
        for id in others.chain(&self.asked.service.wants) {
            let Some(service) = self.asked.project.service(id) else {
                continue;
            };
            let name = format!("{}_PUBLIC_URL", service.known_as.as_variable());
            let told = self.address_of(self.asked.project, id);
            let told = told.into_iter().find(|(variable, _)| *variable == name);
            let is_fixed = matches!(service.publish, Some(Publish::Fixed(_)));
            // Its own value for the variable stands in the spec, if it has one.
            if let Some((name, url)) = told
                && !is_fixed
                && spec.env.get(&name) == Some(&url)
            {
                if service.known_as == service.id.service {
                    addresses.lasting.insert(name.clone(), url.clone());
                }
                addresses.told.insert(name, url);
            }
        }
        addresses
    }

    /// The secrets as the agent finds them: all in files.
    fn secrets(&self) -> BTreeMap<String, SecretSource> {
        let secrets = self.asked.service.secrets.iter();
        secrets
            .map(|(name, source)| {
                let file = match source {
                    SecretSource::File(path) => self.secret_in_container(path),
                    SecretSource::Env(variable) => {
                        PathBuf::from(STATE_AT).join(SECRET_FOLDER).join(variable)
                    }
                };
                (name.clone(), SecretSource::File(file))
            })
            .collect()
    }
}

/// Where browsers find services with automatic ports.
#[derive(Default)]
pub(super) struct AutomaticAddresses {
    /// All that it is told.
    pub(super) told: Addresses,
    /// Those that it has to have been told to stay as it is. A version of a
    /// service has another port than the one before: whoever was told that is
    /// not made anew for it, since the ingress finds the service all the same.
    pub(super) lasting: Addresses,
}

/// A spec that does not tell these.
pub(super) fn without(spec: &Spec, addresses: &Addresses) -> Spec {
    let mut spec = spec.clone();
    spec.env.retain(|name, _| !addresses.contains_key(name));
    spec
}

/// What stands where the image says what is run, until that is known.
fn nothing() -> Program {
    Program {
        argv: Vec::new(),
        cwd: PathBuf::from("/"),
        env: BTreeMap::new(),
    }
}

//! [`lower`]: what a project asks of this machine, as desired resources.
//!
//! Pure: what it has to know of the machine stands in [`HostFacts`]. A
//! service that cannot run here becomes an obstacle, and the others do not
//! notice unless they need it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hob_stack::{Form, Project, Ready as ModelReady, Service};
use hob_wire::{Listen, Mode, Program, Ready, SecretSource, Spec, Swap};

use super::{
    AgentSpec, FACT_PORT, FACT_SOCKET, FACT_STOP, HostFacts, HostSpec, Setup, TRAIT_SECRETS,
    VOLUME, agent, environment, fixed, folder, tools,
};
use crate::resource::{
    Claim, Dependency, Desired, DesiredSet, Digest, Identity, Level, ResourceId, StepLimits, Verb,
};
use crate::want::{Want, owner};
use crate::{Obstacle, ObstacleKind};

/// How long a build without a limit may take before `up` stops waiting.
const BUILD: Duration = Duration::from_secs(30 * 60);

/// What an action may take beyond the limits of the service.
const SLACK: Duration = Duration::from_secs(10);

/// What `want` asks for on this machine.
#[must_use]
pub fn lower(setup: &Setup, want: &Want, facts: &HostFacts) -> DesiredSet<HostSpec> {
    let mut set = DesiredSet::nothing(want.scope.clone());
    set.remove_durable = want.volumes;
    set.force = want.force;
    let Some(project) = want.project.as_deref() else {
        return set;
    };
    for service in project.services() {
        if !want.services.contains(&service.id) {
            continue;
        }
        let lowering = Lowering {
            setup,
            project,
            want,
            facts,
            service,
        };
        match lowering.resources() {
            Ok(resources) => set.resources.extend(resources),
            Err(obstacle) => set.obstacles.push(obstacle),
        }
    }
    set
}

struct Lowering<'a> {
    setup: &'a Setup,
    project: &'a Project,
    want: &'a Want,
    facts: &'a HostFacts,
    service: &'a Service,
}

impl Lowering<'_> {
    fn resources(&self) -> Result<Vec<Desired<HostSpec>>, Obstacle> {
        if let Some(programs) = self.facts.missing.get(&self.service.id) {
            let root = self.setup.uid == 0;
            let missing = tools::missing(programs, &self.service.packages, root);
            return Err(self.obstacle(ObstacleKind::Missing, missing.reason, missing.hints));
        }
        if let Some(unset) = self.facts.unset.get(&self.service.id) {
            let names: Vec<&str> = unset.iter().map(String::as_str).collect();
            let hints = names.iter().map(|name| format!("`export {name}=…`"));
            let reason = format!("its secrets come from {}, not set here", names.join(", "));
            return Err(self.obstacle(ObstacleKind::Missing, reason, hints.collect()));
        }
        let (stack, name) = self.names();
        let home = folder(stack, name);
        let mut resources = vec![self.kept(home.clone(), self.home())];
        for volume in self.service.volumes.keys() {
            let id = ResourceId::of_service(stack, name, VOLUME).named(volume.as_str());
            let path = self.setup.paths.volume(stack, name, volume.as_str());
            resources.push(self.kept(id, path));
        }
        let before: Vec<Dependency> = resources
            .iter()
            .map(|folder| Dependency {
                on: folder.id.clone(),
                until: Level::Created,
                before: Verb::Create,
                required: true,
            })
            .collect();
        resources.push(self.agent(before)?);
        Ok(resources)
    }

    fn kept(&self, id: ResourceId, path: PathBuf) -> Desired<HostSpec> {
        Desired {
            id,
            identity: Identity::new(),
            config: None,
            level: Level::Created,
            needs: Vec::new(),
            claims: Vec::new(),
            retry: false,
            limits: StepLimits::default(),
            facts: BTreeMap::new(),
            label: None,
            spec: HostSpec::Folder(path),
        }
    }

    fn agent(&self, mut needs: Vec<Dependency>) -> Result<Desired<HostSpec>, Obstacle> {
        let (stack, name) = self.names();
        let service = self.service;
        let (spec, label) = self.spec()?;
        let listen = spec.listen.map(|listen| listen.addr);
        let secret_variables: Vec<String> = service
            .secrets
            .values()
            .filter_map(|source| match source {
                SecretSource::Env(name) => Some(name.clone()),
                SecretSource::File(_) => None,
            })
            .collect();
        needs.extend(self.order());
        let stop: Duration =
            Duration::from(spec.limits.drain) + Duration::from(spec.limits.grace) + SLACK + SLACK;
        let build = spec.limits.build.map_or(BUILD, Duration::from);
        let limits = StepLimits {
            remove: stop,
            ready: build + Duration::from(spec.limits.ready) + stop,
            ..StepLimits::default()
        };
        let socket = self.setup.paths.socket(stack, name);
        let mut facts = BTreeMap::from([
            (
                FACT_SOCKET.to_owned(),
                socket.to_string_lossy().into_owned(),
            ),
            (FACT_STOP.to_owned(), stop.as_millis().to_string()),
        ]);
        if let Some(addr) = listen {
            facts.insert(FACT_PORT.to_owned(), addr.port().to_string());
        }
        let mut identity = super::observe::traits(spec.mode, listen);
        identity.extend(fixed::traits(&spec));
        if !secret_variables.is_empty() {
            identity.insert(TRAIT_SECRETS.to_owned(), "the caller's".to_owned());
        }
        let digest = self.digest(&spec)?;
        Ok(Desired {
            id: agent(stack, name),
            identity,
            config: Some(digest.clone()),
            level: Level::Ready,
            needs,
            claims: listen
                .map(|addr| Claim(addr.to_string()))
                .into_iter()
                .collect(),
            // A dev session brings a failed save to life itself.
            retry: spec.mode == Mode::Run,
            limits,
            facts,
            label,
            spec: HostSpec::Agent(Box::new(AgentSpec {
                spec,
                digest,
                socket,
                secret_variables,
            })),
        })
    }

    /// What is started before it: needs are ready, wants are tried.
    fn order(&self) -> impl Iterator<Item = Dependency> {
        let dependency = |on: &hob_stack::ServiceId, required| Dependency {
            on: agent(on.stack.as_str(), on.service.as_str()),
            until: if required {
                Level::Ready
            } else {
                Level::Started
            },
            before: Verb::Start,
            required,
        };
        let asked = |id: &&hob_stack::ServiceId| self.want.services.contains(*id);
        let needs = self.service.needs.iter().filter(asked);
        let wants = self.service.wants.iter().filter(asked);
        needs
            .map(move |id| dependency(id, true))
            .chain(wants.map(move |id| dependency(id, false)))
    }

    /// The fingerprint of all that the running process depends on: in mode
    /// `run` nobody watches the sources, so they are part of it.
    fn digest(&self, spec: &Spec) -> Result<Digest, Obstacle> {
        let digest = match self.facts.sources.get(&self.service.id) {
            Some(Ok(sources)) => Digest::of(&(spec, sources)),
            Some(Err(why)) => {
                let reason = format!("its sources cannot be read: {why}");
                return Err(self.obstacle(ObstacleKind::Unsupported, reason, Vec::new()));
            }
            None => Digest::of(spec),
        };
        Ok(fixed::sealed(spec, &digest))
    }

    /// The spec, and what is worth saying about it.
    fn spec(&self) -> Result<(Spec, Option<String>), Obstacle> {
        let service = self.service;
        let dev = &service.dev_form;
        let (form, ready, limits, swap, live_reload) = match self.want.mode {
            Mode::Dev => (&dev.form, &dev.ready, dev.limits, dev.swap, dev.live_reload),
            Mode::Run => {
                // The process owns its port, so the next one has to wait.
                let swap = Swap::Exclusive;
                (
                    &service.run_form,
                    &service.ready,
                    service.limits,
                    swap,
                    false,
                )
            }
        };
        let (build, run, label) = match form {
            Form::Program { build, run } => {
                let build = build.as_ref().map(|argv| self.program(argv.clone()));
                (build, self.program(run.clone()), None)
            }
            Form::Files { root } => {
                let (run, label) = self.files(root);
                (None, run, Some(label))
            }
            Form::ImageOnly => {
                return Err(self.obstacle(
                    ObstacleKind::Unsupported,
                    "only its image says how it is run, and the host engine runs programs"
                        .to_owned(),
                    vec!["say how it is run without a container: `run = [\"…\"]`".to_owned()],
                ));
            }
        };
        let listen = self.listen()?;
        let ready = match ready {
            ModelReady::Http(path) => Ready::Http(path.clone()),
            ModelReady::Tcp => Ready::Tcp,
            ModelReady::Started => Ready::Started,
            ModelReady::Command(argv) => Ready::Command(self.program(argv.clone())),
        };
        let host = match (self.want.mode, &listen) {
            (Mode::Run, Some(listen)) => listen.addr.ip(),
            // Behind the front nobody else has to reach it.
            _ => std::net::Ipv4Addr::LOCALHOST.into(),
        };
        let spec = Spec {
            project: self.setup.project.clone(),
            root: self.setup.root.clone(),
            service: service.id.to_string(),
            mode: self.want.mode,
            listen,
            host,
            build,
            run,
            env: environment::of(
                self.setup,
                self.project,
                service,
                self.want.mode,
                self.facts,
            ),
            inherit: false,
            user: None,
            secrets: service.secrets.clone(),
            ready,
            swap,
            restart: service.restart,
            live_reload,
            limits,
            state: self.home(),
        };
        Ok((spec, label))
    }

    fn listen(&self) -> Result<Option<Listen>, Obstacle> {
        if self.service.port.is_none() {
            return Ok(None);
        }
        let Some(port) = self.facts.ports.get(&self.service.id) else {
            return Err(self.obstacle(
                ObstacleKind::Unsupported,
                "its port with the offset is past 65535".to_owned(),
                vec!["a smaller `--port-offset`, or `publish = \"auto\"`".to_owned()],
            ));
        };
        Ok(Some(Listen {
            addr: SocketAddr::new(self.service.address, *port),
            protocol: self.service.protocol,
        }))
    }

    fn program(&self, argv: Vec<String>) -> Program {
        Program {
            argv,
            cwd: self.service.source.clone(),
            env: BTreeMap::new(),
        }
    }

    /// The program that serves a folder's files, and which one it is.
    fn files(&self, root: &std::path::Path) -> (Program, String) {
        let executable = &self.setup.executable;
        let (with, label) = match &self.facts.nginx {
            Some(version) => ("nginx", format!("static files by nginx {version}")),
            None => (
                "built-in",
                "static files by the built-in server: nginx is not installed".to_owned(),
            ),
        };
        let mut argv = vec![executable.program.to_string_lossy().into_owned()];
        argv.extend(executable.args.iter().cloned());
        let root = root.to_string_lossy();
        argv.extend(["serve-files", "--root", &root, "--with", with].map(str::to_owned));
        let mut program = self.program(argv);
        // Debian keeps nginx where an ordinary user's path does not look.
        if let Some(path) = tools::path_with_system(self.setup.environment.get("PATH")) {
            program.env.insert("PATH".to_owned(), path);
        }
        (program, label)
    }

    fn names(&self) -> (&str, &str) {
        (
            self.service.id.stack.as_str(),
            self.service.id.service.as_str(),
        )
    }

    fn home(&self) -> PathBuf {
        let (stack, name) = self.names();
        self.setup.paths.service(stack, name)
    }

    fn obstacle(&self, kind: ObstacleKind, reason: String, hints: Vec<String>) -> Obstacle {
        Obstacle {
            owner: owner(&self.service.id),
            kind,
            reason,
            hints,
        }
    }
}

#[cfg(test)]
mod tests;

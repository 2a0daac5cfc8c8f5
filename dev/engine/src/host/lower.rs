//! [`lower`]: what a project asks of this machine, as desired resources.
//!
//! Pure: what it has to know of the machine stands in [`HostFacts`]. A
//! service that cannot run here becomes an obstacle, and the others do not
//! notice unless they need it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_stack::Form;
use hob_wire::{Listen, Mode, Program, Spec};

use super::{
    AGENT, AgentSpec, FACT_PORT, FACT_SOCKET, FACT_STOP, HostFacts, HostSpec, TRAIT_SECRETS,
    VOLUME, agent, environment, folder,
};
use crate::agent::{fixed, found};
use crate::lowering::{Asked, kept, limits};
use crate::machine::tools;
use crate::resource::{Claim, Dependency, Desired, DesiredSet, Level, ResourceId, Verb};
use crate::setup::Setup;
use crate::want::Want;
use crate::{Obstacle, ObstacleKind};

/// What `want` asks for on this machine.
#[must_use]
pub fn lower(setup: &Setup, want: &Want, facts: &HostFacts) -> DesiredSet<HostSpec> {
    let mut set = DesiredSet::nothing(want.scope.clone());
    set.remove_durable = want.volumes;
    set.force = want.force;
    for asked in Asked::all(want) {
        let lowering = Lowering {
            setup,
            facts,
            asked,
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
    facts: &'a HostFacts,
    asked: Asked<'a>,
}

impl Lowering<'_> {
    fn resources(&self) -> Result<Vec<Desired<HostSpec>>, Obstacle> {
        let service = self.asked.service;
        if let Some(programs) = self.facts.missing.get(&service.id) {
            let root = self.setup.uid == 0;
            let missing = tools::missing(programs, &service.packages, root);
            let kind = ObstacleKind::Missing;
            return Err(self.asked.obstacle(kind, missing.reason, missing.hints));
        }
        if let Some(unset) = self.facts.unset.get(&service.id) {
            return Err(self.asked.unset(unset));
        }
        let (stack, name) = self.asked.names();
        let home = folder(stack, name);
        let mut resources = vec![kept(home.clone(), HostSpec::Folder(self.home()))];
        for volume in service.volumes.keys() {
            let id = ResourceId::of_service(stack, name, VOLUME).named(volume.as_str());
            let path = self.setup.paths.volume(stack, name, volume.as_str());
            resources.push(kept(id, HostSpec::Folder(path)));
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

    fn agent(&self, mut needs: Vec<Dependency>) -> Result<Desired<HostSpec>, Obstacle> {
        let (stack, name) = self.asked.names();
        let (spec, label) = self.spec()?;
        let listen = spec.listen.map(|listen| listen.addr);
        let secret_variables = self.asked.secret_variables();
        needs.extend(self.asked.order(&AGENT));
        let limits = limits(&spec);
        let socket = self.setup.paths.socket(stack, name);
        let mut facts = BTreeMap::from([
            (
                FACT_SOCKET.to_owned(),
                socket.to_string_lossy().into_owned(),
            ),
            (FACT_STOP.to_owned(), limits.remove.as_millis().to_string()),
        ]);
        if let Some(addr) = listen {
            facts.insert(FACT_PORT.to_owned(), addr.port().to_string());
        }
        let mut identity = found::traits(spec.mode, listen);
        identity.extend(fixed::traits(&spec));
        if !secret_variables.is_empty() {
            identity.insert(TRAIT_SECRETS.to_owned(), "the caller's".to_owned());
        }
        let sources = self.facts.sources.get(&self.asked.service.id);
        let digest = self.asked.digest(&spec, sources)?;
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
            early: false,
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

    /// The spec, and what is worth saying about it.
    fn spec(&self) -> Result<(Spec, Option<String>), Obstacle> {
        let (service, mode) = (self.asked.service, self.asked.want.mode);
        let with = self.asked.in_mode();
        let (build, run, label) = match with.form {
            Form::Program { build, run } => {
                let build = build.as_ref().map(|argv| self.program(argv.clone()));
                (build, self.program(run.clone()), None)
            }
            Form::Files { root } => {
                let (run, label) = self.files(root);
                (None, run, Some(label))
            }
            Form::ImageOnly => {
                return Err(self.asked.unsupported(
                    "only its image says how it is run, and the host engine runs programs"
                        .to_owned(),
                    vec![
                        "`--engine docker`, or say how it is run without a container: `run = [\"…\"]`"
                            .to_owned(),
                    ],
                ));
            }
        };
        let listen = self.listen()?;
        let host = match (mode, &listen) {
            (Mode::Run, Some(listen)) => listen.addr.ip(),
            // Behind the front nobody else has to reach it.
            _ => std::net::Ipv4Addr::LOCALHOST.into(),
        };
        let spec = Spec {
            project: self.setup.project.clone(),
            root: self.setup.root.clone(),
            service: service.id.to_string(),
            mode,
            listen,
            bind: None,
            host,
            build,
            run,
            env: environment::of(self.setup, self.asked.project, service, mode, self.facts),
            inherit: false,
            user: None,
            secrets: service.secrets.clone(),
            ready: self.asked.ready(|argv| self.program(argv)),
            swap: with.swap,
            restart: service.restart,
            live_reload: with.live_reload,
            limits: with.limits,
            state: self.home(),
        };
        Ok((spec, label))
    }

    fn listen(&self) -> Result<Option<Listen>, Obstacle> {
        let service = self.asked.service;
        if service.port.is_none() {
            return Ok(None);
        }
        let Some(port) = self.facts.ports.get(&service.id) else {
            return Err(self.asked.past_the_last_port());
        };
        Ok(Some(Listen {
            addr: SocketAddr::new(service.address, *port),
            protocol: service.protocol,
        }))
    }

    fn program(&self, argv: Vec<String>) -> Program {
        Program {
            argv,
            cwd: self.asked.service.source.clone(),
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

    fn home(&self) -> PathBuf {
        let (stack, name) = self.asked.names();
        self.setup.paths.service(stack, name)
    }
}

#[cfg(test)]
mod tests;

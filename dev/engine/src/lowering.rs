//! [`Asked`]: what every engine's lowering says of a service in the same way:
//! its form in a mode, its order among the others, its fingerprint, its limits.
//!
//! Pure, and knows no engine: the kind of resource that an engine orders is
//! handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hob_stack::{Form, Image, Project, Ready as ModelReady, Service, ServiceId};
use hob_wire::{Limits, Mode, Program, Ready, SecretSource, Spec, Swap};

use crate::agent::fixed;
use crate::resource::{
    Dependency, Desired, Digest, Identity, Kind, Level, ResourceId, StepLimits, Verb,
};
use crate::want::{Want, owner};
use crate::{Obstacle, ObstacleKind};

/// How long a build without a limit may take before `up` stops waiting.
const BUILD: Duration = Duration::from_secs(30 * 60);

/// What an action may take beyond the limits of the service.
const SLACK: Duration = Duration::from_secs(10);

/// A service in one mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InMode<'a> {
    pub(crate) form: &'a Form,
    pub(crate) ready: &'a ModelReady,
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) image: Option<&'a Image>,
    pub(crate) limits: Limits,
    pub(crate) swap: Swap,
    pub(crate) live_reload: bool,
}

/// The service as this mode has it.
pub(crate) fn in_mode(service: &Service, mode: Mode) -> InMode<'_> {
    let dev = &service.dev_form;
    match mode {
        Mode::Dev => InMode {
            form: &dev.form,
            ready: &dev.ready,
            env: &dev.env,
            image: dev.image.as_ref(),
            limits: dev.limits,
            swap: dev.swap,
            live_reload: dev.live_reload,
        },
        Mode::Run => InMode {
            form: &service.run_form,
            ready: &service.ready,
            env: &service.env,
            image: service.image.as_ref(),
            limits: service.limits,
            // The process owns its port, so the next one has to wait.
            swap: Swap::Exclusive,
            live_reload: false,
        },
    }
}

/// One service that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) project: &'a Project,
    pub(crate) want: &'a Want,
    pub(crate) service: &'a Service,
}

impl<'a> Asked<'a> {
    /// Every service that is asked for and that the project has.
    pub(crate) fn all(want: &'a Want) -> impl Iterator<Item = Self> {
        let project = want.project.as_deref().into_iter();
        project.flat_map(move |project| {
            let asked = |service: &&Service| want.services.contains(&service.id);
            project.services().filter(asked).map(move |service| Self {
                project,
                want,
                service,
            })
        })
    }

    /// The service as the asked mode has it.
    pub(crate) fn in_mode(&self) -> InMode<'a> {
        in_mode(self.service, self.want.mode)
    }

    /// The names of its stack and its own.
    pub(crate) fn names(&self) -> (&'a str, &'a str) {
        let id = &self.service.id;
        (id.stack.as_str(), id.service.as_str())
    }

    /// What is started before it: needs are ready, wants are tried. `kind` is
    /// what a service is to the engine.
    pub(crate) fn order(&self, kind: &Kind) -> Vec<Dependency> {
        let dependency = |on: &ServiceId, required| Dependency {
            on: ResourceId::of_service(on.stack.as_str(), on.service.as_str(), kind.clone()),
            until: if required {
                Level::Ready
            } else {
                Level::Started
            },
            before: Verb::Start,
            required,
        };
        let asked = |id: &&ServiceId| self.want.services.contains(*id);
        let needs = self.service.needs.iter().filter(asked);
        let wants = self.service.wants.iter().filter(asked);
        needs
            .map(|id| dependency(id, true))
            .chain(wants.map(|id| dependency(id, false)))
            .collect()
    }

    /// The fingerprint of all that the running process depends on. Where
    /// nobody watches the sources, their digest, or why there is none, is part
    /// of it.
    pub(crate) fn digest(
        &self,
        spec: &Spec,
        sources: Option<&Result<String, String>>,
    ) -> Result<Digest, Obstacle> {
        let digest = match sources {
            Some(Ok(sources)) => Digest::of(&(spec, sources)),
            Some(Err(why)) => {
                let reason = format!("its sources cannot be read: {why}");
                return Err(self.unsupported(reason, Vec::new()));
            }
            None => Digest::of(spec),
        };
        Ok(fixed::sealed(spec, &digest))
    }

    /// Its readiness, with a command's program made by `program`.
    pub(crate) fn ready(&self, program: impl FnOnce(Vec<String>) -> Program) -> Ready {
        match self.in_mode().ready {
            ModelReady::Http(path) => Ready::Http(path.clone()),
            ModelReady::Tcp => Ready::Tcp,
            ModelReady::Started => Ready::Started,
            ModelReady::Command(argv) => Ready::Command(program(argv.clone())),
        }
    }

    /// The variables of the caller that its secrets are taken from.
    pub(crate) fn secret_variables(&self) -> Vec<String> {
        secret_variables(self.service).map(str::to_owned).collect()
    }

    /// Secrets are taken from variables that are not set.
    pub(crate) fn unset(&self, names: &BTreeSet<String>) -> Obstacle {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hints = names.iter().map(|name| format!("`export {name}=…`"));
        let reason = format!("its secrets come from {}, not set here", names.join(", "));
        self.obstacle(ObstacleKind::Missing, reason, hints.collect())
    }

    /// Its port with the offset is no port.
    pub(crate) fn past_the_last_port(&self) -> Obstacle {
        self.unsupported(
            "its port with the offset is past 65535".to_owned(),
            vec!["a smaller `--port-offset`, or `publish = \"auto\"`".to_owned()],
        )
    }

    /// The engine cannot run it so.
    pub(crate) fn unsupported(&self, reason: String, hints: Vec<String>) -> Obstacle {
        self.obstacle(ObstacleKind::Unsupported, reason, hints)
    }

    /// It cannot come up.
    pub(crate) fn obstacle(
        &self,
        kind: ObstacleKind,
        reason: String,
        hints: Vec<String>,
    ) -> Obstacle {
        Obstacle {
            owner: owner(&self.service.id),
            kind,
            reason,
            hints,
        }
    }
}

/// Something that is done once it is made.
pub(crate) fn kept<S>(id: ResourceId, spec: S) -> Desired<S> {
    Desired {
        id,
        identity: Identity::new(),
        config: None,
        level: Level::Created,
        needs: Vec::new(),
        claims: Vec::new(),
        retry: false,
        early: false,
        limits: StepLimits::default(),
        facts: BTreeMap::new(),
        label: None,
        spec,
    }
}

/// The ends of the waits of an agent that is told this.
pub(crate) fn limits(spec: &Spec) -> StepLimits {
    let of = &spec.limits;
    let stop = Duration::from(of.drain) + Duration::from(of.grace) + SLACK + SLACK;
    let build = of.build.map_or(BUILD, Duration::from);
    StepLimits {
        remove: stop,
        ready: build + Duration::from(of.ready) + stop,
        ..StepLimits::default()
    }
}

/// The variables of the caller that a service takes secrets from.
pub(crate) fn secret_variables(service: &Service) -> impl Iterator<Item = &str> {
    service.secrets.values().filter_map(|source| match source {
        SecretSource::Env(name) => Some(name.as_str()),
        SecretSource::File(_) => None,
    })
}

//! Random questions: what is asked for and what is there, related closely
//! enough that every sort of difference comes up.

mod random;

use std::collections::{BTreeMap, BTreeSet};

use hob_engine::{
    Claim, Dependency, Desired, DesiredSet, Digest, Identity, Kind, Level, Obstacle, ObstacleKind,
    ResourceId, Scope, StepLimits, Verb,
};

pub use random::case;

use crate::world::{Snapshot, Spec, Thing};

const AGENT: Kind = Kind::new("agent");
const VOLUME: Kind = Kind::new("volume");
const REMAINS: Kind = Kind::new("remains");

/// How many services there may be, over two stacks.
const SERVICES: usize = 6;

/// One question.
#[derive(Debug, Clone)]
pub struct Case {
    pub services: Vec<ServiceCase>,
    pub scope: Scope,
    pub volumes: bool,
    pub down: bool,
    pub never_ready: bool,
    pub foreign: BTreeSet<u8>,
}

/// What is asked for and what is there of one service.
#[derive(Debug, Clone)]
pub struct ServiceCase {
    number: usize,
    wanted: bool,
    obstacle: bool,
    needs: BTreeSet<usize>,
    wants: BTreeSet<usize>,
    mode: bool,
    config: u8,
    port: Option<u8>,
    volume: bool,
    retry: bool,
    never_ready: bool,
    found: FoundCase,
}

#[derive(Debug, Clone)]
struct FoundCase {
    agent: Option<Level>,
    mode: bool,
    config: u8,
    port: Option<u8>,
    broken: bool,
    failed: bool,
    volume: bool,
    remains: bool,
}

fn agent(number: usize) -> ResourceId {
    let stack = if number < SERVICES / 2 { "s" } else { "t" };
    ResourceId::of_service(stack, &format!("x{number}"), AGENT)
}

fn of_kind(number: usize, kind: Kind) -> ResourceId {
    ResourceId {
        kind,
        ..agent(number)
    }
}

fn identity(mode: bool, port: Option<u8>) -> Identity {
    Identity::from([
        ("mode".to_owned(), mode.to_string()),
        ("port".to_owned(), format!("{port:?}")),
    ])
}

fn digest(config: u8) -> Digest {
    Digest::from_text(&config.to_string())
}

fn claim(port: u8) -> Claim {
    Claim(format!("port {port}"))
}

impl Case {
    pub fn one_service() -> Self {
        Self {
            services: vec![ServiceCase {
                number: 0,
                wanted: true,
                obstacle: false,
                needs: BTreeSet::new(),
                wants: BTreeSet::new(),
                mode: true,
                config: 1,
                port: Some(1),
                volume: false,
                retry: false,
                never_ready: false,
                found: FoundCase {
                    agent: None,
                    mode: true,
                    config: 1,
                    port: None,
                    broken: false,
                    failed: false,
                    volume: false,
                    remains: false,
                },
            }],
            scope: Scope::Project,
            volumes: false,
            down: false,
            never_ready: false,
            foreign: BTreeSet::new(),
        }
    }

    /// Nothing that could not be: a port is held once, and not by somebody
    /// else when it is ours; what is asked for is in the scope.
    fn make_possible(&mut self) {
        let mut held = self.foreign.clone();
        for service in &mut self.services {
            let found = &mut service.found;
            if let Some(port) = found.port {
                let lives = found.agent.is_some() || found.remains;
                if !lives || !held.insert(port) {
                    found.port = None;
                }
            }
            if found.volume && !service.volume {
                // Doing without a volume is another configuration.
                found.config = service.config + 1;
            }
            if !self.scope.contains(&agent(service.number).owner()) {
                service.wanted = false;
                service.obstacle = false;
            }
        }
    }

    pub fn wanted(&self) -> DesiredSet<Spec> {
        let mut set = DesiredSet::nothing(self.scope.clone());
        set.remove_durable = self.volumes;
        if self.down {
            return set;
        }
        for service in &self.services {
            if service.obstacle {
                set.obstacles.push(Obstacle {
                    owner: agent(service.number).owner(),
                    kind: ObstacleKind::Missing,
                    reason: "mcs is not installed".to_owned(),
                    hints: Vec::new(),
                });
            } else if service.wanted {
                set.resources.extend(service.desired(self));
            }
        }
        set
    }

    /// Whether a service is asked for at all, come up or not.
    fn asks_for(&self, number: usize) -> bool {
        let service = &self.services[number];
        service.wanted || service.obstacle
    }

    pub fn found(&self) -> Snapshot {
        let mut things = BTreeMap::new();
        for service in &self.services {
            service.things(&mut things);
        }
        let foreign = self.foreign.iter();
        Snapshot {
            things,
            foreign: foreign
                .map(|port| (claim(*port), "nginx".to_owned()))
                .collect(),
        }
    }

    pub fn never_ready(&self) -> BTreeSet<ResourceId> {
        let services = self
            .services
            .iter()
            .filter(|s| self.never_ready && s.never_ready);
        services.map(|service| agent(service.number)).collect()
    }

    pub fn is_never_ready(&self, id: &ResourceId) -> bool {
        self.never_ready().contains(id)
    }
}

impl ServiceCase {
    fn desired(&self, case: &Case) -> Vec<Desired<Spec>> {
        let mut all = Vec::new();
        let mut needs = Vec::new();
        if self.volume {
            let id = of_kind(self.number, VOLUME).named("data");
            needs.push(Dependency {
                on: id.clone(),
                until: Level::Created,
                before: Verb::Create,
                required: true,
            });
            let spec = Spec {
                identity: Identity::new(),
                config: None,
                claims: Vec::new(),
                needs: Vec::new(),
                durable: true,
            };
            all.push(desired(id, Level::Created, spec, false));
        }
        let dependency = |on: &usize, required: bool| Dependency {
            on: agent(*on),
            until: if required {
                Level::Ready
            } else {
                Level::Started
            },
            before: Verb::Start,
            required,
        };
        let asked = |number: &&usize| case.asks_for(**number);
        needs.extend(
            self.needs
                .iter()
                .filter(asked)
                .map(|on| dependency(on, true)),
        );
        needs.extend(
            self.wants
                .iter()
                .filter(asked)
                .map(|on| dependency(on, false)),
        );
        let spec = Spec {
            identity: identity(self.mode, self.port),
            config: Some(digest(self.config)),
            claims: self.port.map(claim).into_iter().collect(),
            needs,
            durable: false,
        };
        all.push(desired(agent(self.number), Level::Ready, spec, self.retry));
        all
    }

    fn things(&self, things: &mut BTreeMap<ResourceId, Thing>) {
        let found = &self.found;
        let volume = of_kind(self.number, VOLUME).named("data");
        let mut below = BTreeSet::new();
        if found.volume {
            below.insert(volume.clone());
            let mut thing = bare(Level::Created);
            thing.durable = true;
            things.insert(volume, thing);
        }
        if let Some(level) = found.agent {
            let mut thing = bare(level);
            thing.identity = identity(found.mode, found.port);
            thing.config = (level > Level::Created).then(|| digest(found.config));
            thing.claims = found.port.map(claim).into_iter().collect();
            thing.broken = found.broken.then(|| "it does not answer".to_owned());
            let failed = found.failed && level >= Level::Started;
            thing.failed = failed.then(|| "it did not build".to_owned());
            thing.needs = below.clone();
            thing.needs.extend(self.needs.iter().map(|on| agent(*on)));
            things.insert(agent(self.number), thing);
        }
        if found.remains {
            let mut thing = bare(Level::Created);
            if found.agent.is_none() {
                thing.claims = found.port.map(claim).into_iter().collect();
            }
            thing.needs = below;
            things.insert(of_kind(self.number, REMAINS), thing);
        }
    }
}

fn bare(level: Level) -> Thing {
    Thing {
        level,
        identity: Identity::new(),
        config: None,
        claims: Vec::new(),
        needs: BTreeSet::new(),
        durable: false,
        broken: None,
        failed: None,
    }
}

fn desired(id: ResourceId, level: Level, spec: Spec, retry: bool) -> Desired<Spec> {
    Desired {
        id,
        identity: spec.identity.clone(),
        config: spec.config.clone(),
        level,
        needs: spec.needs.clone(),
        claims: spec.claims.clone(),
        retry,
        early: false,
        limits: StepLimits::default(),
        facts: BTreeMap::new(),
        label: None,
        spec,
    }
}

//! From text to what is wanted and what is found, and from a plan to text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use snapbox::assert_data_eq;

use crate::plan::{Plan, plan};
use crate::resource::{
    Claim, Dependency, Desired, DesiredSet, Digest, Health, Holder, Identity, Kind, Level,
    Observed, ObservedResource, Owner, ResourceId, Scope, StepLimits, Verb,
};
use crate::{Obstacle, ObstacleKind};

const AGENT: Kind = Kind::new("agent");
const VOLUME: Kind = Kind::new("volume");

const NETWORK: Kind = Kind::new("network");

/// `goapi` is an agent, `goapi/data` what its service keeps, `@` what the stack
/// has as a whole.
fn id(text: &str) -> ResourceId {
    if text == "@" {
        return ResourceId::of_stack("s", NETWORK);
    }
    match text.split_once('/') {
        Some((service, volume)) => ResourceId::of_service("s", service, VOLUME).named(volume),
        None => ResourceId::of_service("s", text, AGENT),
    }
}

/// One line: a name, then flags and `key=value`s.
struct Words<'a> {
    name: &'a str,
    rest: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let mut parts = line.split_whitespace();
        Self {
            name: parts.next().unwrap(),
            rest: parts
                .map(|part| part.split_once('=').unwrap_or((part, "")))
                .collect(),
        }
    }

    fn all(&self, key: &str) -> Vec<&'a str> {
        let of_key = self.rest.iter().filter(|(name, _)| *name == key);
        of_key.map(|(_, value)| *value).collect()
    }

    fn first(&self, key: &str) -> Option<&'a str> {
        self.all(key).first().copied()
    }
}

/// One line a service (`goapi mode=dev config=1 needs=db wants=cache port=80
/// retry`), a volume (`db/data`) or a word about the whole: `scope=stack`,
/// `volumes`, `force`, `missing=goapi`.
pub(super) fn wanted(text: &str) -> DesiredSet<()> {
    let mut set = DesiredSet::nothing(Scope::Project);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words = Words::of(line);
        match words.name.split_once('=').unwrap_or((words.name, "")) {
            ("scope", "t") => set.scope = Scope::Stacks(BTreeSet::from(["t".to_owned()])),
            ("scope", services) => {
                let owner = |name: &str| Owner {
                    stack: "s".to_owned(),
                    service: Some(name.to_owned()),
                };
                set.scope = Scope::Services(services.split(',').map(owner).collect());
            }
            ("outdated", old) => {
                let by = words.all("by")[0];
                set.outdated.insert(id(old), id(by));
            }
            ("volumes", _) => set.remove_durable = true,
            ("force", _) => set.force = true,
            ("missing", service) => set.obstacles.push(Obstacle {
                owner: id(service).owner(),
                kind: ObstacleKind::Missing,
                reason: "mcs is not installed".to_owned(),
                hints: Vec::new(),
            }),
            _ => set.resources.push(desired(&words)),
        }
    }
    set
}

fn desired(words: &Words<'_>) -> Desired<()> {
    let resource = id(words.name);
    let is_agent = resource.kind == AGENT;
    let dependency = |on: &str, until, before, required| Dependency {
        on: id(on),
        until,
        before,
        required,
    };
    let mut needs = Vec::new();
    for on in words.all("needs") {
        needs.push(match on.contains('/') {
            true => dependency(on, Level::Created, Verb::Create, true),
            false if on == "@" => dependency(on, Level::Created, Verb::Create, true),
            false => dependency(on, Level::Ready, Verb::Start, true),
        });
    }
    for on in words.all("from") {
        needs.push(dependency(on, Level::Created, Verb::Remove, true));
    }
    for on in words.all("wants") {
        needs.push(dependency(on, Level::Started, Verb::Start, false));
    }
    Desired {
        id: resource,
        identity: identity(&words.all("mode")),
        config: words.first("config").map(Digest::from_text),
        level: if is_agent {
            Level::Ready
        } else {
            Level::Created
        },
        needs,
        claims: words
            .all("port")
            .iter()
            .map(|p| Claim(format!("port {p}")))
            .collect(),
        retry: words.first("retry").is_some(),
        early: words.first("early").is_some(),
        limits: StepLimits::default(),
        facts: Default::default(),
        label: words.first("label").map(str::to_owned),
        spec: (),
    }
}

fn identity(mode: &[&str]) -> Identity {
    let pair = |mode: &&str| ("mode".to_owned(), (*mode).to_owned());
    mode.iter().map(pair).collect()
}

/// One line a resource (`goapi ready mode=dev config=1 failed=why needs=db`)
/// or a claim (`held port=80 by=nginx`, `held port=80 ours=goapi`).
pub(super) fn found(text: &str) -> Observed {
    let mut observed = Observed::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words = Words::of(line);
        if words.name == "held" {
            let holder = match words.first("by") {
                Some(who) => Holder::Foreign {
                    who: who.to_owned(),
                    hints: vec!["`--port-offset 100`".to_owned()],
                },
                None => Holder::Ours(id(words.all("ours")[0])),
            };
            let claim = Claim(format!("port {}", words.all("port")[0]));
            observed.held.insert(claim, holder);
            continue;
        }
        let level = ["created", "configured", "started", "ready"];
        let levels = [
            Level::Created,
            Level::Configured,
            Level::Started,
            Level::Ready,
        ];
        let at = level.iter().position(|word| words.first(word).is_some());
        let resource = id(words.name);
        let mut seen = ObservedResource::at(at.map_or(Level::Created, |at| levels[at]));
        seen.identity = identity(&words.all("mode"));
        seen.config = words.first("config").map(Digest::from_text);
        seen.durable = resource.kind == VOLUME;
        seen.busy = words.first("busy").map(str::to_owned);
        seen.needs = words.all("needs").iter().map(|on| id(on)).collect();
        if let Some(reason) = words.first("failed") {
            seen.health = Health::Failed(reason.to_owned());
        }
        if let Some(reason) = words.first("behind") {
            seen.health = Health::Behind(reason.to_owned());
        }
        if let Some(reason) = words.first("broken") {
            seen.health = Health::Broken(reason.to_owned());
        }
        observed.resources.insert(resource, seen);
    }
    observed
}

pub(super) fn planned(want: &str, have: &str) -> Plan<()> {
    plan(&wanted(want), &found(have))
}

/// The plan's own text with what each step waits for (`?`: only for its end),
/// then the obstacles.
pub(super) fn check(want: &str, have: &str, expected: impl snapbox::data::IntoData) {
    let plan = planned(want, have);
    let mut text = String::new();
    for (line, step) in plan.to_text().lines().zip(&plan.steps) {
        write!(text, "{} {line}", step.id.0).unwrap();
        for after in &step.after {
            let mark = if after.required { "" } else { "?" };
            write!(text, " <{}{mark}", after.step.0).unwrap();
            assert!(
                after.step < step.id,
                "a step comes before what it waits for"
            );
        }
        text.push('\n');
    }
    for obstacle in &plan.obstacles {
        writeln!(text, "! {obstacle}").unwrap();
    }
    assert_data_eq!(text, expected.into_data().raw());
}

//! [`plan`]: from what is wanted and what was found to the DAG of steps
//! between them.
//!
//! Owns every decision: what is made, changed, removed or left, and in which
//! order. Pure: it asks nothing and does nothing, and the same arguments give
//! the same plan. Start with [`plan`]; `chain.rs` decides about one resource,
//! `block.rs` what cannot be done, `order.rs` what waits for what.

mod block;
mod chain;
mod order;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::resource::{Claim, Desired, DesiredSet, Observed, Owner, ResourceId, Verb};
use crate::{Obstacle, ObstacleKind};

/// What leads from what was found to what is wanted.
#[derive(Debug, Clone)]
pub struct Plan<S> {
    /// The steps; each comes after all that it waits for.
    pub steps: Vec<Step<S>>,
    /// The services that are left as they are, and why.
    pub obstacles: Vec<Obstacle>,
}

impl<S> Plan<S> {
    /// Whether there is nothing to do and nothing in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.obstacles.is_empty()
    }

    /// The same plan without what only the engine reads.
    #[must_use]
    pub fn outline(&self) -> Plan<()> {
        let outline = |step: &Step<S>| Step {
            id: step.id,
            verb: step.verb,
            resource: step.resource.clone(),
            cause: step.cause.clone(),
            after: step.after.clone(),
            limit: step.limit,
            label: step.label.clone(),
            memory: step.memory.clone(),
            spec: None,
        };
        Plan {
            steps: self.steps.iter().map(outline).collect(),
            obstacles: self.obstacles.clone(),
        }
    }
}

/// A step's place in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub usize);

/// One outside action, safe to repeat.
#[derive(Debug, Clone)]
pub struct Step<S> {
    /// Its place.
    pub id: StepId,
    /// What is done.
    pub verb: Verb,
    /// What it is done to.
    pub resource: ResourceId,
    /// Why, in words that follow a "because".
    pub cause: String,
    /// What it waits for.
    pub after: Vec<After>,
    /// How long it may take.
    pub limit: Duration,
    /// Something worth saying with it.
    pub label: Option<String>,
    /// What the ledger remembers of the resource.
    pub memory: Memory,
    /// What the engine needs to know; none when only a found resource is
    /// removed.
    pub spec: Option<S>,
}

/// What the ledger remembers of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Memory {
    /// What it depends on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<ResourceId>,
    /// The engine's own facts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// One edge of the DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct After {
    /// The earlier step.
    pub step: StepId,
    /// Whether its failure is a reason to skip the later one; otherwise its
    /// end, however it ends, is enough.
    pub required: bool,
}

/// The plan from `found` to `wanted`.
///
/// What is in `wanted.scope`, was found, and is not wanted is removed; what is
/// outside of it is not touched.
#[must_use]
pub fn plan<S: Clone, F>(wanted: &DesiredSet<S>, found: &Observed<F>) -> Plan<S> {
    let situation = Situation {
        wanted: wanted.resources.iter().map(|d| (d.id.clone(), d)).collect(),
        set: wanted,
        found: &found.resources,
        held: &found.held,
    };
    let blocked = block::blocked(&situation);
    let (steps, blocked) = settled(&situation, blocked);
    let mut obstacles: Vec<Obstacle> = blocked.into_values().collect();
    obstacles.sort_by(|a, b| (a.kind, &a.owner).cmp(&(b.kind, &b.owner)));
    Plan { steps, obstacles }
}

/// The steps of all that is not blocked. Steps that wait for each other would
/// never be begun, so what they belong to is blocked, too.
fn settled<S: Clone>(
    situation: &Situation<'_, S>,
    mut blocked: Blocked,
) -> (Vec<Step<S>>, Blocked) {
    loop {
        match order::ordered(situation, &situation.chains(&blocked)) {
            Ok(steps) => return (steps, blocked),
            Err(circle) => {
                blocked.extend(circle.into_iter().map(|owner| {
                    let obstacle = Obstacle {
                        owner: owner.clone(),
                        kind: ObstacleKind::Cycle,
                        reason: "its steps wait for each other".to_owned(),
                        hints: Vec::new(),
                    };
                    (owner, obstacle)
                }));
                block::complete(situation, &mut blocked);
            }
        }
    }
}

/// The arguments of one planning, indexed.
struct Situation<'a, S> {
    wanted: BTreeMap<ResourceId, &'a Desired<S>>,
    set: &'a DesiredSet<S>,
    found: &'a BTreeMap<ResourceId, crate::ObservedResource>,
    held: &'a BTreeMap<Claim, crate::Holder>,
}

/// The verbs that one resource needs, in their order, each with its cause.
type Chain = Vec<(Verb, String)>;

/// The services that are left alone.
type Blocked = BTreeMap<Owner, Obstacle>;

impl<S> Situation<'_, S> {
    /// The chains of all resources that are touched.
    fn chains(&self, blocked: &Blocked) -> BTreeMap<ResourceId, Chain> {
        let ids: BTreeSet<&ResourceId> = self.wanted.keys().chain(self.found.keys()).collect();
        ids.into_iter()
            .filter(|id| !blocked.contains_key(&id.owner()) && !self.is_for_nobody(id, blocked))
            .map(|id| (id.clone(), self.chain(id)))
            .filter(|(_, chain)| !chain.is_empty())
            .collect()
    }

    /// Whether something that a stack has as a whole would be made for services
    /// that are all left alone.
    fn is_for_nobody(&self, id: &ResourceId, blocked: &Blocked) -> bool {
        if id.service.is_some() || !self.wanted.contains_key(id) {
            return false;
        }
        let needs_it = |wanted: &&&Desired<S>| wanted.needs.iter().any(|need| need.on == *id);
        let mut users = self.wanted.values().filter(needs_it).peekable();
        users.peek().is_some() && users.all(|user| blocked.contains_key(&user.id.owner()))
    }

    /// How long a step of this resource may take: what is removed goes by
    /// what it was made with.
    fn limit(&self, id: &ResourceId, verb: Verb) -> Duration {
        let found = self.found.get(id).map(|o| o.limits);
        let wanted = self.wanted.get(id).map(|d| d.limits);
        let limits = match verb {
            Verb::Remove => found.or(wanted),
            _ => wanted.or(found),
        };
        limits.unwrap_or_default().of(verb)
    }
}

#[cfg(test)]
mod tests;

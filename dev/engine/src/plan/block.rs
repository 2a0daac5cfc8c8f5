//! Which services cannot be brought to where they are wanted, and why.
//!
//! One service that is left alone can be the reason for another, so this runs
//! until nothing is added.

use std::collections::{BTreeMap, BTreeSet};

use super::{Blocked, Situation};
use crate::resource::{Claim, Desired, Holder, Level, ResourceId, Verb};
use crate::{Obstacle, ObstacleKind};

/// The services that are left alone.
pub(super) fn blocked<S>(situation: &Situation<'_, S>) -> Blocked {
    let mut blocked = Blocked::new();
    for obstacle in &situation.set.obstacles {
        blocked
            .entry(obstacle.owner.clone())
            .or_insert_with(|| obstacle.clone());
    }
    for obstacle in cycles(situation) {
        blocked.entry(obstacle.owner.clone()).or_insert(obstacle);
    }
    complete(situation, &mut blocked);
    blocked
}

/// Adds what is left alone because of those that are.
pub(super) fn complete<S>(situation: &Situation<'_, S>, blocked: &mut Blocked) {
    while let Some(obstacle) = next(situation, blocked) {
        blocked.insert(obstacle.owner.clone(), obstacle);
    }
}

/// The first reason that is not in `blocked` yet.
fn next<S>(situation: &Situation<'_, S>, blocked: &Blocked) -> Option<Obstacle> {
    let chains = situation.chains(blocked);
    let acting = |id: &ResourceId| {
        chains
            .get(id)
            .is_some_and(|chain| chain.iter().any(|(verb, _)| verb.acts()))
    };
    for id in chains.keys() {
        let busy = situation.found.get(id).and_then(|o| o.busy.as_ref());
        if let Some(who) = busy.filter(|_| acting(id) && !situation.set.force) {
            return Some(Obstacle {
                owner: id.owner(),
                kind: ObstacleKind::Busy,
                reason: format!("{who} works with it"),
                hints: vec![
                    "`hob status` shows where it answers, `hob down` ends the session".to_owned(),
                ],
            });
        }
    }
    let mut claimed: BTreeMap<&Claim, &ResourceId> = BTreeMap::new();
    for (id, wanted) in &situation.wanted {
        if blocked.contains_key(&id.owner()) {
            continue;
        }
        for claim in &wanted.claims {
            if let Some(other) = claimed.insert(claim, id) {
                return Some(taken(wanted, claim, &format!("{other} wants it too"), &[]));
            }
            if !acting(id) {
                continue;
            }
            match situation.held.get(claim) {
                Some(Holder::Foreign { who, hints }) => {
                    return Some(taken(wanted, claim, &format!("{who} has it"), hints));
                }
                Some(Holder::Ours(other)) if other.owner() != id.owner() => {
                    let goes = chains
                        .get(other)
                        .is_some_and(|chain| chain.iter().any(|(verb, _)| *verb == Verb::Remove));
                    if !goes {
                        return Some(taken(wanted, claim, &format!("{other} has it"), &[]));
                    }
                }
                Some(Holder::Ours(_)) | None => {}
            }
        }
        if !chains.contains_key(id) {
            continue;
        }
        for need in wanted.needs.iter().filter(|need| need.required) {
            let level = situation
                .found
                .get(&need.on)
                .map_or(Level::Absent, |o| o.level);
            if level >= need.until {
                continue;
            }
            if let Some(cause) = blocked.get(&need.on.owner()) {
                return Some(Obstacle {
                    owner: id.owner(),
                    kind: ObstacleKind::Blocked,
                    reason: format!("it needs {}, which cannot come up", cause.owner),
                    hints: Vec::new(),
                });
            }
        }
    }
    None
}

fn taken<S>(wanted: &Desired<S>, claim: &Claim, by: &str, hints: &[String]) -> Obstacle {
    Obstacle {
        owner: wanted.id.owner(),
        kind: ObstacleKind::Taken,
        reason: format!("{claim} is taken: {by}"),
        hints: hints.to_vec(),
    }
}

/// One obstacle for each service that needs itself.
fn cycles<S>(situation: &Situation<'_, S>) -> Vec<Obstacle> {
    let reaches_itself = |start: &ResourceId| {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            let Some(wanted) = situation.wanted.get(id) else {
                continue;
            };
            for need in wanted.needs.iter().filter(|need| need.required) {
                if need.on == *start {
                    return true;
                }
                if seen.insert(&need.on) {
                    open.push(&need.on);
                }
            }
        }
        false
    };
    situation
        .wanted
        .keys()
        .filter(|id| reaches_itself(id))
        .map(|id| Obstacle {
            owner: id.owner(),
            kind: ObstacleKind::Cycle,
            reason: "it needs itself, over others".to_owned(),
            hints: Vec::new(),
        })
        .collect()
}

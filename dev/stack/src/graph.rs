//! Who needs whom: cycles, and the order in which services start.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Place};
use crate::model::Project;
use crate::names::{ServiceId, ServiceName};

/// One name in a list of `needs` or `wants`.
pub(crate) struct Edge {
    pub from: ServiceName,
    pub to: ServiceName,
    pub place: Place,
}

/// Tells one cycle of each set of services that wait for each other.
pub(crate) fn cycles(edges: &[Edge], report: &mut Vec<Diagnostic>) {
    let mut below: BTreeMap<&ServiceName, Vec<&Edge>> = BTreeMap::new();
    for edge in edges {
        below.entry(&edge.from).or_default().push(edge);
    }
    let mut done: BTreeSet<&ServiceName> = BTreeSet::new();
    for start in below.keys().copied() {
        // The way from `start` to where we are, each with the edge taken and
        // the number of the next one to look at.
        let mut way: Vec<(&ServiceName, Option<&Edge>, usize)> = vec![(start, None, 0)];
        while let Some((at, _, next)) = way.last_mut() {
            let edge = below.get(*at).and_then(|edges| edges.get(*next));
            *next += 1;
            match edge {
                _ if done.contains(*at) => {
                    way.pop();
                }
                None => {
                    done.insert(*at);
                    way.pop();
                }
                Some(edge) => match way.iter().position(|(name, ..)| *name == &edge.to) {
                    Some(from) => {
                        let mut cycle: Vec<&Edge> =
                            way[from + 1..].iter().filter_map(|w| w.1).collect();
                        cycle.push(edge);
                        report.push(told(&cycle));
                        // Its members are not entered again.
                        done.extend(way[from..].iter().map(|(name, ..)| *name));
                    }
                    None => way.push((&edge.to, Some(edge), 0)),
                },
            }
        }
    }
}

fn told(cycle: &[&Edge]) -> Diagnostic {
    let mut path: Vec<String> = cycle
        .iter()
        .map(|edge| format!("`{}`", edge.from))
        .collect();
    path.extend(cycle.last().map(|edge| format!("`{}`", edge.to)));
    let edge_label = |edge: &Edge| format!("`{}` waits for `{}`", edge.from, edge.to);
    let (last, rest) = match cycle.split_last() {
        Some((last, rest)) => (*last, rest),
        None => unreachable!("a cycle has at least the edge that closed it"),
    };
    let message = if rest.is_empty() {
        format!("`{}` waits for itself", last.from)
    } else {
        format!("services wait for each other: {}", path.join(" → "))
    };
    let first = Diagnostic::error(message, last.place.clone())
        .label(edge_label(last))
        .hint(
            "take one of these names out: a service finds its peer when it asks, not at its start",
        );
    rest.iter().fold(first, |diagnostic, edge| {
        diagnostic.related(edge.place.clone(), edge_label(edge))
    })
}

impl Project {
    /// These services and all that they need and want, each after what it
    /// needs and wants; the same for the same set, in whatever order it comes.
    /// Ids that the project does not have are left out.
    #[must_use]
    pub fn closure(&self, ids: &[ServiceId]) -> Vec<ServiceId> {
        let starts: BTreeSet<&ServiceId> = ids.iter().collect();
        let mut entered: BTreeSet<&ServiceId> = BTreeSet::new();
        let mut order = Vec::new();
        for start in starts {
            // Each service comes twice: to be entered, then to be left.
            let mut stack = vec![(start, false)];
            while let Some((id, leave)) = stack.pop() {
                if leave {
                    order.push(id.clone());
                    continue;
                }
                let Some(service) = self.service(id) else {
                    continue;
                };
                if !entered.insert(id) {
                    continue;
                }
                stack.push((id, true));
                let below = service.needs.iter().chain(&service.wants);
                stack.extend(below.rev().map(|id| (id, false)));
            }
        }
        order
    }
}

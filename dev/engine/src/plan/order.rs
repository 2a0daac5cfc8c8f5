//! What waits for what, and the steps in an order that respects it.

use std::collections::{BTreeMap, BTreeSet};

use super::{After, Chain, Memory, Situation, Step, StepId};
use crate::resource::{Dependency, Holder, Owner, ResourceId, Verb};

/// The steps of these chains, each after all that it waits for; among equals
/// in the order of their resources, so that plans read the same each time.
///
/// # Errors
/// Steps of these wait for each other.
pub(super) fn ordered<S: Clone>(
    situation: &Situation<'_, S>,
    chains: &BTreeMap<ResourceId, Chain>,
) -> Result<Vec<Step<S>>, BTreeSet<Owner>> {
    let mut graph = Graph::new(chains);
    hard_edges(situation, chains, &mut graph);
    soft_edges(situation, chains, &mut graph);
    let order = graph.topological();
    if order.len() < graph.nodes.len() {
        return Err(graph.circle());
    }
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(at, n)| (*n, at)).collect();
    let steps = order
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let (id, verb, cause) = graph.nodes[*node];
            let mut after: Vec<After> = graph.before[*node]
                .iter()
                .map(|(earlier, required)| After {
                    step: StepId(place[earlier]),
                    required: *required,
                })
                .collect();
            after.sort();
            let wanted = situation.wanted.get(id);
            Step {
                id: StepId(at),
                verb,
                resource: id.clone(),
                cause: cause.to_owned(),
                after,
                limit: situation.limit(id, verb),
                label: wanted.and_then(|d| {
                    let told = match d.config {
                        Some(_) => Verb::Configure,
                        None => Verb::Create,
                    };
                    d.label.clone().filter(|_| verb == told)
                }),
                memory: wanted.map_or_else(Memory::default, |d| Memory {
                    needs: d.needs.iter().map(|need| need.on.clone()).collect(),
                    facts: d.facts.clone(),
                }),
                spec: wanted.map(|d| d.spec.clone()),
            }
        })
        .collect();
    Ok(steps)
}

/// The steps as nodes; an edge's value says whether it is required.
struct Graph<'a> {
    nodes: Vec<(&'a ResourceId, Verb, &'a str)>,
    index: BTreeMap<(&'a ResourceId, Verb), usize>,
    before: Vec<BTreeMap<usize, bool>>,
}

impl<'a> Graph<'a> {
    fn new(chains: &'a BTreeMap<ResourceId, Chain>) -> Self {
        let nodes: Vec<_> = chains
            .iter()
            .flat_map(|(id, chain)| chain.iter().map(move |(verb, cause)| (id, *verb, &**cause)))
            .collect();
        let index = nodes
            .iter()
            .enumerate()
            .map(|(node, (id, verb, _))| ((*id, *verb), node))
            .collect();
        Self {
            before: vec![BTreeMap::new(); nodes.len()],
            nodes,
            index,
        }
    }

    fn require(&mut self, later: usize, earlier: usize) {
        self.before[later].insert(earlier, true);
    }

    /// Adds a mere order, unless the two are ordered the other way already.
    fn prefer(&mut self, later: usize, earlier: usize) {
        if later != earlier && !self.comes_after(earlier, later) {
            self.before[later].entry(earlier).or_insert(false);
        }
    }

    fn comes_after(&self, later: usize, earlier: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![later];
        while let Some(node) = open.pop() {
            if node == earlier {
                return true;
            }
            if seen.insert(node) {
                open.extend(self.before[node].keys());
            }
        }
        false
    }

    /// What the steps belong to that wait for themselves.
    fn circle(&self) -> BTreeSet<Owner> {
        let waits_for_itself = |node: &usize| {
            let mut before = self.before[*node].keys();
            before.any(|earlier| self.comes_after(*earlier, *node))
        };
        let nodes = (0..self.nodes.len()).filter(waits_for_itself);
        nodes.map(|node| self.nodes[node].0.owner()).collect()
    }

    /// Every step that waits for no circle, after all that it waits for.
    fn topological(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeMap::len).collect();
        let mut later: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (node, before) in self.before.iter().enumerate() {
            for earlier in before.keys() {
                later[*earlier].push(node);
            }
        }
        let mut free: BTreeSet<usize> = (0..self.nodes.len())
            .filter(|node| waiting[*node] == 0)
            .collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(node) = free.pop_first() {
            order.push(node);
            for next in &later[node] {
                waiting[*next] -= 1;
                if waiting[*next] == 0 {
                    free.insert(*next);
                }
            }
        }
        order
    }
}

/// What cannot be done the other way round. There should be no circle:
/// services that need themselves are no part of the plan, and removals wait
/// for nothing here.
fn hard_edges<S>(
    situation: &Situation<'_, S>,
    chains: &BTreeMap<ResourceId, Chain>,
    graph: &mut Graph<'_>,
) {
    let mut removals: BTreeMap<Owner, Vec<usize>> = BTreeMap::new();
    for ((id, verb), node) in &graph.index {
        // Data that goes, too, is in nobody's way, nor is what was outlived.
        let durable = situation.found.get(*id).is_some_and(|o| o.durable)
            || situation.set.outdated.contains_key(*id);
        if *verb == Verb::Remove && !durable {
            removals.entry(id.owner()).or_default().push(*node);
        }
    }
    for (old, user) in &situation.set.outdated {
        let removal = graph.index.get(&(old, Verb::Remove)).copied();
        let made = graph.index.get(&(user, Verb::Create)).copied();
        if let (Some(removal), Some(made)) = (removal, made) {
            graph.require(removal, made);
        }
    }
    for (id, chain) in chains {
        for pair in chain.windows(2) {
            let (earlier, later) = (graph.index[&(id, pair[0].0)], graph.index[&(id, pair[1].0)]);
            graph.require(later, earlier);
        }
        let Some(wanted) = situation.wanted.get(id) else {
            continue;
        };
        // What is left of a service goes before anything new of it comes.
        let create = graph.index.get(&(id, Verb::Create)).copied();
        if let Some(create) = create.filter(|_| !wanted.early) {
            for removal in removals.get(&id.owner()).into_iter().flatten() {
                graph.require(create, *removal);
            }
        }
        let first = chain.iter().find(|(verb, _)| *verb != Verb::Remove);
        if let Some((verb, _)) = first {
            let first = graph.index[&(id, *verb)];
            for claim in &wanted.claims {
                let Some(Holder::Ours(other)) = situation.held.get(claim) else {
                    continue;
                };
                if let Some(removal) = graph.index.get(&(other, Verb::Remove)).copied() {
                    graph.require(first, removal);
                }
            }
        }
        for need in wanted.needs.iter().filter(|need| need.required) {
            if let Some((later, earlier)) = waits(situation, chains, graph, id, need) {
                graph.require(later, earlier);
            }
        }
    }
}

/// What is better done in this order, where nothing speaks against it.
fn soft_edges<S>(
    situation: &Situation<'_, S>,
    chains: &BTreeMap<ResourceId, Chain>,
    graph: &mut Graph<'_>,
) {
    for id in chains.keys() {
        for need in situation
            .wanted
            .get(id)
            .into_iter()
            .flat_map(|wanted| &wanted.needs)
            .filter(|need| !need.required)
        {
            if let Some((later, earlier)) = waits(situation, chains, graph, id, need) {
                graph.prefer(later, earlier);
            }
        }
        // What something was made to depend on goes once that is gone, or was
        // told to do without it.
        let lets_go = [Verb::Remove, Verb::Configure]
            .into_iter()
            .find_map(|verb| graph.index.get(&(id, verb)).copied());
        let Some(lets_go) = lets_go else {
            continue;
        };
        for needed in situation.found.get(id).into_iter().flat_map(|o| &o.needs) {
            if let Some(removal) = graph.index.get(&(needed, Verb::Remove)).copied() {
                graph.prefer(removal, lets_go);
            }
        }
    }
}

/// The two steps that a dependency orders, as later and earlier, if this plan
/// has both.
fn waits<S>(
    situation: &Situation<'_, S>,
    chains: &BTreeMap<ResourceId, Chain>,
    graph: &Graph<'_>,
    id: &ResourceId,
    need: &Dependency,
) -> Option<(usize, usize)> {
    // What is there already and only waited for can be relied on meanwhile.
    let there = situation.found.get(&need.on).map(|o| o.level) >= Some(need.until);
    if there && !chains.get(&need.on)?.iter().any(|(verb, _)| verb.acts()) {
        return None;
    }
    let verbs = [Verb::Create, Verb::Configure, Verb::Start, Verb::Await];
    let all = [Verb::Remove].into_iter().chain(verbs);
    let later = all
        .filter(|verb| *verb >= need.before)
        .find_map(|verb| graph.index.get(&(id, verb)))?;
    let earlier = verbs
        .iter()
        .rev()
        .filter(|verb| verb.leads_to() <= need.until)
        .find_map(|verb| graph.index.get(&(&need.on, *verb)))?;
    Some((*later, *earlier))
}

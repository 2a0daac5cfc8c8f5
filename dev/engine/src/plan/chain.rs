//! What is done to one resource, by itself: which verbs, and why.

use super::{Chain, Situation};
use crate::resource::{Desired, Health, Level, ObservedResource, ResourceId, Verb};

impl<S> Situation<'_, S> {
    /// The verbs that take this resource from where it is to where it is
    /// wanted; none when it is there or is not to be touched.
    pub(super) fn chain(&self, id: &ResourceId) -> Chain {
        let found = self.found.get(id).filter(|o| o.level > Level::Absent);
        match (self.wanted.get(id), found) {
            (Some(wanted), None) => made(wanted, "it is not there"),
            (Some(wanted), Some(found)) => match renewed_because(wanted, found) {
                Some(cause) => {
                    let mut chain = vec![(Verb::Remove, cause)];
                    chain.extend(made(wanted, "it is made anew"));
                    chain
                }
                None => advanced(wanted, found),
            },
            (None, Some(found)) => self.removed(id, found),
            (None, None) => Chain::new(),
        }
    }

    fn removed(&self, id: &ResourceId, found: &ObservedResource) -> Chain {
        if self.set.outdated.contains_key(id) {
            return vec![(Verb::Remove, "another one takes its place".to_owned())];
        }
        let kept = found.durable && !self.set.remove_durable;
        if kept || !self.may_go(id) {
            return Chain::new();
        }
        let cause = match &found.remains {
            Some(remains) => remains.clone(),
            None => "it is not asked for".to_owned(),
        };
        vec![(Verb::Remove, cause)]
    }
}

impl<S> Situation<'_, S> {
    /// Whether something that nobody asks for is in reach. What belongs to a
    /// stack as a whole is so, too, once nothing out of reach needs it.
    fn may_go(&self, id: &ResourceId) -> bool {
        let scope = &self.set.scope;
        if id.service.is_some() || scope.contains(&id.owner()) {
            return scope.contains(&id.owner());
        }
        let needed = self.found.iter().any(|(other, found)| {
            found.level > Level::Absent
                && found.needs.contains(id)
                && (self.wanted.contains_key(other) || !scope.contains(&other.owner()))
        });
        scope.touches(&id.stack) && !needed
    }
}

/// All verbs up to the wanted level.
fn made<S>(wanted: &Desired<S>, cause: &str) -> Chain {
    let verbs = [Verb::Create, Verb::Configure, Verb::Start, Verb::Await];
    verbs
        .into_iter()
        .filter(|verb| verb.leads_to() <= wanted.level)
        .filter(|verb| *verb != Verb::Configure || wanted.config.is_some())
        .map(|verb| {
            let cause = match verb {
                Verb::Create => cause.to_owned(),
                Verb::Configure => "it is new".to_owned(),
                Verb::Start => "it is to run".to_owned(),
                Verb::Await | Verb::Remove => "others may rely on it only then".to_owned(),
            };
            (verb, cause)
        })
        .collect()
}

/// Why the found one cannot become the wanted one, if so.
fn renewed_because<S>(wanted: &Desired<S>, found: &ObservedResource) -> Option<String> {
    match &found.health {
        Health::Broken(reason) => return Some(reason.clone()),
        // What still serves as it did before the failure is left serving.
        Health::Failed(reason) if wanted.retry && found.level < Level::Ready => {
            return Some(format!("it failed: {reason}"));
        }
        Health::Failed(_) | Health::Behind(_) | Health::Ok => {}
    }
    wanted.identity.iter().find_map(|(name, new)| {
        let old = found.identity.get(name)?;
        (old != new).then(|| format!("its {name} is {old} and has to be {new}"))
    })
}

/// The verbs that are still missing.
fn advanced<S>(wanted: &Desired<S>, found: &ObservedResource) -> Chain {
    let mut chain = Chain::new();
    let mut level = found.level;
    if let Some(config) = &wanted.config {
        let configured = level >= Level::Configured;
        if !configured {
            chain.push((Verb::Configure, "it was told nothing yet".to_owned()));
            level = Level::Configured;
        } else if found.config.as_ref() != Some(config) {
            chain.push((Verb::Configure, "its configuration changed".to_owned()));
            // Whatever it was ready with, it is not ready with this.
            level = level.min(Level::Started);
        }
    }
    if wanted.level >= Level::Started && level < Level::Started {
        chain.push((Verb::Start, "it does not run".to_owned()));
        level = Level::Started;
    }
    let open = matches!(found.health, Health::Failed(_) | Health::Behind(_));
    if wanted.level >= Level::Ready && (level < Level::Ready || open) {
        let cause = match &found.health {
            _ if level < found.level => "it has to be ready with that".to_owned(),
            Health::Failed(reason) => format!("it is not ready: {reason}"),
            Health::Behind(reason) => reason.clone(),
            Health::Ok | Health::Broken(_) => "it is not ready yet".to_owned(),
        };
        chain.push((Verb::Await, cause));
    }
    chain
}

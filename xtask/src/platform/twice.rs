//! What is up on two engines, and which of them its names lead to.

use std::collections::{BTreeMap, BTreeSet};

use hob_engine::{Engine, Owner};
use hob_platform::{Home, twice};

use super::home;

/// Which engine names lead to, a line for those that lead to the same one:
/// those of these services that the ingress leads to and that are up on
/// another engine, too. Nothing where nobody ever asked for an ingress.
pub fn on_two_engines(engine: &Engine, services: &BTreeSet<&Owner>) -> Vec<String> {
    let Some(home) = home(engine.environment()).ok().filter(Home::is_there) else {
        return Vec::new();
    };
    let settings = home.settings().ok();
    if settings.and_then(|it| it.http_port).is_none() {
        return Vec::new();
    }
    let mut by_engines: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for it in twice(&home.told_by(), &engine.project().id) {
        let owner = Owner {
            stack: it.stack,
            service: Some(it.service),
        };
        if services.contains(&owner) {
            let names = by_engines.entry((it.to, it.not_to)).or_default();
            names.push(owner.to_string());
        }
    }
    let words = |((to, not_to), names): ((String, String), Vec<String>)| {
        let (all, names) = (names.join(", "), names.join(" "));
        format!(
            "{all}: on both engines, and hob's names lead to {to} (`hob down --engine {to} \
             {names}` has them lead to {not_to})"
        )
    };
    by_engines.into_iter().map(words).collect()
}

//! Services that a project has up on two engines: their names lead to one of
//! them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::announced::Announced;

/// What was told, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The project, by its id.
    pub project: String,
    /// The engine.
    pub engine: String,
    /// What.
    pub announced: Announced,
}

/// A service that is told of twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Twice {
    /// The engine that its names lead to.
    pub to: String,
    /// The other one that it is up on.
    pub not_to: String,
    /// Its stack.
    pub stack: String,
    /// The name by which it is asked for.
    pub service: String,
}

/// Those of a project whose names the ingress leads to one of two engines, of
/// tellers in the order in which they came. What another project has the names
/// of is none of them.
#[must_use]
pub fn twice(all: &[Told], project: &str) -> BTreeSet<Twice> {
    let mut first: BTreeMap<(&str, &str, &str), &Told> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for told in all {
        let announced = &told.announced;
        let services = announced.services.iter().filter(|it| it.speaks.is_led_to());
        for (stack, service) in services.flat_map(|it| {
            let names = it.names.keys();
            names.map(move |name| (it.stack.as_str(), name.as_str()))
        }) {
            for domain in &announced.domains {
                let by = *first.entry((domain, stack, service)).or_insert(told);
                let is_own = by.project == project && told.project == project;
                if is_own && by.engine != told.engine {
                    found.insert(Twice {
                        to: by.engine.clone(),
                        not_to: told.engine.clone(),
                        stack: stack.to_owned(),
                        service: service.to_owned(),
                    });
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(project: &str, engine: &str, services: &[&str]) -> Told {
        let mut announced = Announced::shop(project, services);
        announced.domains.insert("internal".to_owned());
        Told {
            project: project.to_owned(),
            engine: engine.to_owned(),
            announced,
        }
    }

    #[test]
    fn of_a_service_on_two_engines_the_first_one_has_the_names() {
        let all = [
            told("p", "docker", &["db", "web"]),
            told("p", "host", &["api", "db", "web"]),
        ];
        let web = Twice {
            to: "docker".to_owned(),
            not_to: "host".to_owned(),
            stack: "shop".to_owned(),
            service: "web".to_owned(),
        };
        assert_eq!(twice(&all, "p"), BTreeSet::from([web]));
        assert_eq!(twice(&all, "q"), BTreeSet::new());
    }

    #[test]
    fn names_that_another_project_has_lead_to_neither_engine() {
        let all = [
            told("q", "host", &["web"]),
            told("p", "docker", &["web"]),
            told("p", "host", &["web"]),
        ];
        assert_eq!(twice(&all, "p"), BTreeSet::new());
        assert_eq!(twice(&all, "q"), BTreeSet::new());
    }
}

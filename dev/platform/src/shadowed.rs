//! Names that two projects have: two checkouts of one. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::announced::Announced;

/// A name of a project's that leads to another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shadowed {
    /// The name.
    pub host: String,
    /// The folder of the project that it is of.
    pub of: PathBuf,
    /// The folder of the one that came first, and has it.
    pub by: PathBuf,
}

/// The names that lead elsewhere, of projects in the order in which they came.
#[must_use]
pub fn shadowed(all: &[Announced]) -> Vec<Shadowed> {
    let mut first: BTreeMap<String, &Path> = BTreeMap::new();
    let mut found = Vec::new();
    for announced in all {
        for host in announced.hosts() {
            let by = *first.entry(host.clone()).or_insert(&announced.root);
            // One that is on two engines is one project.
            if by != announced.root {
                found.push(Shadowed {
                    host,
                    of: announced.root.clone(),
                    by: by.to_owned(),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_has_a_name_and_the_others_are_told_apart() {
        let all = [
            Announced::shop("/first", &["db", "web"]),
            Announced::shop("/second", &["api", "db", "web"]),
            Announced::shop("/first", &["web"]),
        ];
        let host = "web.shop.test".to_owned();
        let (of, by) = ("/second".into(), "/first".into());
        assert_eq!(shadowed(&all), [Shadowed { host, of, by }]);
    }
}

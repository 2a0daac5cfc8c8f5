//! [`Announced`]: what a project tells of its services, so that names and
//! routes lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The services of one project that are up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The project's folder, for people.
    pub root: PathBuf,
    /// The domains below which its stacks have names: `test`.
    pub domains: BTreeSet<String>,
    /// What is up, in the order of stacks and services.
    pub services: Vec<AnnouncedService>,
}

/// One service that is up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnnouncedService {
    /// Its stack.
    pub stack: String,
    /// Its own name.
    pub service: String,
    /// The names by which it is asked for, and how many of a hundred requests
    /// to each it gets: its own, and where it is a version of another one, that
    /// one's. A version that gets no requests by any name has none.
    #[serde(default)]
    pub names: BTreeMap<String, u8>,
    /// Where it listens on this machine.
    pub addr: SocketAddr,
    /// Whether it speaks HTTP, so that the ingress leads to it.
    pub http: bool,
    /// What of it runs there: its newest save, or its build.
    pub version: String,
}

impl Announced {
    /// The names that lead to this machine: each stack's and each service's,
    /// below each domain.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let below = |domain: &String| {
            let names = self.services.iter().flat_map(move |it| {
                let stack = format!("{}.{domain}", it.stack);
                let own = it.names.keys().map(|name| format!("{name}.{stack}"));
                own.chain([stack.clone()]).collect::<Vec<_>>()
            });
            names.collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(below).collect()
    }

    /// The stacks' own names, below which every name leads to the ingress.
    #[must_use]
    pub fn stacks(&self) -> BTreeSet<String> {
        let below = |domain: &String| {
            let stacks = self.services.iter();
            let names = stacks.map(move |it| format!("{}.{domain}", it.stack));
            names.collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(below).collect()
    }
}

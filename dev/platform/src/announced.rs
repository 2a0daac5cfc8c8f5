//! [`Announced`]: what a project tells of its services, so that names and
//! routes lead to them.

use std::collections::BTreeSet;
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
    /// Its turn: of two that have the same names, they lead to the one that
    /// came first. Kept for as long as anything of it is up.
    #[serde(default)]
    pub turn: u64,
}

/// One service that is up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnnouncedService {
    /// Its stack.
    pub stack: String,
    /// Its name.
    pub service: String,
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
                [format!("{}.{stack}", it.service), stack]
            });
            names.collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(below).collect()
    }

    /// The names of its services that speak HTTP, at which the ingress leads to
    /// them.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter().filter(|it| it.http);
        services.flat_map(|it| {
            let domains = self.domains.iter();
            domains.map(move |domain| format!("{}.{}.{domain}", it.service, it.stack))
        })
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

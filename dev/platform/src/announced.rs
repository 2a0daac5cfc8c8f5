//! [`Announced`]: what a project tells of its services, so that names and
//! routes lead to them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_ingress::{Label, PathPrefix, Protocol};
use hob_resolver::Domain;
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
    /// What the files say of its stacks, by name; those that nobody could read
    /// are not in it.
    #[serde(default)]
    pub stacks: BTreeMap<String, AnnouncedStack>,
    /// Its turn: of two that have the same names, they lead to the one that
    /// came first. Kept for as long as anything of it is up.
    #[serde(default)]
    pub turn: u64,
}

/// What a stack's files say of its own door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedStack {
    /// Where on loopback the ingress answers for it alone, as its files have
    /// it.
    pub port: Option<u16>,
    /// What was added to the ports of what is up; none for who does not know.
    pub offset: Option<u16>,
    /// Which service answers for the paths that begin with these, whether it
    /// is up or not.
    pub routes: BTreeMap<String, String>,
}

impl AnnouncedStack {
    /// The port of loopback, its offset added.
    #[must_use]
    pub fn listens(&self) -> Option<u16> {
        self.port?.checked_add(self.offset.unwrap_or(0))
    }
}

/// What a service speaks, as far as that matters to the ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaks {
    /// HTTP, which the ingress leads to.
    Http,
    /// gRPC, likewise: its clients come by HTTPS.
    Grpc,
    /// Anything else: nothing leads to it.
    Other,
}

impl Speaks {
    /// Whether the ingress leads to it.
    #[must_use]
    pub fn is_led_to(self) -> bool {
        self.asked_by().is_some()
    }

    /// How the ingress asks, if at all.
    pub(crate) fn asked_by(self) -> Option<Protocol> {
        match self {
            Self::Http => Some(Protocol::Http),
            Self::Grpc => Some(Protocol::Grpc),
            Self::Other => None,
        }
    }
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
    /// What it speaks.
    pub speaks: Speaks,
    /// What of it runs there: its newest save, or its build.
    pub version: String,
}

impl Announced {
    /// The same with what is known from before where this does not say it: the
    /// domains, stacks whose files could not be read, offsets.
    #[must_use]
    pub(crate) fn or_as(mut self, before: Self) -> Self {
        if self.domains.is_empty() {
            self.domains = before.domains;
        }
        let up: BTreeSet<&String> = self.services.iter().map(|it| &it.stack).collect();
        for (name, before) in before.stacks {
            let is_up = up.contains(&name);
            match self.stacks.entry(name) {
                Entry::Occupied(mut said) => {
                    let said = said.get_mut();
                    said.offset = said.offset.or(before.offset);
                }
                Entry::Vacant(unsaid) if is_up => {
                    unsaid.insert(before);
                }
                Entry::Vacant(_) => {}
            }
        }
        self
    }

    /// Whether hob could have told this: its names are such as stack files have,
    /// its paths those of routes. Where it leads to is the caller's to look at.
    #[must_use]
    pub(crate) fn is_hobs(&self) -> bool {
        let is_label = |name: &String| name.parse::<Label>().is_ok();
        let is_domain = |name: &String| {
            let domain = name.parse::<Domain>();
            domain.is_ok_and(|it| it.as_str() == name)
        };
        let is_path = |path: &String| path.parse::<PathPrefix>().is_ok();
        let service = |it: &AnnouncedService| {
            let mut names = [&it.stack, &it.service].into_iter().chain(it.names.keys());
            names.all(is_label) && it.addr.port() != 0
        };
        let stack = |(name, said): (&String, &AnnouncedStack)| {
            let mut routes = said.routes.iter();
            is_label(name) && routes.all(|(path, service)| is_path(path) && is_label(service))
        };
        self.domains.iter().all(is_domain)
            && self.services.iter().all(service)
            && self.stacks.iter().all(stack)
    }

    /// The stacks of which anything is up, each with what its files say.
    pub fn doors(&self) -> impl Iterator<Item = (&String, &AnnouncedStack)> {
        let up = |name: &String| self.services.iter().any(|it| it.stack == *name);
        self.stacks.iter().filter(move |(name, _)| up(name))
    }

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

    /// The names of its services at which the ingress leads to them; one that
    /// versions share comes once for each of them.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter();
        let services = services.filter(|it| it.speaks.asked_by().is_some());
        let named = services.flat_map(|it| it.names.keys().map(move |name| (name, &it.stack)));
        named.flat_map(|(name, stack)| {
            let domains = self.domains.iter();
            domains.map(move |domain| format!("{name}.{stack}.{domain}"))
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

#[cfg(test)]
impl Announced {
    /// A project of the stack `shop`, of whose services `db` alone speaks no
    /// HTTP.
    pub(crate) fn shop(root: &str, services: &[&str]) -> Self {
        let service = |service: &&str| AnnouncedService {
            stack: "shop".to_owned(),
            service: (*service).to_owned(),
            names: BTreeMap::from([(service.to_string(), 100)]),
            addr: SocketAddr::from(([127, 0, 0, 1], 80)),
            speaks: match *service {
                "db" => Speaks::Other,
                _ => Speaks::Http,
            },
            version: "run".to_owned(),
        };
        Self {
            root: root.into(),
            domains: BTreeSet::from(["test".to_owned()]),
            services: services.iter().map(service).collect(),
            ..Self::default()
        }
    }
}

//! All that is served, free of conflicts. Pure.
//!
//! Start with [`Ingress`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Address, Host, Label, Listener, PathPrefix, Serves, Site, Transport, Version};

/// Listeners and sites that fit each other, in an order that does not depend
/// on how they were given: two of the same are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    listeners: Vec<Listener>,
    sites: Vec<Site>,
}

/// Why listeners and sites do not fit each other: everything that is wrong,
/// sorted, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Conflicts(Vec<Conflict>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Conflict {
    /// Two listeners have one address.
    #[error("{0} is listened on more than once")]
    Listener(Address),
    /// A listener serves a site that there is not.
    #[error("{addr} is to serve {site}, and there is no such site")]
    UnknownSite {
        /// The listener's address.
        addr: Address,
        /// The site.
        site: Label,
    },
    /// A listener serves one site, by its own certificate, and it has none.
    #[error("{addr} is to serve {site} by its own certificate, and it has none")]
    NoCertificate {
        /// The listener's address.
        addr: Address,
        /// The site.
        site: Label,
    },
    /// Two sites have one name.
    #[error("there is more than one site {0}")]
    Site(Label),
    /// No listener serves the site: it has none of its own, and no hosts or
    /// no listener that looks at them.
    #[error(
        "{0} is served nowhere: it needs a host and a listener that looks at hosts, or a listener of its own"
    )]
    Unreachable(Label),
    /// A host is named more than once.
    #[error("{host} is named more than once: by {}", list(sites))]
    Host {
        /// The host.
        host: Host,
        /// The sites that name it, one of them twice if it does.
        sites: Vec<Label>,
    },
    /// A path is routed more than once in a site.
    #[error("{path} of {site} is routed more than once: to {}", list(services))]
    Path {
        /// The site.
        site: Label,
        /// The path.
        path: PathPrefix,
        /// The services that it is routed to, one of them twice if it is.
        services: Vec<Label>,
    },
    /// A route has an upstream more than once.
    #[error("{path} of {site} has the upstream {addr} more than once")]
    Upstream {
        /// The site.
        site: Label,
        /// The path.
        path: PathPrefix,
        /// The upstream's address.
        addr: Address,
    },
    /// An address is said to be of more than one version, so that nobody
    /// could tell which one answered.
    #[error("{addr} is said to be of more than one version: {}", list(versions))]
    Version {
        /// The address.
        addr: Address,
        /// The versions.
        versions: Vec<Version>,
    },
}

impl Ingress {
    /// Takes listeners and sites in any order.
    ///
    /// # Errors
    /// All [`Conflict`]s that there are.
    pub fn new(mut listeners: Vec<Listener>, mut sites: Vec<Site>) -> Result<Self, Conflicts> {
        listeners.sort();
        for site in &mut sites {
            site.hosts.sort();
            for route in &mut site.routes {
                route.upstreams.sort();
            }
            site.routes.sort();
        }
        sites.sort();
        let mut conflicts = BTreeSet::new();
        listener_conflicts(&listeners, &sites, &mut conflicts);
        site_conflicts(&listeners, &sites, &mut conflicts);
        route_conflicts(&sites, &mut conflicts);
        version_conflicts(&sites, &mut conflicts);
        if conflicts.is_empty() {
            Ok(Self { listeners, sites })
        } else {
            Err(Conflicts(conflicts.into_iter().collect()))
        }
    }

    /// The listeners, by address.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// The sites by name, their hosts, routes and upstreams in order, too.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The listeners at which a site answers.
    pub(crate) fn listeners_of<'a>(&'a self, site: &'a Site) -> impl Iterator<Item = &'a Listener> {
        self.listeners
            .iter()
            .filter(|listener| is_served(site, listener))
    }
}

impl Conflicts {
    /// What is wrong, sorted.
    #[must_use]
    pub fn as_slice(&self) -> &[Conflict] {
        &self.0
    }
}

impl fmt::Display for Conflicts {
    /// One line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, conflict) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            conflict.fmt(f)?;
        }
        Ok(())
    }
}

fn is_served(site: &Site, listener: &Listener) -> bool {
    let is_its = match &listener.serves {
        Serves::Hosts => !site.hosts.is_empty(),
        Serves::Site(name) => *name == site.name,
    };
    is_its && (listener.transport != Transport::TlsBySite || site.certificate.is_some())
}

fn listener_conflicts(listeners: &[Listener], sites: &[Site], conflicts: &mut BTreeSet<Conflict>) {
    for addr in doubles(listeners.iter().map(|listener| listener.addr)) {
        conflicts.insert(Conflict::Listener(addr));
    }
    for listener in listeners {
        let Serves::Site(name) = &listener.serves else {
            continue;
        };
        let (addr, site) = (listener.addr, name.clone());
        let Some(found) = sites.iter().find(|it| it.name == *name) else {
            conflicts.insert(Conflict::UnknownSite { addr, site });
            continue;
        };
        if listener.transport == Transport::TlsBySite && found.certificate.is_none() {
            conflicts.insert(Conflict::NoCertificate { addr, site });
        }
    }
}

fn site_conflicts(listeners: &[Listener], sites: &[Site], conflicts: &mut BTreeSet<Conflict>) {
    for name in doubles(sites.iter().map(|site| &site.name)) {
        conflicts.insert(Conflict::Site(name.clone()));
    }
    for site in sites {
        if !listeners.iter().any(|listener| is_served(site, listener)) {
            conflicts.insert(Conflict::Unreachable(site.name.clone()));
        }
    }
    let mut by_host: BTreeMap<&Host, Vec<Label>> = BTreeMap::new();
    for site in sites {
        for host in &site.hosts {
            by_host.entry(host).or_default().push(site.name.clone());
        }
    }
    for (host, sites) in by_host {
        if sites.len() > 1 {
            conflicts.insert(Conflict::Host {
                host: host.clone(),
                sites,
            });
        }
    }
}

fn route_conflicts(sites: &[Site], conflicts: &mut BTreeSet<Conflict>) {
    for site in sites {
        let mut by_path: BTreeMap<&PathPrefix, Vec<Label>> = BTreeMap::new();
        for route in &site.routes {
            by_path
                .entry(&route.path)
                .or_default()
                .push(route.service.clone());
            for addr in doubles(route.upstreams.iter().map(|upstream| upstream.addr)) {
                conflicts.insert(Conflict::Upstream {
                    site: site.name.clone(),
                    path: route.path.clone(),
                    addr,
                });
            }
        }
        for (path, services) in by_path {
            if services.len() > 1 {
                conflicts.insert(Conflict::Path {
                    site: site.name.clone(),
                    path: path.clone(),
                    services,
                });
            }
        }
    }
}

fn version_conflicts(sites: &[Site], conflicts: &mut BTreeSet<Conflict>) {
    let mut by_addr: BTreeMap<Address, BTreeSet<&Version>> = BTreeMap::new();
    for upstream in sites
        .iter()
        .flat_map(|site| &site.routes)
        .flat_map(|route| &route.upstreams)
    {
        by_addr
            .entry(upstream.addr)
            .or_default()
            .insert(&upstream.version);
    }
    for (addr, versions) in by_addr {
        if versions.len() > 1 {
            conflicts.insert(Conflict::Version {
                addr,
                versions: versions.into_iter().cloned().collect(),
            });
        }
    }
}

/// Those that come more than once.
fn doubles<T: Ord + Copy>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| !seen.insert(*item)).collect()
}

fn list(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

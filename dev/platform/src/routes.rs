//! What the ingress serves: a host for each service that is up, and each
//! stack's own door. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;

use hob_ingress::{
    DRAIN_SECONDS, FilePath, Host, Ingress, Label, Listener, Log, PathPrefix, Protocol, Route,
    Serves, Settings, Site, Transport, Upstream, Weight, nginx_conf,
};

use crate::announced::{Announced, AnnouncedService, AnnouncedStack};

/// The folder that nginx writes to, as its configuration names it. Where that
/// is, only the script that starts it knows, which puts it in this one's place.
const RUN: &str = "/hob-run";

/// The `nginx.conf` of an ingress that listens on this port of loopback. A host
/// or a port that two projects announce leads to the first one's.
#[must_use]
pub fn routes(all: &[Announced], port: u16) -> String {
    let mut taken = Taken::default();
    let mut listeners: Vec<Listener> = Vec::new();
    listeners.extend(taken.listener(port, Serves::Hosts));
    let mut sites: Vec<Site> = Vec::new();
    for announced in all {
        sites.extend(services(announced, &mut taken));
    }
    for announced in all {
        for (stack, said) in announced.doors() {
            // What is up of a project may be on two engines.
            let same = all.iter().filter(|it| it.root == announced.root);
            let up: Vec<&AnnouncedService> = same.flat_map(|it| &it.services).collect();
            if let Some((site, own)) = door((announced, &up), (stack, said), &mut taken) {
                sites.push(site);
                listeners.extend(own);
            }
        }
        sites.extend(stacks(announced, &mut taken));
    }
    match (Ingress::new(listeners, sites), settings()) {
        (Ok(ingress), Some(settings)) => nginx_conf(&ingress, &settings),
        // What was taken is left out above, and paths here are fixed.
        _ => String::new(),
    }
}

/// Where an ingress with this `nginx.conf`, one of [`routes`], listens.
#[must_use]
pub fn listened(conf: &str) -> BTreeSet<SocketAddr> {
    let lines = conf.lines().filter_map(|line| {
        let address = line.trim().strip_prefix("listen ")?;
        address.split([' ', ';']).next()?.parse().ok()
    });
    lines.collect()
}

/// A site for each service that speaks HTTP.
fn services(announced: &Announced, taken: &mut Taken) -> Vec<Site> {
    let services = announced.services.iter().filter(|it| it.http);
    let site = |it: &AnnouncedService| {
        let name = format!("{}-{}", it.stack, it.service);
        let hosts = announced.domains.iter();
        let hosts = hosts.map(|domain| format!("{}.{}.{domain}", it.service, it.stack));
        let hosts = taken.hosts(hosts);
        let route = route("/", &it.service, vec![upstream(it)?])?;
        taken.site(&name, hosts, vec![route])
    };
    services.filter_map(site).collect()
}

/// What a stack's services answer at its own name and at its own port: by
/// path, whether they are up or not.
fn door(
    (announced, up): (&Announced, &[&AnnouncedService]),
    (stack, said): (&str, &AnnouncedStack),
    taken: &mut Taken,
) -> Option<(Site, Option<Listener>)> {
    let port = said.listens();
    if said.routes.is_empty() && port.is_none() {
        return None;
    }
    let hosts = announced.domains.iter();
    let hosts = taken.hosts(hosts.map(|domain| format!("{stack}.{domain}")));
    let name = taken.name(stack)?;
    let listener = port.and_then(|port| taken.listener(port, Serves::Site(name.clone())));
    if hosts.is_empty() && listener.is_none() {
        return None;
    }
    let routes = said.routes.iter().filter_map(|(path, service)| {
        let is_it = |it: &&&AnnouncedService| it.stack == stack && it.service == *service;
        let up = up.iter().filter(|it| it.http).filter(is_it);
        // What was told twice, the first time as its own host has it.
        let mut addresses = BTreeSet::new();
        let upstreams = up.filter_map(|it| upstream(it));
        let upstreams = upstreams.filter(|it| addresses.insert(it.addr));
        route(path, service, upstreams.collect())
    });
    let routes = routes.collect();
    let site = Site {
        name,
        hosts,
        routes,
    };
    Some((site, listener))
}

fn route(path: &str, service: &str, upstreams: Vec<Upstream>) -> Option<Route> {
    Some(Route {
        path: path.parse::<PathPrefix>().ok()?,
        service: service.parse().ok()?,
        protocol: Protocol::Http,
        upstreams,
    })
}

fn upstream(service: &AnnouncedService) -> Option<Upstream> {
    Some(Upstream {
        addr: reached(service.addr).try_into().ok()?,
        weight: Weight::default(),
        version: service.version.parse().ok()?,
    })
}

/// A site for each stack, by which every name of it that is nobody's is
/// answered: nobody serves there.
fn stacks(announced: &Announced, taken: &mut Taken) -> Vec<Site> {
    let names: BTreeSet<&String> = announced.services.iter().map(|it| &it.stack).collect();
    let site = |stack: &String| {
        let domains = announced.domains.iter();
        let hosts = domains.flat_map(|domain| {
            let own = format!("{stack}.{domain}");
            [format!("*.{own}"), own]
        });
        let hosts = taken.hosts(hosts);
        taken.site(stack, hosts, vec![route("/", stack, Vec::new())?])
    };
    names.into_iter().filter_map(site).collect()
}

/// What sites have already.
#[derive(Debug, Default)]
struct Taken {
    hosts: BTreeSet<Host>,
    names: BTreeSet<Label>,
    ports: BTreeSet<u16>,
}

impl Taken {
    fn hosts(&mut self, hosts: impl Iterator<Item = String>) -> Vec<Host> {
        let hosts = hosts.filter_map(|host| host.parse::<Host>().ok());
        hosts
            .filter(|host| self.hosts.insert(host.clone()))
            .collect()
    }

    /// A name that no other site has: this one where it can be.
    fn name(&mut self, name: &str) -> Option<Label> {
        let numbered = || format!("site-{}", self.names.len());
        let name = name.parse().ok().filter(|it| !self.names.contains(it));
        let name: Label = name.or_else(|| numbered().parse().ok())?;
        self.names.insert(name.clone());
        Some(name)
    }

    /// A site; none where it has no host of its own.
    fn site(&mut self, name: &str, hosts: Vec<Host>, routes: Vec<Route>) -> Option<Site> {
        if hosts.is_empty() {
            return None;
        }
        let name = self.name(name)?;
        Some(Site {
            name,
            hosts,
            routes,
        })
    }

    /// A listener on loopback; none where there is one already.
    fn listener(&mut self, port: u16, serves: Serves) -> Option<Listener> {
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let addr = addr.try_into().ok()?;
        self.ports.insert(port).then_some(Listener {
            addr,
            transport: Transport::Http,
            serves,
        })
    }
}

/// Where somebody on this machine reaches an address.
fn reached(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), addr.port()),
        _ => addr,
    }
}

fn settings() -> Option<Settings> {
    Some(Settings {
        pid: FilePath::new(format!("{RUN}/nginx.pid")).ok()?,
        temporary: FilePath::new(RUN).ok()?,
        access_log: Log::Stdout,
        error_log: Log::Stderr,
        account: None,
        workers: NonZeroU8::new(1),
        drain_seconds: DRAIN_SECONDS,
    })
}

#[cfg(test)]
mod tests;

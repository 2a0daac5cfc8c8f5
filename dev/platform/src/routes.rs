//! What the ingress serves: a host for each service that is up, and each
//! stack's own door. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;

use hob_ingress::{
    Certificate, Conflicts, DRAIN_SECONDS, FilePath, FilePathError, Host, Ingress, Label, Listener,
    Log, PathPrefix, Protocol, Route, Serves, Settings, Site, Transport, Upstream, nginx_conf,
};

use crate::announced::{Announced, AnnouncedService, AnnouncedStack};

/// The folder that nginx writes to, as its configuration names it. Where that
/// is, only the script that starts it knows, which puts it in this one's place.
const RUN: &str = "/hob-run";

/// The folder of the certificates, likewise.
const CERTIFICATES: &str = "/hob-certificates";

/// Where the ingress listens, on loopback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors {
    /// For HTTP.
    pub http: u16,
    /// For HTTPS, if at all.
    pub https: Option<u16>,
    /// The file of each stack's certificate and key, in the folder of them.
    /// What has none is not served by HTTPS.
    pub certificates: BTreeMap<String, String>,
    /// The ports of stacks that somebody else has: nginx would listen nowhere
    /// for one that it cannot have.
    pub closed: BTreeSet<u16>,
}

/// Why there is no `nginx.conf`. What two projects both announce is none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// What is left of what was announced.
    #[error("what is up cannot be led to: {}", .0.to_string().trim_end().replace('\n', "; "))]
    Conflicts(#[from] Conflicts),
    /// A path of hob's own.
    #[error("the ingress cannot have a file of its own")]
    Path(#[from] FilePathError),
}

/// The `nginx.conf` of an ingress. A host or a port that two projects announce
/// leads to the first one's.
///
/// # Errors
/// What is left contradicts itself all the same: nothing is written then, and
/// the routes of before stay.
pub fn routes(all: &[Announced], doors: &Doors) -> Result<String, RoutesError> {
    let mut taken = Taken::of(&doors.certificates);
    let mut listeners: Vec<Listener> = Vec::new();
    listeners.extend(taken.listener(doors.http, Transport::Http, Serves::Hosts));
    if let Some(port) = doors.https {
        listeners.extend(taken.listener(port, Transport::TlsBySite, Serves::Hosts));
    }
    taken.ports.extend(&doors.closed);
    let mut sites: Vec<Site> = Vec::new();
    for announced in all {
        sites.extend(services(announced, &mut taken));
    }
    for announced in all {
        for (stack, said) in announced.doors() {
            // What is up of a project may be on two engines.
            let up: Vec<&Announced> = all.iter().filter(|it| it.root == announced.root).collect();
            if let Some((site, own)) = door((announced, &up), (stack, said), &mut taken) {
                sites.push(site);
                listeners.extend(own);
            }
        }
        sites.extend(stacks(announced, &mut taken));
    }
    let ingress = Ingress::new(listeners, sites)?;
    Ok(nginx_conf(&ingress, &settings()?))
}

/// Where an ingress with this `nginx.conf`, one of [`routes`], listens. It is
/// read off the very file that nginx reads, or has read: a note beside it could
/// be of another one.
#[must_use]
pub fn listened(conf: &str) -> BTreeSet<SocketAddr> {
    let lines = conf.lines().filter_map(|line| {
        let address = line.trim().strip_prefix("listen ")?;
        address.split([' ', ';']).next()?.parse().ok()
    });
    lines.collect()
}

/// A site for each service that the ingress leads to.
fn services(announced: &Announced, taken: &mut Taken) -> Vec<Site> {
    let named = announced.services.iter();
    let named = named.filter(|it| it.speaks.asked_by().is_some());
    let named = named.flat_map(|it| it.names.keys().map(|name| (&it.stack, name)));
    let named: BTreeSet<_> = named.collect();
    let site = |(stack, service): (&String, &String)| {
        let name = format!("{stack}-{service}");
        let hosts = announced.domains.iter();
        let hosts = hosts.map(|domain| format!("{service}.{stack}.{domain}"));
        let hosts = taken.hosts(hosts);
        let route = route(
            "/",
            service,
            upstreams(&announced.services, (stack, service), taken),
        )?;
        taken.site((stack, &name), hosts, vec![route])
    };
    named.into_iter().filter_map(site).collect()
}

/// Who answers for a service by its name, and to what: more than one while
/// versions of it share its requests. One that speaks another protocol than the
/// first is asked for nothing.
fn upstreams<'a>(
    up: impl IntoIterator<Item = &'a AnnouncedService>,
    (stack, service): (&str, &str),
    taken: &mut Taken,
) -> (Protocol, Vec<Upstream>) {
    let of_stack = up.into_iter().filter(|it| it.stack == stack);
    let upstream = |it: &AnnouncedService| {
        let upstream = Upstream {
            addr: reached(it.addr).try_into().ok()?,
            weight: u16::from(*it.names.get(service)?).try_into().ok()?,
            version: taken.version(it).parse().ok()?,
        };
        Some((it.speaks.asked_by()?, upstream))
    };
    let asked: Vec<(Protocol, Upstream)> = of_stack.filter_map(upstream).collect();
    let first = asked.first().map_or(Protocol::Http, |it| it.0);
    // What was told twice, the first time as its own host has it.
    let mut addresses = BTreeSet::new();
    let same = asked.into_iter().filter(|it| it.0 == first);
    let upstreams = same.map(|it| it.1);
    let upstreams = upstreams.filter(|it| addresses.insert(it.addr));
    (first, upstreams.collect())
}

/// What a stack's services answer at its own name and at its own port: by
/// path, whether they are up or not. One that is up on two engines answers on
/// the one that its own name leads to.
fn door(
    (announced, up): (&Announced, &[&Announced]),
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
    let listener =
        port.and_then(|port| taken.listener(port, Transport::Http, Serves::Site(name.clone())));
    if hosts.is_empty() && listener.is_none() {
        return None;
    }
    let routes = said.routes.iter().filter_map(|(path, service)| {
        let answers = |it: &&AnnouncedService| {
            it.stack == *stack && it.names.contains_key(service) && it.speaks.is_led_to()
        };
        let first = up
            .iter()
            .find(|it| it.services.iter().any(|it| answers(&it)));
        let services = first.into_iter().flat_map(|it| &it.services);
        route(path, service, upstreams(services, (stack, service), taken))
    });
    let routes = routes.collect();
    let site = Site {
        name,
        hosts,
        routes,
        certificate: taken.certificates.get(stack).cloned(),
    };
    Some((site, listener))
}

fn route(
    path: &str,
    service: &str,
    (protocol, upstreams): (Protocol, Vec<Upstream>),
) -> Option<Route> {
    Some(Route {
        path: path.parse::<PathPrefix>().ok()?,
        service: service.parse().ok()?,
        protocol,
        upstreams,
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
        let nobody = (Protocol::Http, Vec::new());
        taken.site((stack, stack), hosts, vec![route("/", stack, nobody)?])
    };
    names.into_iter().filter_map(site).collect()
}

/// What sites have already.
#[derive(Debug, Default)]
struct Taken {
    hosts: BTreeSet<Host>,
    names: BTreeSet<Label>,
    ports: BTreeSet<u16>,
    certificates: BTreeMap<String, Certificate>,
    versions: BTreeMap<SocketAddr, String>,
}

impl Taken {
    /// Nothing; each stack's certificate is known.
    fn of(files: &BTreeMap<String, String>) -> Self {
        let certificate = |(stack, file): (&String, &String)| {
            // Both stand in one file.
            let file = FilePath::new(format!("{CERTIFICATES}/{file}")).ok()?;
            let (certificate, key) = (file.clone(), file);
            Some((stack.clone(), Certificate { certificate, key }))
        };
        Self {
            certificates: files.iter().filter_map(certificate).collect(),
            ..Self::default()
        }
    }

    /// What runs at an address is of one version. Two services are announced at
    /// one where the former was killed and nobody has looked since.
    fn version(&mut self, of: &AnnouncedService) -> String {
        let version = self.versions.entry(reached(of.addr));
        version.or_insert_with(|| of.version.clone()).clone()
    }

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
    fn site(
        &mut self,
        (stack, name): (&str, &str),
        hosts: Vec<Host>,
        routes: Vec<Route>,
    ) -> Option<Site> {
        if hosts.is_empty() {
            return None;
        }
        let name = self.name(name)?;
        Some(Site {
            name,
            hosts,
            routes,
            certificate: self.certificates.get(stack).cloned(),
        })
    }

    /// A listener on loopback; none where there is one already.
    fn listener(&mut self, port: u16, transport: Transport, serves: Serves) -> Option<Listener> {
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let addr = addr.try_into().ok()?;
        self.ports.insert(port).then_some(Listener {
            addr,
            transport,
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

fn settings() -> Result<Settings, FilePathError> {
    Ok(Settings {
        pid: FilePath::new(format!("{RUN}/nginx.pid"))?,
        temporary: FilePath::new(RUN)?,
        access_log: Log::Stdout,
        error_log: Log::Stderr,
        account: None,
        workers: NonZeroU8::new(1),
        drain_seconds: DRAIN_SECONDS,
    })
}

#[cfg(test)]
mod tests;

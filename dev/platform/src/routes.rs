//! What the ingress serves: a host for each service that is up. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;

use hob_ingress::{
    DRAIN_SECONDS, FilePath, Host, Ingress, Label, Listener, Log, PathPrefix, Protocol, Route,
    Serves, Settings, Site, Transport, Upstream, Weight, nginx_conf,
};

use crate::announced::Announced;

/// The folder that nginx writes to, as its configuration names it. Where that
/// is, only the script that starts it knows, which puts it in this one's place.
const RUN: &str = "/hob-run";

/// The `nginx.conf` of an ingress that listens on this port of loopback. A host
/// that two projects announce leads to the first one's.
#[must_use]
pub fn routes(all: &[Announced], port: u16) -> String {
    let listener = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).try_into();
    let listeners = listener.into_iter().map(|addr| Listener {
        addr,
        transport: Transport::Http,
        serves: Serves::Hosts,
    });
    let mut taken = Taken::default();
    let mut sites: Vec<Site> = Vec::new();
    for announced in all {
        sites.extend(services(announced, &mut taken));
    }
    for announced in all {
        sites.extend(stacks(announced, &mut taken));
    }
    match (Ingress::new(listeners.collect(), sites), settings()) {
        (Ok(ingress), Some(settings)) => nginx_conf(&ingress, &settings),
        // What was taken is left out above, and paths here are fixed.
        _ => String::new(),
    }
}

/// A site for each service that speaks HTTP.
fn services(announced: &Announced, taken: &mut Taken) -> Vec<Site> {
    let services = announced.services.iter().filter(|it| it.http);
    let site = |it: &crate::AnnouncedService| {
        let name = format!("{}-{}", it.stack, it.service);
        let hosts = announced.domains.iter();
        let hosts = hosts.map(|domain| format!("{}.{}.{domain}", it.service, it.stack));
        let upstream = Upstream {
            addr: reached(it.addr).try_into().ok()?,
            weight: Weight::default(),
            version: taken.version(it).parse().ok()?,
        };
        let hosts = taken.hosts(hosts);
        taken.site(&name, hosts, &it.service, vec![upstream])
    };
    services.filter_map(site).collect()
}

/// A site for each stack, by which every name below it that no service has is
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
        taken.site(stack, hosts, stack, Vec::new())
    };
    names.into_iter().filter_map(site).collect()
}

/// What sites have already.
#[derive(Debug, Default)]
struct Taken {
    hosts: BTreeSet<Host>,
    names: BTreeSet<Label>,
    versions: BTreeMap<SocketAddr, String>,
}

impl Taken {
    /// What runs at an address is of one version. Two services are announced at
    /// one where the former was killed and nobody has looked since.
    fn version(&mut self, of: &crate::AnnouncedService) -> String {
        let version = self.versions.entry(reached(of.addr));
        version.or_insert_with(|| of.version.clone()).clone()
    }

    fn hosts(&mut self, hosts: impl Iterator<Item = String>) -> Vec<Host> {
        let hosts = hosts.filter_map(|host| host.parse::<Host>().ok());
        hosts
            .filter(|host| self.hosts.insert(host.clone()))
            .collect()
    }

    /// A site with one route; none where it has no host of its own.
    fn site(
        &mut self,
        name: &str,
        hosts: Vec<Host>,
        service: &str,
        upstreams: Vec<Upstream>,
    ) -> Option<Site> {
        if hosts.is_empty() {
            return None;
        }
        let numbered = || format!("site-{}", self.names.len());
        let name = name.parse().ok().filter(|it| !self.names.contains(it));
        let name: Label = name.or_else(|| numbered().parse().ok())?;
        self.names.insert(name.clone());
        Some(Site {
            name,
            hosts,
            routes: vec![Route {
                path: "/".parse::<PathPrefix>().ok()?,
                service: service.parse().ok()?,
                protocol: Protocol::Http,
                upstreams,
            }],
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
mod tests {
    use super::*;
    use crate::AnnouncedService;

    fn project(services: &[(&str, &str, u16)]) -> Announced {
        let service = |(stack, service, port): &(&str, &str, u16)| AnnouncedService {
            stack: (*stack).to_owned(),
            service: (*service).to_owned(),
            addr: SocketAddr::from(([0, 0, 0, 0], *port)),
            http: *service != "db",
            version: "1".to_owned(),
        };
        Announced {
            root: "/p".into(),
            domains: BTreeSet::from(["test".to_owned()]),
            services: services.iter().map(service).collect(),
            turn: 0,
        }
    }

    /// The hosts that are served, and where they lead, line by line.
    fn led(all: &[Announced]) -> Vec<String> {
        let text = routes(all, 80);
        let lines = text.lines().map(str::trim);
        let told = |line: &&str| {
            ["server_name ", "server ", "listen "]
                .iter()
                .any(|start| line.starts_with(start) && !line.ends_with('{'))
        };
        lines.filter(told).map(str::to_owned).collect()
    }

    #[test]
    fn each_service_of_http_has_a_host_and_each_stack_has_the_others() {
        let all = [project(&[("shop", "web", 20000), ("shop", "db", 5432)])];
        let led = led(&all).join("\n");
        for part in [
            "listen 127.0.0.1:80",
            "server_name web.shop.test;",
            "server 127.0.0.1:20000",
            "*.shop.test",
        ] {
            assert!(led.contains(part), "{part}: {led}");
        }
        assert!(!led.contains("db.shop.test"), "{led}");
    }

    #[test]
    fn what_two_projects_have_leads_to_the_first_ones() {
        let first = project(&[("shop", "web", 20000), ("shop-a", "b", 1)]);
        let second = project(&[("shop", "web", 20100), ("shop", "a-b", 2)]);
        let led = led(&[first, second]).join("\n");
        assert_eq!(
            led.matches("server_name web.shop.test;").count(),
            1,
            "{led}"
        );
        assert!(
            led.contains("127.0.0.1:20000") && !led.contains("20100"),
            "{led}"
        );
        // Both would be called `shop-a-b`.
        assert!(led.contains("server_name b.shop-a.test;"), "{led}");
        assert!(led.contains("server_name a-b.shop.test;"), "{led}");
    }

    #[test]
    fn two_that_are_announced_at_one_address_keep_nobody_from_its_route() {
        let killed = project(&[("shop", "web", 20000)]);
        let mut now = project(&[("other", "web", 20000), ("other", "api", 20010)]);
        now.services[0].version = "dev".to_owned();
        let led = led(&[killed, now]).join("\n");
        for host in ["web.shop.test", "web.other.test", "api.other.test"] {
            assert!(led.contains(&format!("server_name {host};")), "{led}");
        }
    }

    #[test]
    fn nothing_up_is_a_good_configuration_too() {
        assert_eq!(
            led(&[]),
            ["listen 127.0.0.1:80 default_server backlog=4096;"]
        );
    }
}

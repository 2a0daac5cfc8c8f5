//! What the ingress serves: a host for each service that is up. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;

use hob_ingress::{
    Certificate, DRAIN_SECONDS, FilePath, Host, Ingress, Label, Listener, Log, PathPrefix,
    Protocol, Route, Serves, Settings, Site, Transport, Upstream, Weight, nginx_conf,
};

use crate::announced::Announced;

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
}

/// The `nginx.conf` of an ingress. A host that two projects announce leads to
/// the first one's.
#[must_use]
pub fn routes(all: &[Announced], doors: &Doors) -> String {
    let http = (doors.http, Transport::Http);
    let https = doors.https.map(|port| (port, Transport::TlsBySite));
    let listeners = [Some(http), https].into_iter().flatten();
    let listeners = listeners.filter_map(|(port, transport)| {
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Some(Listener {
            addr: addr.try_into().ok()?,
            transport,
            serves: Serves::Hosts,
        })
    });
    let mut taken = Taken::of(&doors.certificates);
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
            version: it.version.parse().ok()?,
        };
        let hosts = taken.hosts(hosts);
        taken.site(&name, &it.stack, hosts, &it.service, vec![upstream])
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
        taken.site(stack, stack, hosts, stack, Vec::new())
    };
    names.into_iter().filter_map(site).collect()
}

/// What sites have already.
#[derive(Debug, Default)]
struct Taken {
    hosts: BTreeSet<Host>,
    names: BTreeSet<Label>,
    certificates: BTreeMap<String, Certificate>,
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
        stack: &str,
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
            certificate: self.certificates.get(stack).cloned(),
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
    use snapbox::{assert_data_eq, str};

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
        }
    }

    /// The hosts that are served, and where they lead, line by line.
    fn led(all: &[Announced]) -> Vec<String> {
        let doors = Doors {
            http: 80,
            ..Doors::default()
        };
        text_led(&routes(all, &doors))
    }

    fn text_led(text: &str) -> Vec<String> {
        let lines = text.lines().map(str::trim);
        let told = |line: &&str| {
            ["server_name ", "server ", "listen ", "ssl_"]
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
    fn a_stack_with_a_certificate_is_behind_the_other_door_too() {
        let all = [project(&[("shop", "web", 20000), ("blog", "web", 20001)])];
        let doors = Doors {
            http: 80,
            https: Some(443),
            certificates: BTreeMap::from([("shop".to_owned(), "shop-1.pem".to_owned())]),
        };
        let led = text_led(&routes(&all, &doors));
        assert_data_eq!(
            led.join("\n") + "\n",
            str![[r#"
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:hob:1m;
ssl_session_timeout 1h;
server 127.0.0.1:20001 weight=1 max_fails=0;
server 127.0.0.1:20000 weight=1 max_fails=0;
listen 127.0.0.1:80 default_server backlog=4096;
listen 127.0.0.1:443 ssl http2 default_server backlog=4096;
ssl_reject_handshake on;
listen 127.0.0.1:80;
server_name *.blog.test;
server_name blog.test;
listen 127.0.0.1:80;
server_name web.blog.test;
listen 127.0.0.1:80;
listen 127.0.0.1:443;
server_name *.shop.test;
server_name shop.test;
ssl_certificate "/hob-certificates/shop-1.pem";
ssl_certificate_key "/hob-certificates/shop-1.pem";
listen 127.0.0.1:80;
listen 127.0.0.1:443;
server_name web.shop.test;
ssl_certificate "/hob-certificates/shop-1.pem";
ssl_certificate_key "/hob-certificates/shop-1.pem";

"#]]
        );
    }

    #[test]
    fn nothing_up_is_a_good_configuration_too() {
        assert_eq!(
            led(&[]),
            ["listen 127.0.0.1:80 default_server backlog=4096;"]
        );
    }
}

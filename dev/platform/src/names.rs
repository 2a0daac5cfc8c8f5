//! What the resolver answers, as dnsmasq reads it (see dnsmasq(8)). Pure.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use hob_resolver::check::{ADDRESS, LABEL};

use crate::announced::Announced;

const WRITTEN: &str = "# Written by hob, and written again: change nothing here.\n";
/// Asks nobody, and knows nothing but what it is told.
const ALONE: &str = "no-resolv\nno-hosts\nbind-interfaces\nlocal-ttl=0\n";

/// The file of a project in the folder that dnsmasq watches: every name leads
/// to this machine, where the ingress listens. Empty when nothing is up.
#[must_use]
pub fn hosts(announced: &Announced) -> String {
    let mut text = String::new();
    for name in announced.names() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "127.0.0.1 {name}");
    }
    text
}

/// Another one in that folder: one name in each domain that says that the
/// question came here.
#[must_use]
pub fn check(all: &[Announced], sent: &BTreeSet<String>) -> String {
    let lines = domains(all, sent);
    let lines = lines.map(|domain| format!("{ADDRESS} {LABEL}.{domain}\n"));
    lines.collect()
}

/// Whose is what, which dnsmasq reads anew at a HUP: the domains of what is up
/// and those that the machine's own resolver sends here are its own, and every
/// name below a stack's is the other one's. Nobody else is asked anything.
#[must_use]
pub fn servers(all: &[Announced], sent: &BTreeSet<String>, port: u16) -> String {
    let mut text = String::from(WRITTEN);
    for domain in domains(all, sent) {
        let _ = writeln!(text, "server=/{domain}/");
    }
    let wildcards = wildcards(port);
    let stacks: BTreeSet<String> = all.iter().flat_map(Announced::stacks).collect();
    for stack in stacks {
        let (ip, port) = (wildcards.ip(), wildcards.port());
        let _ = writeln!(text, "server=/{stack}/{ip}#{port}");
    }
    text
}

/// The configuration of the dnsmasq that is asked, the same at all times: it is
/// read at the start alone.
#[must_use]
pub fn dnsmasq_conf() -> String {
    // What the other one answers may be another thing at once.
    format!("{WRITTEN}{ALONE}cache-size=0\n")
}

/// The configuration of the one that has an address for every name, and
/// nothing else.
#[must_use]
pub fn wildcards_conf(port: u16) -> String {
    let addr = wildcards(port);
    let (ip, port) = (addr.ip(), addr.port());
    format!("{WRITTEN}{ALONE}listen-address={ip}\nport={port}\nlocal=/#/\naddress=/#/127.0.0.1\n")
}

/// Where the two of them listen, for datagrams and for connections: first the
/// one that is asked.
#[must_use]
pub fn answers_on(port: u16) -> [SocketAddr; 2] {
    [SocketAddr::from(([127, 0, 0, 1], port)), wildcards(port)]
}

/// Where the second one listens, beside the port of the first. All of 127/8 is
/// loopback on Linux, and nobody else takes this address; elsewhere there is
/// one.
fn wildcards(port: u16) -> SocketAddr {
    if cfg!(target_os = "linux") {
        SocketAddr::from(([127, 83, 53, 53], port))
    } else {
        SocketAddr::from(([127, 0, 0, 1], port.checked_add(1).unwrap_or(port - 1)))
    }
}

/// All domains in order.
fn domains<'a>(all: &'a [Announced], sent: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let told = all.iter().flat_map(|it| &it.domains);
    let domains = told.chain(sent).map(String::as_str);
    let domains: BTreeSet<&str> = domains.chain(["test"]).collect();
    domains.into_iter()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::announced::{AnnouncedService, Speaks};

    fn shop() -> Announced {
        let service = |service: &str, port| AnnouncedService {
            stack: "shop".into(),
            service: service.into(),
            names: BTreeMap::from([(service.to_string(), 100)]),
            addr: std::net::SocketAddr::from(([127, 0, 0, 1], port)),
            speaks: Speaks::Http,
            version: "1".into(),
        };
        Announced {
            root: "/p".into(),
            domains: BTreeSet::from(["test".to_owned(), "internal".to_owned()]),
            services: vec![service("api", 20010), service("web", 20000)],
            ..Announced::default()
        }
    }

    #[test]
    fn each_service_and_stack_has_a_name_below_each_domain() {
        assert_data_eq!(
            hosts(&shop()),
            str![[r#"
127.0.0.1 api.shop.internal
127.0.0.1 api.shop.test
127.0.0.1 shop.internal
127.0.0.1 shop.test
127.0.0.1 web.shop.internal
127.0.0.1 web.shop.test

"#]]
        );
    }

    #[test]
    fn domains_are_answered_alone_and_every_name_of_a_stack_leads_here() {
        assert_data_eq!(
            servers(&[shop()], &BTreeSet::new(), 5354),
            str![[r#"
# Written by hob, and written again: change nothing here.
server=/internal/
server=/test/
server=/shop.internal/127.83.53.53#5354
server=/shop.test/127.83.53.53#5354

"#]]
        );
        assert_data_eq!(
            wildcards_conf(5354),
            str![[r#"
# Written by hob, and written again: change nothing here.
no-resolv
no-hosts
bind-interfaces
local-ttl=0
listen-address=127.83.53.53
port=5354
local=/#/
address=/#/127.0.0.1

"#]]
        );
    }

    #[test]
    fn while_nothing_is_up_the_usual_domain_and_those_sent_here_have_no_names() {
        let sent = BTreeSet::from(["lan".to_owned()]);
        assert_data_eq!(hosts(&Announced::default()), "");
        assert_data_eq!(
            servers(&[], &sent, 5354),
            str![[r#"
# Written by hob, and written again: change nothing here.
server=/lan/
server=/test/

"#]]
        );
        assert_data_eq!(
            check(&[], &sent),
            str![[r#"
127.83.53.54 hob-check.lan
127.83.53.54 hob-check.test

"#]]
        );
    }
}

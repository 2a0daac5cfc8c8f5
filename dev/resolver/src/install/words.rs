//! What a person should know before saying yes. Pure.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::domain::Domain;
use crate::facts::{Facts, System};

pub(super) fn warnings(
    facts: &Facts,
    domains: &BTreeSet<Domain>,
    server: SocketAddr,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for domain in domains.iter().filter(|it| !it.is_reserved()) {
        warnings.push(format!(
            "`{domain}` may have names on the Internet: none of them is found meanwhile"
        ));
    }
    for link in &facts.links {
        let claimed = link.domains.iter().filter_map(|it| it.parse().ok());
        let below = |claimed: &Domain| domains.iter().any(|it| claimed.is_within(it));
        for claimed in claimed.filter(below) {
            warnings.push(format!(
                "{} has `{claimed}`: names below it are asked at {}, not here",
                link.name,
                link.servers.join(", ")
            ));
        }
    }
    if facts.links_hidden {
        let words = "which domains a VPN has taken cannot be read by this user: \
                     `resolvectl domain` says it";
        warnings.push(words.to_owned());
    }
    // What listens on all addresses answers on loopback, too.
    let listens = facts.listeners.iter().any(|it| {
        it.address.port() == server.port()
            && (it.address.ip() == server.ip() || it.address.ip().is_unspecified())
    });
    if !listens {
        warnings.push(format!(
            "nobody listens at {server} now: until `hob dns up`, these names have no answer"
        ));
    }
    if facts.system == System::Linux && is_multicast_first(&facts.hosts) {
        let words = "multicast DNS is asked before any resolver (`mdns` in /etc/nsswitch.conf): \
                     a name that no one has takes its time";
        warnings.push(words.to_owned());
    }
    warnings
}

/// Whether every name, not those of `local` alone, goes through multicast.
fn is_multicast_first(hosts: &[String]) -> bool {
    let mut sources = hosts.iter().map(String::as_str);
    let first = sources.find(|it| matches!(*it, "mdns" | "mdns4" | "mdns6" | "resolve" | "dns"));
    first.is_some_and(|it| it.starts_with("mdns"))
}

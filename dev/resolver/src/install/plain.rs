//! Where the C library asks the servers of resolv.conf itself, nothing can
//! send one domain elsewhere.
//!
//! resolv.conf(5) has neither ports nor domains: a server is asked on port 53,
//! for every name. With hob's resolver first in the list it would be asked all
//! of the machine's questions, and it answers none but its own; as the second
//! one it is asked only when the first is silent, so never for a name that the
//! first says is not there. A file that would have to be rewritten by hob
//! whenever the network changes is no plan either. So hob refuses, and says
//! what leads there.

use std::net::SocketAddr;

use super::Refusal;
use crate::domain::Domain;
use crate::facts::{Facts, Inside};

pub(super) fn refusal(facts: &Facts, domain: &Domain, server: SocketAddr) -> Refusal {
    let mut hints = Vec::new();
    if facts.network_manager.running {
        hints.push(
            "with `dns=dnsmasq` below `[main]` in /etc/NetworkManager/conf.d/dns.conf, \
             dnsmasq-base installed, and `sudo systemctl restart NetworkManager`, it can"
                .to_owned(),
        );
    }
    match facts.inside {
        None if facts.resolved.running => hints.push(
            "systemd-resolved runs already: \
             `sudo ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf` has it asked"
                .to_owned(),
        ),
        None if facts.systemd => hints.push(
            "`sudo apt-get install systemd-resolved` puts one in between that can; its \
             installation replaces /etc/resolv.conf"
                .to_owned(),
        ),
        Some(Inside::Wsl) => hints.push(
            "Windows writes this file: `systemd=true` below `[boot]` and \
             `generateResolvConf=false` below `[network]` of /etc/wsl.conf, then \
             `wsl --shutdown` and systemd-resolved, make room for one that can"
                .to_owned(),
        ),
        Some(Inside::Container) => hints.push(
            "the container's engine writes this file: install it on the machine around it"
                .to_owned(),
        ),
        None => {}
    }
    hints.push(format!(
        "without any of it, browsers take names below `localhost` as this machine, and \
         `dig -p {} @{} NAME.{domain}` asks hob's resolver itself",
        server.port(),
        server.ip()
    ));
    Refusal::Plain { hints }
}

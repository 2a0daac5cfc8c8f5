//! systemd-resolved: a delegate where it knows them, a link of hob's own where
//! it does not.
//!
//! Not `DNS=` with `Domains=~test` in a drop-in of resolved.conf(5): the
//! servers named there are the global ones, which are asked for every name
//! that no link claims, beside the links' ("it is sent to all DNS servers that
//! are configured on links with the DefaultRoute= option set, as well as the
//! globally configured DNS server", systemd-resolved.service(8)). Tried with
//! systemd 252, hob's resolver was asked for names of all domains; and it would
//! be one list with servers that are there already, whichever of them answers.
//!
//! A delegate (systemd.dns-delegate(5), since 258) is a set of servers for
//! some domains alone. Tried with systemd 262, hob's resolver was asked for
//! its domain and nothing else; without any network it was not asked at all,
//! which is said before. Before 258 only a link has such a set: an interface
//! that leads nowhere, with an address that is nobody's (RFC 5737), since
//! resolved takes no notice of one without. `default-route no` keeps all other
//! questions away. It works without a network, too, and resolved keeps what it
//! was told of links over its own restarts.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_changes::{Command, Entry};

use super::{Refusal, Way};
use crate::domain::Domain;
use crate::facts::Facts;

/// The interface.
pub const LINK: &str = "hob0";
/// Its other end, where the kernel has no interface with one end.
const PEER: &str = "hob1";
/// TEST-NET-1's, which nothing is routed to.
const ADDRESS: &str = "192.0.2.53/32";

pub(super) const DELEGATE: &str = "/etc/systemd/dns-delegate.d/hob.dns-delegate";
pub(super) const UNIT: &str = "/etc/systemd/system/hob-dns.service";
pub(super) const WANTED: &str = "/etc/systemd/system/multi-user.target.wants/hob-dns.service";
const NAME: &str = "hob-dns.service";

/// The first that takes a port behind an address; see its NEWS.
const PORTS: u32 = 246;
/// The first with delegates.
const DELEGATES: u32 = 258;

pub(super) fn way(
    facts: &Facts,
    domains: &BTreeSet<Domain>,
    server: SocketAddr,
) -> Result<Way, Refusal> {
    match facts.resolved.version {
        Some(version) if version < PORTS => Err(Refusal::Old { version }),
        Some(version) if version >= DELEGATES => Ok(delegate(facts, domains, server)),
        _ if facts.systemd => Ok(unit(domains, server)),
        _ => Ok(by_hand(domains, server)),
    }
}

fn delegate(facts: &Facts, domains: &BTreeSet<Domain>, server: SocketAddr) -> Way {
    let text = format!(
        "# Written by hob; `hob dns uninstall` takes it away.\n\
         [Delegate]\n\
         DNS={server}\n\
         Domains={}\n",
        routes(domains)
    );
    let mut way = Way {
        files: vec![(PathBuf::from(DELEGATE), Entry::text(text))],
        warnings: vec![
            "while this machine has no network at all, systemd-resolved asks nobody, and these \
             names have no answer"
                .to_owned(),
        ],
        ..Way::default()
    };
    if facts.systemd {
        // Not every version reads delegates when it is told to read again.
        let again = Command::new(
            "have systemd-resolved read it",
            &["systemctl", "restart", "systemd-resolved.service"],
        );
        way.commands = vec![again.clone()];
        way.undo_after = vec![again];
    } else {
        let words = "systemd is not the first process here: systemd-resolved reads the file when \
                     whoever started it starts it again";
        way.warnings.push(words.to_owned());
    }
    way
}

/// A unit that makes the link at each start of the machine.
fn unit(domains: &BTreeSet<Domain>, server: SocketAddr) -> Way {
    let text = format!(
        "# Written by hob; `hob dns uninstall` takes it away.\n\
         [Unit]\n\
         Description=hob's resolver at {server} for {}\n\
         Requires=systemd-resolved.service\n\
         After=systemd-resolved.service\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStart=/bin/sh -ec \"{}\"\n\
         ExecStop=/bin/sh -c \"{}\"\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        words(domains),
        script(domains, server),
        removal(),
    );
    let reload = Command::new("have systemd read it", &["systemctl", "daemon-reload"]);
    Way {
        files: vec![
            (PathBuf::from(UNIT), Entry::text(text)),
            // What `systemctl enable` would make of the last two lines.
            (PathBuf::from(WANTED), Entry::Link(PathBuf::from(UNIT))),
        ],
        commands: vec![
            reload.clone(),
            Command::new("make the link", &["systemctl", "restart", NAME]),
        ],
        // It may never have been started.
        undo_first: vec![Command::may_fail(
            "remove the link",
            &["systemctl", "stop", NAME],
        )],
        undo_after: vec![reload],
        ..Way::default()
    }
}

/// Where nobody would start a unit the link is made now, and gone with the
/// next start of the machine or container.
fn by_hand(domains: &BTreeSet<Domain>, server: SocketAddr) -> Way {
    let (script, removal) = (script(domains, server), removal());
    Way {
        commands: vec![Command::new("make the link", &["sh", "-ec", &script])],
        undo_first: vec![Command::may_fail(
            "remove the link",
            &["sh", "-c", &removal],
        )],
        warnings: vec![
            "systemd is not the first process here: this holds until the machine or container \
             is started again"
                .to_owned(),
        ],
        ..Way::default()
    }
}

/// What makes the link, for a shell and within double quotes of a unit: no
/// `$`, `%`, `\` or `"`. It is safe to repeat, and asks resolved a second time
/// when the link is so new that it has not heard of it.
fn script(domains: &BTreeSet<Domain>, server: SocketAddr) -> String {
    let domains: Vec<String> = domains.iter().map(|it| format!("'~{it}'")).collect();
    let domains = domains.join(" ");
    let mut lines = vec![
        removal(),
        format!(
            "ip link add {LINK} type dummy 2>/dev/null || \
             {{ ip link add {LINK} type veth peer name {PEER}; ip link set {PEER} up; }}"
        ),
        format!("ip address add {ADDRESS} dev {LINK}"),
        format!("ip link set {LINK} up"),
        format!(
            "resolvectl dns {LINK} {server} 2>/dev/null || \
             {{ sleep 1; resolvectl dns {LINK} {server}; }}"
        ),
        format!("resolvectl domain {LINK} {domains}"),
        format!("resolvectl default-route {LINK} no"),
    ];
    // What a name server on loopback has no use for.
    for what in ["llmnr", "mdns", "dnssec", "dnsovertls"] {
        lines.push(format!("resolvectl {what} {LINK} no"));
    }
    lines.join("; ")
}

fn removal() -> String {
    format!("ip link delete {LINK} 2>/dev/null || true")
}

fn routes(domains: &BTreeSet<Domain>) -> String {
    let domains: Vec<String> = domains.iter().map(|it| format!("~{it}")).collect();
    domains.join(" ")
}

fn words(domains: &BTreeSet<Domain>) -> String {
    let domains: Vec<&str> = domains.iter().map(Domain::as_str).collect();
    domains.join(", ")
}

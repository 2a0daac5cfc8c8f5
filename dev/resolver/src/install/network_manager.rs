//! NetworkManager with a dnsmasq of its own: with `dns=dnsmasq` it reads the
//! files of this folder, see NetworkManager.conf(5), and `server=/DOMAIN/…`
//! sends a domain's questions, and no other, to one server, see dnsmasq(8).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_changes::{Command, Entry};

use super::Way;
use crate::domain::Domain;

pub(super) const FILE: &str = "/etc/NetworkManager/dnsmasq.d/hob.conf";

pub(super) fn way(domains: &BTreeSet<Domain>, server: SocketAddr) -> Way {
    let mut text = String::from("# Written by hob; `hob dns uninstall` takes it away.\n");
    for domain in domains {
        // dnsmasq has its own sign between an address and a port.
        let (address, port) = (server.ip(), server.port());
        let _ = writeln!(text, "server=/{domain}/{address}#{port}");
    }
    // It reads the folder at its start alone; `dns-full` is the restart of
    // the DNS plugin, see nmcli(1).
    let again = Command::new(
        "start the dnsmasq of NetworkManager again",
        &["nmcli", "general", "reload", "dns-full"],
    );
    Way {
        files: vec![(PathBuf::from(FILE), Entry::text(text))],
        commands: vec![again.clone()],
        undo_after: vec![again],
        ..Way::default()
    }
}

//! [`in_charge`]: who answers this machine's questions for names. Pure.

use std::path::Path;

use crate::facts::{Facts, ResolvConf, System};

/// Where systemd-resolved's stub listens; see systemd-resolved.service(8).
const STUB: [&str; 2] = ["127.0.0.53", "127.0.0.54"];
/// Where it keeps the files that resolv.conf may lead to.
const RESOLVE: &str = "/run/systemd/resolve";
/// The file that has the servers of the network in place of the stub.
const UPLINKS: &str = "/run/systemd/resolve/resolv.conf";

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InCharge {
    /// systemd-resolved.
    Resolved,
    /// A dnsmasq that NetworkManager keeps.
    NetworkManagerDnsmasq,
    /// macOS's own, which reads `/etc/resolver`.
    MacResolver,
    /// Nobody on this machine: the C library asks the servers of resolv.conf.
    ResolvConf,
    /// It cannot be told, or does not answer.
    Unknown {
        /// Why.
        why: String,
        /// What to type about it.
        hint: Option<String>,
    },
}

impl InCharge {
    /// In words, as the end of a sentence.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Resolved => "systemd-resolved",
            Self::NetworkManagerDnsmasq => "the dnsmasq of NetworkManager",
            Self::MacResolver => "the resolver of macOS",
            Self::ResolvConf => "the servers of /etc/resolv.conf",
            Self::Unknown { why, .. } => why,
        }
    }
}

/// Decides who it is.
#[must_use]
pub fn in_charge(facts: &Facts) -> InCharge {
    if facts.system == System::Mac {
        return InCharge::MacResolver;
    }
    let unknown = |why: String, hint: Option<&str>| InCharge::Unknown {
        why,
        hint: hint.map(str::to_owned),
    };
    let conf = &facts.resolv_conf;
    let resolved = &facts.resolved;
    // glibc asks it over a socket, whatever resolv.conf says.
    let by_library = asks_resolved_first(&facts.hosts);
    if resolved.running && (by_library || asks_stub(conf)) {
        return InCharge::Resolved;
    }
    let leads = conf.link.as_deref();
    if let Some(link) = leads.filter(|it| it.starts_with(RESOLVE)) {
        if resolved.running && link == Path::new(UPLINKS) {
            return unknown(
                "systemd-resolved runs, and /etc/resolv.conf goes past it to the network's servers"
                    .to_owned(),
                Some("sudo ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"),
            );
        }
        let hint = match resolved.installed {
            true => "sudo systemctl start systemd-resolved",
            false => "sudo apt-get install systemd-resolved",
        };
        let why = "/etc/resolv.conf leads to systemd-resolved, which does not run";
        return unknown(why.to_owned(), Some(hint));
    }
    if asks_stub(conf) {
        let why = "/etc/resolv.conf names systemd-resolved, which does not run";
        let hint = "sudo systemctl start systemd-resolved";
        return unknown(why.to_owned(), Some(hint));
    }
    let Some(text) = &conf.text else {
        let why = match leads {
            Some(link) => format!(
                "/etc/resolv.conf leads to {}, which is not there",
                link.display()
            ),
            None => "there is no /etc/resolv.conf".to_owned(),
        };
        return unknown(why, None);
    };
    if facts.network_manager.dns.as_deref() == Some("dnsmasq") && is_by_network_manager(text, conf)
    {
        if facts.network_manager.running {
            return InCharge::NetworkManagerDnsmasq;
        }
        let why = "/etc/resolv.conf names the dnsmasq of NetworkManager, which does not run";
        let hint = "sudo systemctl start NetworkManager";
        return unknown(why.to_owned(), Some(hint));
    }
    match conf.servers().is_empty() {
        true => unknown("/etc/resolv.conf names no server".to_owned(), None),
        false => InCharge::ResolvConf,
    }
}

fn asks_stub(conf: &ResolvConf) -> bool {
    let servers = conf.servers();
    servers.iter().any(|server| STUB.contains(&server.as_str()))
}

/// Whether nss-resolve(8) comes before `dns`.
fn asks_resolved_first(hosts: &[String]) -> bool {
    let mut sources = hosts.iter().map(String::as_str);
    let first = sources.find(|it| matches!(*it, "resolve" | "dns"));
    first == Some("resolve")
}

fn is_by_network_manager(text: &str, conf: &ResolvConf) -> bool {
    let written = text.contains("NetworkManager")
        || (conf.link.as_ref()).is_some_and(|it| it.starts_with("/run/NetworkManager"));
    written && conf.servers().iter().any(|it| it.starts_with("127."))
}

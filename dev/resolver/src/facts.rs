//! [`Facts`]: what is there, without a judgement. Data, and [`Facts::read`],
//! which looks below a root folder and changes nothing.

mod read;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_changes::Entry;

use crate::domain::Domain;
use crate::record::Record;

pub use read::Asked;

/// Whose resolver it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum System {
    /// glibc or musl, with whatever answers in between.
    #[default]
    Linux,
    /// mDNSResponder, which reads `/etc/resolver`.
    Mac,
}

/// All that is decided by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The system.
    pub system: System,
    /// Whether systemd is the first process; see sd_booted(3).
    pub systemd: bool,
    /// What stands for a machine, if it is not one.
    pub inside: Option<Inside>,
    /// `/etc/resolv.conf`.
    pub resolv_conf: ResolvConf,
    /// systemd-resolved.
    pub resolved: Resolved,
    /// NetworkManager.
    pub network_manager: NetworkManager,
    /// The sources of host names in nsswitch.conf(5), in order, with what is
    /// done about their answers: `files`, `mdns4_minimal`, `[NOTFOUND=return]`,
    /// `dns`.
    pub hosts: Vec<String>,
    /// What the links say of domains.
    pub links: Vec<Link>,
    /// Whether some of that was not to be read by this user.
    pub links_hidden: bool,
    /// Who listens for DNS on loopback.
    pub listeners: Vec<Listener>,
    /// What stands where hob would write, or has written.
    pub entries: BTreeMap<PathBuf, Entry>,
    /// The folders above those paths that are there.
    pub folders: BTreeSet<PathBuf>,
    /// What hob noted of its own changes.
    pub record: Option<Record>,
}

impl Facts {
    /// What stands at a path; nothing where nobody looked.
    #[must_use]
    pub fn entry(&self, path: &std::path::Path) -> &Entry {
        self.entries.get(path).unwrap_or(&Entry::Absent)
    }
}

/// Where the resolver's file is written by somebody outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// A container, whose engine writes it.
    Container,
    /// The Windows Subsystem for Linux, which writes it.
    Wsl,
}

/// `/etc/resolv.conf`, see resolv.conf(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// Where it leads, if it is a link; absolute.
    pub link: Option<PathBuf>,
    /// What can be read there; none is a link into nothing, or no file.
    pub text: Option<String>,
    /// Whether something is mounted on it.
    pub mounted: bool,
}

impl ResolvConf {
    /// The servers that it names.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        words::servers(self.text.as_deref().unwrap_or_default())
    }
}

/// systemd-resolved, see systemd-resolved.service(8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Whether its program is there.
    pub installed: bool,
    /// Whether its process is.
    pub running: bool,
    /// The version of systemd, by the name of its library.
    pub version: Option<u32>,
}

/// NetworkManager, see NetworkManager.conf(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkManager {
    /// Whether its process is there.
    pub running: bool,
    /// What its files say of `dns`; the last one counts.
    pub dns: Option<String>,
}

/// What a link says of domains: its split DNS, often a VPN's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `wg0`.
    pub name: String,
    /// The servers that it names.
    pub servers: Vec<String>,
    /// The domains that are asked there, `.` for all.
    pub domains: Vec<String>,
}

/// Who listens for DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub address: SocketAddr,
    /// Its name, where it can be told.
    pub who: Option<String>,
}

/// The files that hob writes for these domains, on any machine.
#[must_use]
pub fn candidates(domains: &BTreeSet<Domain>) -> BTreeSet<PathBuf> {
    let fixed = crate::install::FILES.map(PathBuf::from);
    let each = domains.iter().map(crate::install::mac_file);
    fixed.into_iter().chain(each).collect()
}

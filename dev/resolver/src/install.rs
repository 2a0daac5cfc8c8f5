//! [`install`]: what has to be changed so that the machine's own resolver asks
//! hob's for these domains and nothing else, or why hob will not. Pure.
//!
//! One file for each way; what no way can do is a [`Refusal`] with what helps.

mod network_manager;
mod plain;
mod refusal;
mod resolved;
mod words;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hob_changes::{Changes, Command, Edit, Entry};

use crate::charge::{InCharge, in_charge};
use crate::domain::Domain;
use crate::facts::Facts;
use crate::plan::Plan;

pub use refusal::Refusal;
pub use resolved::LINK;

/// The files that hob writes, those of macOS aside, whose names are domains.
pub const FILES: [&str; 4] = [
    resolved::DELEGATE,
    resolved::UNIT,
    resolved::WANTED,
    network_manager::FILE,
];

/// macOS's file for a domain; see resolver(5).
#[must_use]
pub fn mac_file(domain: &Domain) -> PathBuf {
    Path::new("/etc/resolver").join(domain.as_str())
}

/// What one way asks for, before it is held against what is there.
#[derive(Debug, Default)]
struct Way {
    files: Vec<(PathBuf, Entry)>,
    commands: Vec<Command>,
    undo_first: Vec<Command>,
    undo_after: Vec<Command>,
    warnings: Vec<String>,
}

/// Decides what to change so that these domains are asked at hob's resolver.
///
/// # Errors
/// It cannot be done here without harm, or something of somebody else's is in
/// the way.
pub fn install(
    facts: &Facts,
    domains: &BTreeSet<Domain>,
    server: SocketAddr,
) -> Result<Plan, Refusal> {
    let Some(first) = domains.first() else {
        return Err(Refusal::NoDomain);
    };
    for domain in domains {
        if let Some(by) = domain.swallowed_by() {
            let domain = domain.clone();
            return Err(Refusal::Swallowed { domain, by });
        }
    }
    claimed(facts, domains, server)?;
    let charge = in_charge(facts);
    if let Some(record) = facts.record.as_ref().filter(|it| it.charge != charge) {
        let before = record.charge.clone();
        return Err(Refusal::Moved {
            before,
            now: charge,
        });
    }
    let way = match &charge {
        InCharge::Resolved => resolved::way(facts, domains, server)?,
        InCharge::NetworkManagerDnsmasq => network_manager::way(domains, server),
        InCharge::MacResolver => mac(domains, server),
        InCharge::ResolvConf => return Err(plain::refusal(facts, first, server)),
        InCharge::Unknown { why, hint } => {
            let (why, hint) = (why.clone(), hint.clone());
            return Err(Refusal::Unknown { why, hint });
        }
    };
    let files = way.files.into_iter();
    let edits = files.map(|(path, after)| edit(facts, path, after));
    let edits = edits.collect::<Result<Vec<_>, _>>()?;
    let mut warnings = words::warnings(facts, domains, server);
    warnings.extend(way.warnings);
    Ok(Plan {
        charge,
        domains: domains.clone(),
        server,
        changes: Changes {
            folders: folders(facts, &edits),
            edits,
            commands: way.commands,
            undo_first: way.undo_first,
            undo_after: way.undo_after,
            warnings,
        },
    })
}

/// What stands there is hob's own, or nothing, or it stays.
fn edit(facts: &Facts, path: PathBuf, after: Entry) -> Result<Edit, Refusal> {
    let there = facts.entry(&path).clone();
    let own = (facts.record.as_ref()).and_then(|it| it.edits.iter().find(|it| it.path == path));
    let is_own = own.is_some_and(|own| there.is_same(&own.after));
    let before = own.map_or(Entry::Absent, |own| own.before.clone());
    if is_own || there.is_same(&before) {
        return Ok(Edit {
            path,
            before,
            after,
        });
    }
    Err(Refusal::InTheWay {
        path,
        text: there.shown(),
    })
}

/// Those that have to be made, the outermost first.
fn folders(facts: &Facts, edits: &[Edit]) -> Vec<PathBuf> {
    let above = edits.iter().flat_map(|it| it.path.ancestors().skip(1));
    let missing = above.filter(|it| *it != Path::new("/") && !facts.folders.contains(*it));
    let missing: BTreeSet<PathBuf> = missing.map(Path::to_owned).collect();
    // In the order of their names what is above comes first.
    missing.into_iter().collect()
}

/// A link that takes the same domain: whose answer counts is not said. One
/// that asks hob's resolver is hob's own, whatever it is called.
fn claimed(facts: &Facts, domains: &BTreeSet<Domain>, server: SocketAddr) -> Result<(), Refusal> {
    let own = facts.record.as_ref().map_or(server, |record| record.server);
    let own = [own.to_string()];
    let foreign = || facts.links.iter().filter(|link| link.servers != own);
    for domain in domains {
        let claims =
            |link: &&crate::facts::Link| link.domains.iter().any(|it| it == domain.as_str());
        if let Some(link) = foreign().find(claims) {
            return Err(Refusal::Claimed {
                domain: domain.clone(),
                link: link.name.clone(),
                servers: link.servers.clone(),
            });
        }
    }
    Ok(())
}

/// `/etc/resolver/DOMAIN`, which is read when it changes. See resolver(5) of
/// macOS: the name of the file is the domain, and `port` stands for itself.
fn mac(domains: &BTreeSet<Domain>, server: SocketAddr) -> Way {
    let text = format!(
        "# Written by hob; `hob dns uninstall` takes it away.\nnameserver {}\nport {}\n",
        server.ip(),
        server.port()
    );
    let files = domains.iter();
    let flush = Command::may_fail("forget earlier answers", &["dscacheutil", "-flushcache"]);
    Way {
        files: files
            .map(|it| (mac_file(it), Entry::text(text.clone())))
            .collect(),
        commands: vec![flush.clone()],
        undo_after: vec![flush],
        ..Way::default()
    }
}

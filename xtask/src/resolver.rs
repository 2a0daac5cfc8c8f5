//! [`Resolver`]: this machine's own resolver, as the verbs see it. Looks, and
//! brings what was found together with what `hob-resolver` decides.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_changes::Place;
use hob_engine::machine::ports::{Listeners, holders};
use hob_platform::Home;
use hob_resolver::check::{self, Reach};
use hob_resolver::{Asked, Domain, Facts, Listener, Record, System};
use hob_stack::Project;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{home, home_error};

/// The port that programs ask on.
const DNS_PORT: u16 = 53;
/// How long a question may take: the C library alone would wait for longer.
const LIMIT: Duration = Duration::from_secs(8);

/// This machine's resolver, and what is wanted of it.
pub struct Resolver {
    /// Where changes are made and noted.
    pub place: Place,
    /// The domains that are wanted: the project's, and those noted already.
    pub domains: BTreeSet<Domain>,
    /// Where hob's resolver listens.
    pub server: SocketAddr,
    /// What was found.
    pub facts: Facts,
}

impl Resolver {
    /// Looks at it; none while hob's own was never asked for.
    ///
    /// # Errors
    /// Settings or record cannot be read, or the project's domains are none.
    pub fn find(context: &Context) -> Result<Option<Self>> {
        let home = home(&context.environment)?;
        if !home.is_there() {
            return Ok(None);
        }
        let settings = home.settings().map_err(home_error)?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.dns_port));
        let place = place(&home);
        let record = place.noted(Record::parse).map_err(anyhow::Error::from)?;
        let mut domains = wanted(context)?;
        domains.extend(record.iter().flat_map(|it| it.domains.iter().cloned()));
        let asked = Asked {
            system: match cfg!(target_os = "macos") {
                true => System::Mac,
                false => System::Linux,
            },
            domains: domains.clone(),
            record,
            listeners: listeners(settings.dns_port),
        };
        Ok(Some(Self {
            facts: Facts::read(&place.root, asked),
            place,
            domains,
            server,
        }))
    }

    /// What was noted of earlier changes.
    pub fn record(&self) -> Option<&Record> {
        self.facts.record.as_ref()
    }

    /// Whether hob's own resolver listens.
    pub fn listens(&self) -> bool {
        let mut listeners = self.facts.listeners.iter();
        listeners.any(|it| it.address.port() == self.server.port())
    }
}

/// What was noted of changes to this machine's resolver, by this user; nothing
/// where it cannot be told.
pub fn noted(context: &Context) -> Option<Record> {
    let home = home(&context.environment).ok()?;
    place(&home).noted(Record::parse).ok()?
}

/// The files that a note of it names, the note itself last.
pub fn noted_files(context: &Context) -> Vec<PathBuf> {
    let Some(record) = noted(context) else {
        return Vec::new();
    };
    let home = home(&context.environment).ok();
    let note = home.map(|home| place(&home).note);
    record.paths().chain(note).collect()
}

fn place(home: &Home) -> Place {
    Place {
        root: Path::new("/").to_owned(),
        note: home.root().join("resolver.json"),
    }
}

/// The domains of the project here, or the usual one.
///
/// # Errors
/// One of them is none.
pub fn wanted(context: &Context) -> Result<BTreeSet<Domain>> {
    let root = context.root().ok();
    let project = root.and_then(|root| Project::load(&root, &context.environment).project);
    let said = project.map_or_else(
        || BTreeSet::from(["test".to_owned()]),
        |it| it.config.domains.clone(),
    );
    let parsed = said.iter().map(|domain| domain.parse::<Domain>());
    let parsed: std::result::Result<_, _> = parsed.collect();
    parsed.map_err(|error| Error::usage(error.to_string()).hint("`domains` in hob.toml names them"))
}

/// Who listens for DNS where this machine's programs would ask. What answers
/// over UDP answers over TCP, too.
fn listeners(port: u16) -> Vec<Listener> {
    let all = Listeners::read();
    let is_local = |address: SocketAddr| {
        [DNS_PORT, port].contains(&address.port())
            && (address.ip().is_loopback() || address.ip().is_unspecified())
    };
    let found: Vec<_> = all.iter().filter(|it| is_local(it.addr)).collect();
    let inodes: Vec<u64> = found.iter().map(|it| it.inode).collect();
    let holders = holders(&inodes);
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let who = |inode: u64| holders.get(&inode)?.first().and_then(name);
    let found = found.into_iter().map(|it| Listener {
        address: it.addr,
        who: who(it.inode).map(|name| name.trim_end().to_owned()),
    });
    found.collect()
}

/// Asks the system for a name that only hob's resolver knows.
pub async fn reach(domain: &Domain) -> Reach {
    let name = check::name(domain);
    let asking = tokio::task::spawn_blocking(move || check::ask(&name));
    match tokio::time::timeout(LIMIT, asking).await {
        Ok(Ok(answer)) => check::verdict(answer),
        Ok(Err(error)) => Reach::Nowhere(error.to_string()),
        Err(_) => Reach::Nowhere(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

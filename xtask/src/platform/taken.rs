//! Who has an address that the ingress is to listen on. nginx itself would say
//! nothing but that it is in use, and serve nobody.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hob_engine::machine::ports::{Listener, Listeners, holders, user_name};
use hob_engine::machine::processes;
use hob_engine::{Engine, typed};
use hob_platform::{Home, INGRESS, Read, STACK, listened};

use super::beside::{Beside, Found};
use super::{Platform, home_error};
use crate::error::{Error, Result};

/// What there is to do about the port of a stack.
pub const ELSEWHERE: &str =
    "`--port-offset 100` moves this project's ports, `port` of `[ingress]` is the stack's own";

/// Where the ingress is to listen by what is told.
///
/// # Errors
/// That cannot be read.
pub fn told(home: &Home) -> Result<BTreeSet<SocketAddr>> {
    let conf = home.read(Read::Routes).map_err(home_error)?;
    Ok(listened(&conf))
}

/// Where an ingress that is up listens, as far as that was noted.
pub fn begun(home: &Home) -> BTreeSet<SocketAddr> {
    listened(&home.begun(Read::Routes))
}

/// That an ingress that is about to come up may listen where stacks want it to.
/// Who has its own port is found out when it is planned.
///
/// # Errors
/// It may not, or that cannot be told.
pub async fn listenable(platform: &Platform) -> Result {
    let engine = platform.context.load(&[])?.engine(&platform.context)?;
    let found = Beside::find(&engine, &platform.home, INGRESS).await;
    if let Found::Up(_) = found {
        return Ok(());
    }
    found.is_not_left_beside(&engine, INGRESS)?;
    let mut addresses = told(&platform.home)?;
    addresses.retain(|it| Some(it.port()) != platform.settings.http_port);
    let addresses = but_of_left(&engine, INGRESS, addresses);
    not_taken(&engine, None, &addresses)
}

/// These addresses but for those that a service of the platform has whose agent
/// is gone: what is left of it on this engine, the platform's, ends before
/// another one begins.
pub fn but_of_left(
    engine: &Engine,
    service: &str,
    addresses: BTreeSet<SocketAddr>,
) -> BTreeSet<SocketAddr> {
    let id = format!("{STACK}/{service}").parse().ok();
    let left = id.map_or_else(BTreeSet::new, |id| engine.processes_of(&id));
    if left.is_empty() {
        return addresses;
    }
    let listeners = Listeners::read();
    let has = |address: &SocketAddr| {
        let inodes: Vec<u64> = listeners.against(*address).map(|it| it.inode).collect();
        let holders = holders(&inodes);
        let is_left = |inode| {
            holders
                .get(inode)
                .is_some_and(|it| it.iter().any(|pid| left.contains(pid)))
        };
        !inodes.is_empty() && inodes.iter().all(is_left)
    };
    addresses.into_iter().filter(|it| !has(it)).collect()
}

/// That nobody listens on any of these, but for the ingress where it is up and
/// listens here.
///
/// # Errors
/// Somebody does: who it is, as far as that can be told.
pub fn not_taken<'a>(
    engine: &Engine,
    ingress: Option<SocketAddr>,
    addresses: impl IntoIterator<Item = &'a SocketAddr>,
) -> Result {
    let mut addresses = addresses.into_iter().peekable();
    if addresses.peek().is_none() {
        return Ok(());
    }
    let listeners = Listeners::read();
    for address in addresses {
        if let Has::Another(who, hint) = holder(&listeners, engine.uid(), ingress, *address) {
            let error = format!("the ingress cannot listen on {address}: {who} has it");
            let mut error = Error::failed(error);
            error.hints = hint.into_iter().collect();
            return Err(error.hint(ELSEWHERE));
        }
    }
    Ok(())
}

/// Who has an address.
pub enum Has {
    Nobody,
    /// The ingress itself.
    Ingress,
    /// Somebody else, in words, and what ends it where that is hob's.
    Another(String, Option<String>),
}

/// Who listens on an address; `ingress` is where that is up, `uid` the
/// caller's user.
pub fn holder(
    listeners: &Listeners,
    uid: u32,
    ingress: Option<SocketAddr>,
    address: SocketAddr,
) -> Has {
    let Some(listener) = listeners.against(address).next() else {
        return Has::Nobody;
    };
    let ingress = ingress.and_then(|it| listeners.against(it).next());
    let inodes = [listener.inode].into_iter();
    let inodes: Vec<u64> = inodes.chain(ingress.map(|it| it.inode)).collect();
    let pids = holders(&inodes);
    let of = |listener: &Listener| pids.get(&listener.inode).map_or(&[][..], Vec::as_slice);
    let own = ingress.is_some_and(|ingress| match (of(ingress), of(listener)) {
        // Neither is shown: what can be told is whose they are.
        ([], []) => ingress.uid == listener.uid,
        (ingress, others) => ingress.iter().any(|pid| others.contains(pid)),
    });
    if own {
        return Has::Ingress;
    }
    let (who, hint) = match of(listener).first() {
        Some(pid) => process(*pid),
        None => (stranger(uid, listener.uid), None),
    };
    Has::Another(who, hint)
}

/// A process in words, and what ends it where it is a service of hob's.
fn process(pid: u32) -> (String, Option<String>) {
    if let Some(marked) = processes::look(pid, &[]) {
        let (service, root) = (marked.marks.service, marked.marks.root);
        let folder = typed(&root);
        let down = format!("`hob down --engine host --project {folder} {service}` ends it");
        let who = format!("{service} on the host engine, of {}", root.display());
        return (who, Some(down));
    }
    let name = processes::name(pid).unwrap_or_else(|| "a program".to_owned());
    (format!("{name} (process {pid})"), None)
}

fn stranger(caller: u32, uid: u32) -> String {
    match user_name(uid).filter(|_| caller != uid) {
        Some(user) => format!("a process of another user ({user})"),
        None => "a process that hob cannot see".to_owned(),
    }
}

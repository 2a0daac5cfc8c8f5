//! Who has an address that the ingress is to listen on. nginx itself would say
//! nothing but that it is in use, and serve nobody.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use hob_engine::machine::ports::{Listener, Listeners, holders, user_name};
use hob_engine::machine::processes;
use hob_engine::{Engine, typed};
use hob_platform::{Announced, Home, INGRESS, Read, STACK, listened};

use super::beside::{Beside, Found};
use super::{home, home_error};
use crate::error::{Error, Result};

/// What there is to do about the port of a stack.
pub const ELSEWHERE: &str =
    "`--port-offset 100` moves this project's ports, `port` of `[ingress]` is the stack's own";

/// Where an ingress that is up listens, as far as that was noted.
pub fn begun(home: &Home) -> BTreeSet<SocketAddr> {
    listened(&home.begun(Read::Routes))
}

/// A stack's own door that stays closed: somebody else has its port.
pub struct Closed {
    stack: String,
    root: PathBuf,
    address: SocketAddr,
    /// Who it is, and what ends it where that is hob's.
    holder: Option<(String, Option<String>)>,
}

impl Closed {
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// In one line, with what to type.
    pub fn words(&self) -> String {
        let Self { stack, address, .. } = self;
        format!(
            "the door of {stack} at {address} stays closed: {}",
            self.why()
        )
    }

    /// Why, and what opens it.
    pub fn why(&self) -> String {
        let opens = "`hob ingress up` opens it";
        match &self.holder {
            None => format!("its port is free again, and {opens}"),
            Some((who, None)) => format!("{who} has the port; {opens} once that is free"),
            Some((who, Some(hint))) => format!("{who} has the port; {hint}, then {opens}"),
        }
    }
}

/// The doors that stay closed once this is told; none where that cannot be
/// told, as the ingress is not up: who brings it up looks then.
///
/// # Errors
/// What the ingress is to listen on cannot be read.
pub async fn to_close(
    engine: &Engine,
    home: &Home,
    told: &[Announced],
) -> Result<Option<Vec<Closed>>> {
    let (begun, listeners) = (begun(home), Listeners::read());
    let mut doors = doors(home, told)?;
    doors.retain(|it| !begun.contains(&it.address) && is_held(&listeners, it));
    if doors.is_empty() {
        return Ok(Some(doors));
    }
    Ok(match Beside::find(engine, home, INGRESS).await {
        Found::Up(ingress) => Some(held(&listeners, engine.uid(), ingress.listen, doors)),
        Found::Down | Found::Left(_) | Found::Fails | Found::Unknown => None,
    })
}

/// The same for an ingress that is about to come up.
///
/// # Errors
/// What it is to listen on cannot be read.
pub fn to_begin_without(engine: &Engine, home: &Home) -> Result<Vec<Closed>> {
    let told = home.announced().map_err(home_error)?;
    let mut doors = doors(home, &told)?;
    let addresses = doors.iter().map(|it| it.address).collect();
    let addresses = but_of_left(engine, INGRESS, addresses);
    doors.retain(|it| addresses.contains(&it.address));
    Ok(held(&Listeners::read(), engine.uid(), None, doors))
}

/// The doors that are closed now, each with who has its port.
///
/// # Errors
/// What was told cannot be read.
pub fn closed(home: &Home, uid: u32) -> Result<Vec<Closed>> {
    let (ports, listeners) = (home.closed(), Listeners::read());
    let told = home.announced().map_err(home_error)?;
    let mut doors = doors(home, &told)?;
    doors.retain(|it| ports.contains(&it.port()));
    for door in &mut doors {
        if let Has::Another(who, hint) = holder(&listeners, uid, None, door.address) {
            door.holder = Some((who, hint));
        }
    }
    Ok(doors)
}

/// Those of these stacks of a project whose doors are closed while something of
/// them is up, and why, line by line; nothing where it cannot be told.
pub async fn closed_doors(engine: &Engine, stacks: &BTreeSet<String>) -> Vec<String> {
    let root = engine.project().root;
    let Some((home, told)) = home(engine.environment())
        .ok()
        .filter(Home::is_there)
        .and_then(|home| Some((home.clone(), home.announced().ok()?)))
    else {
        return Vec::new();
    };
    let mut doors = doors(&home, &told).unwrap_or_default();
    let of_these = |it: &Closed| it.root == root && stacks.contains(&it.stack);
    doors.retain(of_these);
    if doors.is_empty() {
        return Vec::new();
    }
    let is_closed = |door: &Closed| {
        let (stack, port) = (&door.stack, door.port());
        format!("{stack}: its door http://localhost:{port} is closed: ")
    };
    if let Found::Down = Beside::find(engine, &home, INGRESS).await {
        let up = |door: &Closed| is_closed(door) + "`hob ingress up`";
        return doors.iter().map(up).collect();
    }
    let closed = closed(&home, engine.uid()).unwrap_or_default().into_iter();
    let closed = closed.filter(of_these);
    closed.map(|door| is_closed(&door) + &door.why()).collect()
}

/// The stacks' own doors of what is told, the first of each port.
fn doors(home: &Home, told: &[Announced]) -> Result<Vec<Closed>> {
    let settings = home.settings().map_err(home_error)?;
    let mut ports: BTreeSet<u16> = settings.http_port.into_iter().collect();
    ports.extend(settings.https_port);
    let all = told
        .iter()
        .flat_map(|it| it.doors().map(move |door| (it, door)));
    let doors = all.filter_map(|(announced, (stack, said))| {
        let port = said.listens().filter(|it| ports.insert(*it))?;
        Some(Closed {
            stack: stack.clone(),
            root: announced.root.clone(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            holder: None,
        })
    });
    Ok(doors.collect())
}

fn is_held(listeners: &Listeners, door: &Closed) -> bool {
    listeners.against(door.address).next().is_some()
}

/// Those of these doors whose port somebody else has.
fn held(
    listeners: &Listeners,
    uid: u32,
    ingress: Option<SocketAddr>,
    doors: Vec<Closed>,
) -> Vec<Closed> {
    let held = doors.into_iter().filter_map(|mut door| {
        let Has::Another(who, hint) = holder(listeners, uid, ingress, door.address) else {
            return None;
        };
        door.holder = Some((who, hint));
        Some(door)
    });
    held.collect()
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
    let (who, hint) = who(uid, listener, of(listener));
    Has::Another(who, hint)
}

/// Whose a socket is that these processes have, in words, and what ends them
/// where they are hob's.
pub fn who(uid: u32, listener: &Listener, pids: &[u32]) -> (String, Option<String>) {
    match pids.first() {
        Some(pid) => process(*pid),
        None => (stranger(uid, listener.uid), None),
    }
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

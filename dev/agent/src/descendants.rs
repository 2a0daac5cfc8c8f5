//! What a service's processes have started: adopted, found, ended, reaped.
//!
//! The agent is a subreaper (PID 1 is one by nature), so whatever a service
//! leaves behind becomes the agent's child. Reads `/proc`; where there is
//! none, process groups are all that is known.
//!
//! What belongs to a run is known by its group, by the mark in its
//! environment, and, when it left the one and emptied the other (servers that
//! write their title over their environment do), by its age: an adopted child
//! that began before all that still runs belongs to what is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::proc;

/// How often what was told to end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// For how long KILL is believed to work: a process in the middle of a call to
/// a broken device or file server ends when that returns, or never.
const KILLED: Duration = Duration::from_secs(2);

/// Children that somebody waits for by their own handle, with when they began:
/// they must not be reaped here. Of the process, like its children themselves.
static OWNED: Mutex<BTreeMap<u32, Ticks>> = Mutex::new(BTreeMap::new());

/// Clock ticks since the machine was started (proc(5), `starttime`).
type Ticks = u64;

/// Makes orphans of this process's descendants its own children.
pub fn adopt_orphans() {
    // Elsewhere than on Linux there is no such thing; groups must do.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Marks this process and all that it will start with a limit that no emptied
/// environment takes away; see [`hob_wire::lock_mark`].
#[cfg(target_os = "linux")]
pub fn mark(project: &str, service: &str) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let mark = hob_wire::lock_mark(project, service);
    let Rlimit { maximum, .. } = getrlimit(Resource::Locks);
    let current = Some(mark);
    // Refused only where somebody has set a lower hard limit: the marks in
    // the environment must do there.
    let _ = setrlimit(Resource::Locks, Rlimit { current, maximum });
}

/// Whether a process has this one's limit. In a container the agent adopts
/// those, too, that somebody else has put there (`docker exec`): they are no
/// run's and may stay as long as the container does.
#[cfg(target_os = "linux")]
fn is_marked(pid: u32) -> bool {
    use rustix::process::{Resource, getrlimit};

    let Some(mark) = getrlimit(Resource::Locks).current else {
        // It could not be set.
        return true;
    };
    let limits = proc::line(pid, "limits", "Max file locks");
    limits.is_some_and(|limits| limits.split_whitespace().next() == Some(&mark.to_string()))
}

/// There all that is adopted was started here.
#[cfg(not(target_os = "linux"))]
fn is_marked(_pid: u32) -> bool {
    true
}

/// Elsewhere the marks in the environment must do.
#[cfg(not(target_os = "linux"))]
pub fn mark(_project: &str, _service: &str) {}

/// Declares a child whose handle is waited for.
pub fn own(pid: u32) {
    let began = stat(pid).map_or(0, |stat| stat.began);
    OWNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(pid, began);
}

/// Its handle has been waited for.
pub fn disown(pid: u32) {
    OWNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&pid);
}

/// Reaps adopted children that have ended. Call it at each CHLD.
pub fn reap() {
    let owned = owned();
    for pid in children(std::process::id()) {
        if !owned.contains_key(&pid) {
            if let Some(pid) = raw(pid) {
                // ECHILD: it was no child of ours after all.
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }
}

fn owned() -> BTreeMap<u32, Ticks> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Ends what is left of a run whose first process (`group`) is gone: TERM now,
/// KILL at `end` or once `hurry` is told. Says what became of it.
pub async fn end(group: u32, mark: &str, mut end: Instant, hurry: &Notify) -> Rest {
    let mut rest = Rest::default();
    let mut told = BTreeSet::new();
    loop {
        reap();
        let left = of_run(group, mark);
        let now = Instant::now();
        if left.is_empty() || now >= end + KILLED {
            return rest;
        }
        rest.found = true;
        let late = now >= end;
        for pid in left {
            if late {
                rest.killed = true;
                signal(pid, Signal::KILL);
            } else if told.insert(pid) {
                signal(pid, Signal::TERM);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = hurry.notified() => end = end.min(Instant::now()),
        }
    }
}

/// What a process had left behind at its end.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rest {
    /// Whether there was anything.
    pub found: bool,
    /// Whether anything of it had to be killed.
    pub killed: bool,
}

/// Ends every process below this one at once and waits until they are gone.
pub async fn kill_all() {
    let end = Instant::now() + KILLED;
    loop {
        reap();
        let left = below(std::process::id());
        if left.is_empty() || Instant::now() >= end {
            return;
        }
        for pid in left {
            signal(pid, Signal::KILL);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many of the processes that a process started are looked at for what
/// they wrote.
const WRITERS: usize = 64;

/// Whether a process, or one that it started and that still runs, has written
/// files, as the system counts: the bytes that it made dirty in files which
/// are kept on a disk. What goes to pipes, sockets and memory file systems is
/// not among them; those of children that ended count as their parent's. What
/// is not known counts as no.
pub fn wrote_files(pid: u32) -> bool {
    let mut open = vec![pid];
    let mut at = 0;
    while let Some(pid) = open.get(at).copied() {
        if written(pid) > 0 {
            return true;
        }
        at += 1;
        if open.len() < WRITERS {
            open.extend(children(pid));
        }
    }
    false
}

/// `write_bytes` of `/proc/PID/io` (proc_pid_io(5)).
fn written(pid: u32) -> u64 {
    let io = proc::read(pid, "io").unwrap_or_default();
    let count = String::from_utf8_lossy(&io)
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    count.unwrap_or(0)
}

fn of_run(group: u32, mark: &str) -> Vec<u32> {
    let mut strays = BTreeSet::new();
    for stray in strays_before_all_but(group) {
        strays.extend(below(stray));
        strays.insert(stray);
    }
    let mut found = below(std::process::id());
    found.retain(|pid| {
        stat(*pid).is_some_and(|stat| stat.state != 'Z' && stat.group == group)
            || run_of(*pid).as_deref() == Some(mark.as_bytes())
            || strays.contains(pid)
    });
    found
}

/// Adopted children without a mark that began before everything that is waited
/// for, `pid` aside. One that is younger may belong to what still runs; it is
/// found when that has ended.
fn strays_before_all_but(pid: u32) -> Vec<u32> {
    let mut owned = owned();
    let others = owned.iter().filter(|(other, _)| **other != pid);
    let oldest = others.map(|(_, began)| *began).min().unwrap_or(Ticks::MAX);
    owned.entry(pid).or_default();
    let mut strays = children(std::process::id());
    strays.retain(|stray| {
        !owned.contains_key(stray)
            && stat(*stray).is_some_and(|stat| stat.state != 'Z' && stat.began < oldest)
            && run_of(*stray).is_none()
            && is_marked(*stray)
    });
    strays
}

/// All descendants of a process, parents before children.
pub fn below(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut at = 0;
    while at < found.len() {
        let more = children(found[at]);
        found.extend(more);
        at += 1;
    }
    found
}

/// The children of all threads of a process, from
/// `/proc/PID/task/TID/children` (proc(5)).
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

struct Stat {
    state: char,
    group: u32,
    began: Ticks,
}

/// Fields 3, 5 and 22 of `/proc/PID/stat`; the name in field 2 may hold
/// anything.
fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
    let state = rest.next()?.chars().next()?;
    let group = rest.nth(1)?.parse().ok()?;
    let began = rest.nth(16)?.parse().ok()?;
    Some(Stat {
        state,
        group,
        began,
    })
}

/// The mark in a process's environment. A zombie has none any more.
fn run_of(pid: u32) -> Option<Vec<u8>> {
    let environment = proc::read(pid, "environ").ok()?;
    environment
        .split(|byte| *byte == 0)
        .find_map(|entry| {
            entry
                .strip_prefix(hob_wire::MARK_RUN.as_bytes())?
                .strip_prefix(b"=")
        })
        .map(<[u8]>::to_vec)
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = raw(pid) {
        // ESRCH: gone already.
        let _ = kill_process(pid, signal);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

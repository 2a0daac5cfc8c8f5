//! What a service's processes have started: adopted, found, ended, reaped.
//!
//! The agent is a subreaper (PID 1 is one by nature), so whatever a service
//! leaves behind becomes the agent's child. Reads `/proc`; where there is
//! none, process groups are all that is known.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::time::Instant;

/// The environment variable that names the run a process belongs to.
pub const MARK_RUN: &str = "HOB_RUN";

/// How often what was told to end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Children that somebody waits for by their own handle: they must not be
/// reaped here.
static OWNED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Makes orphans of this process's descendants its own children.
pub fn adopt_orphans() {
    // Elsewhere than on Linux there is no such thing; groups must do.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Declares a child whose handle is waited for.
pub fn own(pid: u32) {
    OWNED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(pid);
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
    let owned = OWNED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for pid in children(std::process::id()) {
        if !owned.contains(&pid) {
            if let Some(pid) = raw(pid) {
                // ECHILD: it was no child of ours after all.
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }
}

/// Ends what is left of a run whose first process is gone: TERM now, KILL at
/// `end`. Says whether anything had to be killed.
pub async fn end(group: u32, mark: &str, end: Instant) -> bool {
    let mut told = BTreeSet::new();
    let mut killed = false;
    loop {
        reap();
        let left = of_run(group, mark);
        if left.is_empty() {
            return killed;
        }
        let late = Instant::now() >= end;
        for pid in left {
            if late {
                killed = true;
                signal(pid, Signal::KILL);
            } else if told.insert(pid) {
                signal(pid, Signal::TERM);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Ends every process below this one at once.
pub fn kill_all() {
    for pid in below(std::process::id()) {
        signal(pid, Signal::KILL);
    }
    reap();
}

fn of_run(group: u32, mark: &str) -> Vec<u32> {
    let mut found = below(std::process::id());
    found.retain(|pid| stat(*pid).is_some_and(|stat| stat.state != 'Z'));
    found.retain(|pid| stat(*pid).is_some_and(|stat| stat.group == group) || marked(*pid, mark));
    found
}

/// All descendants of a process, parents before children.
fn below(pid: u32) -> Vec<u32> {
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
}

/// Fields 3 and 5 of `/proc/PID/stat`; the name in field 2 may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
    let state = rest.next()?.chars().next()?;
    let group = rest.nth(1)?.parse().ok()?;
    Some(Stat { state, group })
}

fn marked(pid: u32, mark: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    let wanted = format!("{MARK_RUN}={mark}");
    environment
        .split(|byte| *byte == 0)
        .any(|entry| entry == wanted.as_bytes())
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

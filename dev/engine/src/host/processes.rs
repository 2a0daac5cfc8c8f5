//! Processes as `/proc` shows them: who carries hob's marks, and their end.
//!
//! Owns the reading of `/proc/<pid>` (see proc(5)) and signals. It knows
//! processes by number and start time, so that a number that was given to
//! somebody else meanwhile is never signalled. Start with [`marked`].

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use hob_wire::{MARK_PROJECT, MARK_ROOT, MARK_SERVICE};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::Instant;

/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// One process at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine was; together
    /// with the number it names the process for good.
    pub start: u64,
}

/// What a process carries of hob's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The project's id.
    pub project: String,
    /// `stack/service`; empty for a process that belongs to no service.
    pub service: String,
    /// The project's folder.
    pub root: PathBuf,
}

/// A process of hob's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The process.
    pub process: Process,
    /// What it carries.
    pub marks: Marks,
    /// Its short name.
    pub name: String,
}

/// All living processes of this user that carry marks. The caller and those
/// that it descends from are left out: a shell that was opened inside of a
/// service may be where hob was called.
#[must_use]
pub fn marked(uid: u32) -> Vec<Marked> {
    let own = ancestors();
    let mut found: Vec<Marked> = numbers()
        .filter(|pid| !own.contains(pid))
        .filter(|pid| owner(*pid) == Some(uid))
        .filter_map(look)
        .collect();
    found.sort_by_key(|marked| marked.process);
    found
}

/// The process of this number as it is now, with its marks if it has any and
/// lives.
#[must_use]
pub fn look(pid: u32) -> Option<Marked> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let marks = marks_in(&environment)?;
    let (process, name) = stat(pid)?;
    Some(Marked {
        process,
        marks,
        name,
    })
}

/// The process of this number, if it lives; a zombie does not.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    stat(pid).map(|(process, _)| process)
}

/// Its short name, up to 15 bytes.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    stat(pid).map(|(_, name)| name)
}

/// The value of a variable in a process's first environment.
#[must_use]
pub fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    value_in(&environment, name)
}

/// The number of the user that a process runs as.
#[must_use]
pub fn owner(pid: u32) -> Option<u32> {
    Some(fs::metadata(format!("/proc/{pid}")).ok()?.uid())
}

/// Ends processes: TERM, then after `grace` KILL, until `find` finds none of
/// them any more. It is asked again and again, so that what they start while
/// they end is found, too. Returns whether all are gone within `limit`.
pub async fn end(find: impl Fn() -> Vec<Process>, grace: Duration, limit: Duration) -> bool {
    let begun = Instant::now();
    let mut told = BTreeSet::new();
    loop {
        let living = find();
        if living.is_empty() {
            return true;
        }
        let passed = begun.elapsed();
        if passed >= limit {
            return false;
        }
        for process in living {
            if passed >= grace {
                signal(process, Signal::KILL);
            } else if told.insert(process) {
                signal(process, Signal::TERM);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Signals a process, unless its number belongs to another one by now.
fn signal(process: Process, signal: Signal) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    // The descriptor pins the process; only then is its start time compared.
    if let Ok(pinned) = pidfd_open(pid, PidfdFlags::empty())
        && self::process(process.pid) == Some(process)
    {
        // It may have ended just now, which is what was wanted.
        let _ = pidfd_send_signal(&pinned, signal);
    }
}

/// The numbers of all processes.
pub(super) fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn ancestors() -> BTreeSet<u32> {
    let mut chain = BTreeSet::new();
    let mut next = Some(std::process::id());
    while let Some(pid) = next.filter(|pid| *pid > 1 && chain.insert(*pid)) {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        next = fields(&text).and_then(|(_, rest)| rest.get(1)?.parse().ok());
    }
    chain
}

fn stat(pid: u32) -> Option<(Process, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = fields(&text)?;
    if matches!(*rest.first()?, "Z" | "X" | "x") {
        return None;
    }
    // Field 22 of proc_pid_stat(5); `rest` begins with field 3.
    let start = rest.get(19)?.parse().ok()?;
    Some((Process { pid, start }, name.to_owned()))
}

/// The name, which may hold anything, and the fields behind it.
fn fields(text: &str) -> Option<(&str, Vec<&str>)> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name, after.split_whitespace().collect()))
}

fn marks_in(environment: &[u8]) -> Option<Marks> {
    Some(Marks {
        project: value_in(environment, MARK_PROJECT)?,
        service: value_in(environment, MARK_SERVICE).unwrap_or_default(),
        root: PathBuf::from(value_in(environment, MARK_ROOT).unwrap_or_default()),
    })
}

fn value_in(environment: &[u8], name: &str) -> Option<String> {
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

#[cfg(test)]
mod tests;

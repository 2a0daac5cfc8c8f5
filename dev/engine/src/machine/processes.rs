//! Processes as `/proc` shows them: which ones are hob's, and their end.
//!
//! Owns the reading of `/proc/<pid>` (see proc(5)) and signals. It knows
//! processes by number and start time, so that a number that was given to
//! somebody else meanwhile is never signalled.
//!
//! A process is hob's by the marks in its environment. Servers that write
//! their title over their environment show none, nor do those that were
//! started with an empty one: they are known by their session, which their
//! agent leads (see setsid(2)), or by the limit that it inherited to them
//! ([`hob_wire::lock_mark`]). Start with [`of_project`].

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use hob_wire::{MARK_CONTAINED, MARK_PROJECT, MARK_ROOT, MARK_SERVICE, lock_mark};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::Instant;

/// `PF_EXITING` of the kernel's flags of a process (include/linux/sched.h).
const EXITING: u32 = 0x4;

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

/// The first process of a session of hob's, living or not: an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// The process; its number is the session's.
    pub process: Process,
    /// What all that comes from it counts as carrying.
    pub marks: Marks,
}

impl Leader {
    /// Whether the process comes from this leader: it is in its session, or
    /// has left that and carries its mark.
    fn leads(&self, stat: &Stat) -> bool {
        stat.process.start >= self.process.start && (self.has(stat) || self.has_marked(stat))
    }

    /// Whether the process is in this leader's session. The number of a
    /// session is given to no other process while anybody is in it; once it
    /// was given again, nothing of the session is left.
    fn has(&self, stat: &Stat) -> bool {
        stat.session == self.process.pid
            // An agent has no terminal, so nothing in its session has one.
            && stat.terminal == 0
            && process(self.process.pid).is_none_or(|now| now == self.process)
    }

    fn has_marked(&self, stat: &Stat) -> bool {
        let mark = lock_mark(&self.marks.project, &self.marks.service);
        *stat.locks.get_or_init(|| locks(stat.process.pid)) == Some(mark)
    }

    /// Whether anybody that it leads or led is there still.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        // While it lives itself, nobody else has to be looked at.
        process(self.process.pid) == Some(self.process)
            || numbers().filter_map(stat).any(|stat| self.leads(&stat))
    }
}

/// All living processes of this user that carry marks, and those that come
/// from one which leads a session. The caller and those that it descends from are left out: a
/// shell that was opened inside of a service may be where hob was called.
#[must_use]
pub fn marked(uid: u32) -> Vec<Marked> {
    found(uid, &[])
}

/// All living processes of this user that are of this project: by their marks,
/// or since they come from one of these leaders. [`marked`] says who is left out.
#[must_use]
pub fn of_project(uid: u32, project: &str, leaders: &[Leader]) -> Vec<Marked> {
    let mut found = found(uid, leaders);
    found.retain(|marked| marked.marks.project == project);
    found
}

fn found(uid: u32, leaders: &[Leader]) -> Vec<Marked> {
    let own = ancestors();
    let mut leaders = leaders.to_vec();
    let (mut found, mut bare) = (Vec::new(), Vec::new());
    for pid in numbers() {
        if own.contains(&pid) || owner(pid) != Some(uid) {
            continue;
        }
        let Some(stat) = stat(pid) else { continue };
        match marks(pid) {
            Some(Found::Contained) => {}
            Some(Found::Marks(marks)) => {
                if stat.session == pid {
                    leaders.push(Leader {
                        process: stat.process,
                        marks: marks.clone(),
                    });
                }
                found.push(stat.marked(marks));
            }
            None => bare.push(stat),
        }
    }
    for stat in bare {
        if let Some(leader) = leaders.iter().find(|leader| leader.leads(&stat)) {
            found.push(stat.marked(leader.marks.clone()));
        }
    }
    found.sort_by_key(|marked| marked.process);
    found
}

/// The process of this number as it is now, if it lives and is hob's: by its
/// marks or since it comes from one of these leaders.
#[must_use]
pub fn look(pid: u32, leaders: &[Leader]) -> Option<Marked> {
    let stat = stat(pid)?;
    let marks = match marks(pid) {
        Some(Found::Contained) => return None,
        Some(Found::Marks(marks)) => marks,
        None => {
            let leader = leaders.iter().find(|leader| leader.leads(&stat))?;
            leader.marks.clone()
        }
    };
    Some(stat.marked(marks))
}

/// The process of this number, if it lives; a zombie does not.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    stat(pid).map(|stat| stat.process)
}

/// The process of this number, if it lives and leads a session.
#[must_use]
pub fn leader(pid: u32) -> Option<Process> {
    let stat = stat(pid)?;
    (stat.session == pid).then_some(stat.process)
}

/// Its short name, up to 15 bytes.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    stat(pid).map(|stat| stat.name)
}

/// The value of a variable in a process's first environment.
#[must_use]
pub fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = slurp(pid, "environ")?;
    value_in(&environment, name)
}

/// The number of the user that a process runs as.
#[must_use]
pub fn owner(pid: u32) -> Option<u32> {
    Some(fs::metadata(format!("/proc/{pid}")).ok()?.uid())
}

/// Ends processes: TERM, then after `grace` KILL, until `find` finds none of
/// them any more. It is asked again and again, so that what they start while
/// they end is found, too. Returns those that are not gone within `limit`; one
/// that is being taken apart by the kernel shows no environment any more, but
/// has its ports until it is through with that.
pub async fn end(
    find: impl Fn() -> Vec<Process>,
    grace: Duration,
    limit: Duration,
) -> Vec<Process> {
    let begun = Instant::now();
    let mut told: BTreeSet<Process> = BTreeSet::new();
    loop {
        let ending = told.iter().copied().filter(is_ending);
        let living: BTreeSet<Process> = find().into_iter().chain(ending).collect();
        let passed = begun.elapsed();
        if living.is_empty() || passed >= limit {
            return Vec::from_iter(living);
        }
        for process in living {
            if passed >= grace {
                signal(process, Signal::KILL);
                told.insert(process);
            } else if told.insert(process) {
                signal(process, Signal::TERM);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether the kernel is taking the process apart: its memory goes before its
/// files do, and threads may outlive the one that the process is named by.
fn is_ending(process: &Process) -> bool {
    // Fields 3, 9 and 20 of proc_pid_stat(5).
    is(*process, |rest| {
        let flags: Option<u32> = rest.get(6).and_then(|text| text.parse().ok());
        let ended = rest.first().is_none_or(|state| is_over(state));
        let alone = rest.get(17).is_none_or(|threads| *threads == "1");
        flags.is_some_and(|flags| flags & EXITING != 0) && !(ended && alone)
    })
}

/// Whether the number is this process's still and what `stat` tells of it from
/// its third field on is so.
fn is(process: Process, so: impl Fn(&[&str]) -> bool) -> bool {
    text(process.pid, "stat").is_some_and(|text| {
        fields(&text).is_some_and(|(_, rest)| start(&rest) == Some(process.start) && so(&rest))
    })
}

/// Signals a process, unless its number belongs to another one by now.
fn signal(process: Process, signal: Signal) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    // The descriptor pins the process; only then is its start time compared.
    if let Ok(pinned) = pidfd_open(pid, PidfdFlags::empty())
        && is(process, |_| true)
    {
        // It may have ended just now, which is what was wanted.
        let _ = pidfd_send_signal(&pinned, signal);
    }
}

/// The numbers of all processes.
pub(crate) fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A file of a process. Such files tell no size, and each call makes the kernel
/// write them anew: with room from the start there are two calls.
fn slurp(pid: u32, file: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(8 << 10);
    let mut file = fs::File::open(format!("/proc/{pid}/{file}")).ok()?;
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The same as text; a process may have any bytes for its name.
fn text(pid: u32, file: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&slurp(pid, file)?).into_owned())
}

fn ancestors() -> BTreeSet<u32> {
    let mut chain = BTreeSet::new();
    let mut next = Some(std::process::id());
    while let Some(pid) = next.filter(|pid| *pid > 1 && chain.insert(*pid)) {
        let text = text(pid, "stat").unwrap_or_default();
        next = fields(&text).and_then(|(_, rest)| rest.get(1)?.parse().ok());
    }
    chain
}

/// What `/proc/<pid>/stat` tells of a living process.
struct Stat {
    process: Process,
    name: String,
    session: u32,
    /// The device of its controlling terminal; 0 for none.
    terminal: i32,
    /// The soft limit on file locks, once it was read.
    locks: OnceCell<Option<u64>>,
}

impl Stat {
    fn marked(self, marks: Marks) -> Marked {
        Marked {
            process: self.process,
            marks,
            name: self.name,
        }
    }
}

fn stat(pid: u32) -> Option<Stat> {
    let text = text(pid, "stat")?;
    let (name, rest) = fields(&text)?;
    if is_over(rest.first()?) {
        return None;
    }
    // Fields 6 and 7 of proc_pid_stat(5); `rest` begins with field 3.
    Some(Stat {
        process: Process {
            pid,
            start: start(&rest)?,
        },
        name: name.to_owned(),
        session: rest.get(3)?.parse().ok()?,
        terminal: rest.get(4)?.parse().ok()?,
        locks: OnceCell::new(),
    })
}

/// Whether this is the state of a process that has ended, reaped or not.
fn is_over(state: &str) -> bool {
    matches!(state, "Z" | "X" | "x")
}

/// Field 22 of proc_pid_stat(5); `rest` begins with field 3.
fn start(rest: &[&str]) -> Option<u64> {
    rest.get(19)?.parse().ok()
}

/// The name, which may hold anything, and the fields behind it.
fn fields(text: &str) -> Option<(&str, Vec<&str>)> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name, after.split_whitespace().collect()))
}

/// The soft limit on file locks of a process, if it has one.
fn locks(pid: u32) -> Option<u64> {
    let limits = text(pid, "limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max file locks"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The first environment of a process, as far as it is text.
#[must_use]
pub fn environment(pid: u32) -> Option<BTreeMap<String, String>> {
    let environment = slurp(pid, "environ")?;
    let entries = environment.split(|byte| *byte == 0);
    let pairs = entries.filter_map(|text| std::str::from_utf8(text).ok()?.split_once('='));
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(owned.collect())
}

/// What a process's environment says of it.
enum Found {
    /// It is in a container.
    Contained,
    Marks(Marks),
}

fn marks(pid: u32) -> Option<Found> {
    let environment = slurp(pid, "environ")?;
    let value = |name| value_in(&environment, name);
    if value(MARK_CONTAINED).is_some() {
        return Some(Found::Contained);
    }
    Some(Found::Marks(Marks {
        project: value(MARK_PROJECT)?,
        service: value(MARK_SERVICE).unwrap_or_default(),
        root: PathBuf::from(value(MARK_ROOT).unwrap_or_default()),
    }))
}

fn value_in(environment: &[u8], name: &str) -> Option<String> {
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

#[cfg(test)]
mod tests;

//! What `/proc` tells of processes and of the ports that they listen on
//! (proc(5)); independent of hob's own eyes, so that it can prove them wrong.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A living process that carries hob's marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Its number.
    pub pid: u32,
    /// `stack/service`.
    pub service: String,
    /// Its command line, blanks between the arguments.
    pub command: String,
}

/// All living processes marked with this project folder.
#[must_use]
pub fn marked(root: &Path) -> Vec<Marked> {
    let mut found: Vec<Marked> = all()
        .filter(|pid| variable(*pid, "HOB_ROOT").is_some_and(|it| Path::new(&it) == root))
        .filter(|pid| is_alive(*pid))
        .map(|pid| Marked {
            pid,
            service: variable(pid, "HOB_SERVICE").unwrap_or_default(),
            command: command(pid),
        })
        .collect();
    found.sort_by_key(|it| it.pid);
    found
}

/// The agent of a service of this project.
#[must_use]
pub fn agent(root: &Path, service: &str) -> Option<u32> {
    let is_agent = |it: &Marked| it.service == service && it.command.contains(" agent --project ");
    marked(root).into_iter().find(is_agent).map(|it| it.pid)
}

/// The numbers of all processes.
pub fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The numbers of a process's living children.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The state, then the parent.
        let rest = stat.rsplit(')').next()?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    let all = all().filter(|it| parent(it) == Some(pid));
    all.filter(|pid| is_alive(*pid)).collect()
}

/// Whether a process is there and no zombie.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.starts_with(['Z', 'X', 'x'])
}

/// The command line, blanks between the arguments.
#[must_use]
pub fn command(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .trim_end_matches('\0')
        .replace('\0', " ")
}

/// A variable of the environment that a process was started with.
#[must_use]
pub fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// The PID namespace of a process, as a name that is compared.
#[must_use]
pub fn namespace(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// The number of a process in the innermost PID namespace that it is in.
#[must_use]
pub fn innermost(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let numbers = status.lines().find_map(|it| it.strip_prefix("NSpid:"))?;
    numbers.split_whitespace().last()?.parse().ok()
}

/// Kills a process; one that is gone already is no mistake.
pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Signals a process; one that is gone already is no mistake.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// The addresses that each of these processes listens on.
#[must_use]
pub fn listening(pids: &[u32]) -> Vec<SocketAddr> {
    let table = |path| fs::read_to_string(path).unwrap_or_default();
    let text = table("/proc/net/tcp") + &table("/proc/net/tcp6");
    let sockets: BTreeMap<String, SocketAddr> = text.lines().filter_map(listener).collect();
    let mut found = Vec::new();
    for pid in pids {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"));
        for entry in entries.into_iter().flatten().flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|it| it.strip_suffix(']'));
            found.extend(inode.and_then(|inode| sockets.get(inode)));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Inode and address of a listening socket's line.
fn listener(line: &str) -> Option<(String, SocketAddr)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // 0A is TCP_LISTEN.
    if *fields.get(3)? != "0A" {
        return None;
    }
    let (ip, port) = fields.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        Some(
            u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16)
                .ok()?
                .to_ne_bytes(),
        )
    };
    let ip: IpAddr = if ip.len() == 8 {
        Ipv4Addr::from(word(0)?).into()
    } else {
        let mut bytes = [0; 16];
        for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
            chunk.copy_from_slice(&word(at)?);
        }
        Ipv6Addr::from(bytes).into()
    };
    Some(((*fields.get(9)?).to_owned(), SocketAddr::new(ip, port)))
}

//! What an engine of the tests that was killed leaves on the machine, ended
//! and removed: its shims and containers, mounts, bridges and sockets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::mount::{UnmountFlags, unmount};

use crate::dockerd::run;
use crate::processes;

/// How long killed processes may take to be gone.
const LIMIT: Duration = Duration::from_secs(20);

/// Ends and removes all of the engine in this folder but the layers of its
/// images, and the bridges with addresses that begin like this. The folder's
/// path is canonical.
pub(crate) fn sweep(folder: &Path, addresses: &str) {
    let began = Instant::now();
    loop {
        let left: Vec<u32> = processes::all()
            .filter(|pid| belongs(*pid, folder) && processes::is_alive(*pid))
            .collect();
        if left.is_empty() || began.elapsed() > LIMIT {
            break;
        }
        left.into_iter().for_each(processes::kill);
        std::thread::sleep(Duration::from_millis(10));
    }
    for mount in mounts(folder) {
        let _ = unmount(&mount, UnmountFlags::DETACH);
    }
    // A containerd without memory and networks that nobody knows any more.
    for part in ["run", "containerd", "data/network", "data/runtimes"] {
        let _ = fs::remove_dir_all(folder.join(part));
    }
    for bridge in bridges(addresses) {
        let _ = run("ip", &["link", "delete", &bridge]);
    }
}

/// Whether a process is of the engine in this folder: one of its programs, or
/// one that runs on a layer of its.
fn belongs(pid: u32, folder: &Path) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let program = ["dockerd", "containerd", "containerd-shim"];
    let is_program = program.iter().any(|it| name.trim_end().starts_with(it));
    let folder = folder.display().to_string();
    let inside = format!("{folder}/");
    if is_program && processes::command(pid).contains(&inside) {
        return true;
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    let root = mounts.lines().find(|it| it.split(' ').nth(4) == Some("/"));
    root.is_some_and(|it| it.contains(&format!("upperdir={inside}")))
}

/// What is mounted below a folder, the innermost first.
fn mounts(folder: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| Some(PathBuf::from(line.split(' ').nth(4)?)))
        .filter(|it| it.starts_with(folder) && it != folder)
        .collect();
    found.reverse();
    found
}

/// The bridges of networks with addresses that begin like this.
fn bridges(addresses: &str) -> Vec<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("ip")
        .args(["-oneline", "-4", "address", "show"])
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output();
    let said = output.map_or_else(|_| Vec::new(), |it| it.stdout);
    let said = String::from_utf8_lossy(&said);
    said.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, link, "inet", address, ..] = words[..] else {
                return None;
            };
            (link.starts_with("br-") && address.starts_with(addresses)).then(|| link.to_owned())
        })
        .collect()
}

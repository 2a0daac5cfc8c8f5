//! Processes as a test looks at them and ends them.

use std::fs;
use std::path::Path;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use super::{Agent, until};

/// A child that does not outlive its test.
pub struct Guard(pub Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process whose number the file holds.
pub fn pid_in(agent: &Agent, name: &str) -> u32 {
    let path = agent.folder.path().join(name);
    until(name, || {
        let text = fs::read_to_string(&path).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    })
}

pub fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may be gone.
    let _ = kill_process(pid, signal);
}

/// Whether a process is there at all, as a zombie too.
pub fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[track_caller]
pub fn until_gone(pid: u32) {
    until(&format!("the end of process {pid}"), || {
        (!exists(pid)).then_some(())
    });
}

/// All descendants of a process.
pub fn below(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut at = 0;
    while at < found.len() {
        found.extend(children(found[at]));
        at += 1;
    }
    found
}

/// The children of a process, zombies too.
pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect()
}

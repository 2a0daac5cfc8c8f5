//! What `/proc/PID` tells of another process.
//!
//! Some of its files are for the process's own user only, and for root only
//! where it may trace others (`PTRACE_MODE_READ_FSCREDS` of ptrace(2)). A
//! container's root may not, so there the reading thread becomes that user for
//! the one look: it has no right by then that it had not before.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::options::Owner;

/// The content of a file of a process.
///
/// # Errors
/// The process is gone, or it may not be looked at.
pub fn read(pid: u32, name: &str) -> io::Result<Vec<u8>> {
    let path = path(pid, name);
    as_owner(pid, || fs::read(&path))
}

/// Where a link of a process points to: `cwd`, `exe`.
///
/// # Errors
/// The process is gone, or it may not be looked at.
pub fn link(pid: u32, name: &str) -> io::Result<PathBuf> {
    let path = path(pid, name);
    as_owner(pid, || fs::read_link(&path))
}

/// The value of a line of `/proc/PID/status` or of another file of that form
/// which all may read.
pub fn line(pid: u32, file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path(pid, file)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map(|line| line.trim().to_owned())
}

/// Its real user and group.
pub fn owner(pid: u32) -> Option<Owner> {
    let first = |name| {
        let line = line(pid, "status", name)?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Owner {
        uid: first("Uid:")?,
        gid: first("Gid:")?,
    })
}

fn path(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

fn as_owner<T>(pid: u32, look: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match look() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match owner(pid) {
            Some(owner) if rustix::process::geteuid().is_root() => borrowed(owner, look),
            _ => Err(error),
        },
        done => done,
    }
}

/// Looks with somebody else's rights. Only this thread's effective ids change;
/// its saved ones stay root's, by which it comes back.
#[cfg(target_os = "linux")]
fn borrowed<T>(owner: Owner, look: impl Fn() -> io::Result<T>) -> io::Result<T> {
    use rustix::process::{Gid, Uid, getegid};
    use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

    let before = getegid();
    set_thread_res_gid(None, Gid::from_raw(owner.gid), None)?;
    let result = set_thread_res_uid(None, Uid::from_raw(owner.uid), None)
        .map_err(io::Error::from)
        .and_then(|()| {
            let found = look();
            set_thread_res_uid(None, Uid::ROOT, None)?;
            found
        });
    set_thread_res_gid(None, before, None)?;
    result
}

/// There is no `/proc` elsewhere.
#[cfg(not(target_os = "linux"))]
fn borrowed<T>(_owner: Owner, look: impl Fn() -> io::Result<T>) -> io::Result<T> {
    look()
}

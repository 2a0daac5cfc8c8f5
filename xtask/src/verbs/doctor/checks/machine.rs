//! What is said of this machine: its kernel and its limits. Pure.

use super::{Check, as_root};
use crate::verbs::doctor::facts::{Facts, Limit};
use crate::verbs::doctor::words::{counted_number, grouped};

/// The soft limit that every Linux begins with; a service's front has two
/// descriptors a connection.
const LOW_OPEN_FILES: u64 = 1024;
/// Watches to have at least once the limit is touched: the kernel takes about
/// a kilobyte for each that is used.
const WATCHES: u64 = 524_288;
/// Watching instances to have at least once the limit is touched.
const INSTANCES: u64 = 512;
/// Watching instances that have to be free: a `dev` session has one.
const SPARE_INSTANCES: u64 = 4;
/// The first kernel with `pidfd_open(2)`, by which processes are ended.
const KERNEL: (u32, u32) = (5, 3);

/// The kernel's key for watches.
pub const WATCHES_KEY: &str = "fs.inotify.max_user_watches";
/// The kernel's key for instances.
pub const INSTANCES_KEY: &str = "fs.inotify.max_user_instances";

/// The limit that watches have to be raised to, if they have to.
pub fn watches_wanted(facts: &Facts) -> Option<u64> {
    let limit = facts.machine.watches?;
    let needed = facts.project.as_ref().map_or(0, |project| project.watched);
    wanted(limit, needed, WATCHES)
}

/// The limit that instances have to be raised to, if they have to.
pub fn instances_wanted(facts: &Facts) -> Option<u64> {
    wanted(facts.machine.instances?, SPARE_INSTANCES, INSTANCES)
}

pub(super) fn linux(facts: &Facts) -> Check {
    let machine = &facts.machine;
    if let Some(why) = &machine.unreadable {
        let check = Check::missing("linux", format!("/proc cannot be read ({why})"));
        return check.fix(as_root("mount -t proc proc /proc", &facts.installer));
    }
    let mut numbers = machine
        .kernel
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    let version: Option<(u32, u32)> = numbers.next().zip(numbers.next());
    match version {
        Some(version) if version < KERNEL => {
            let (major, minor) = KERNEL;
            let detail = format!("kernel {}, and {major}.{minor} is needed", machine.kernel);
            Check::missing("linux", detail)
        }
        _ => Check::ok(
            "linux",
            format!("kernel {}, /proc can be read", machine.kernel),
        ),
    }
}

pub(super) fn open_files(facts: &Facts) -> Check {
    let (soft, hard) = facts.machine.open_files;
    let shown = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), grouped);
    let detail = format!("{} a process (hard limit: {})", shown(soft), shown(hard));
    if soft.is_none_or(|soft| soft >= LOW_OPEN_FILES) {
        return Check::ok("open files", detail);
    }
    let check = Check::warning("open files", detail);
    match hard {
        Some(hard) if hard < LOW_OPEN_FILES => {
            check.words("raise `nofile` in /etc/security/limits.conf, then log in again")
        }
        _ => check.command("ulimit -n 4096"),
    }
}

pub(super) fn inotify(facts: &Facts) -> Vec<Check> {
    let mut checks = Vec::new();
    let raise = |key: &str, to: u64| as_root(&format!("sysctl {key}={to}"), &facts.installer);
    if let Some(limit) = facts.machine.watches {
        let used = format!(
            "{} allowed, {} in use",
            grouped(limit.allowed),
            grouped(limit.used)
        );
        let detail = match &facts.project {
            Some(project) => {
                let folders = counted_number(project.watched, "folder", "folders");
                format!("{folders} to watch; {used}")
            }
            None => used,
        };
        checks.push(match watches_wanted(facts) {
            None => Check::ok("file watches", detail),
            Some(to) => Check::warning("file watches", format!("{detail}; the rest is polled"))
                .fix(raise(WATCHES_KEY, to)),
        });
    }
    if let (Some(limit), Some(to)) = (facts.machine.instances, instances_wanted(facts)) {
        let detail = format!(
            "{} watching programs allowed, {} in use; without one, files are polled",
            grouped(limit.allowed),
            grouped(limit.used)
        );
        checks.push(Check::warning("watchers", detail).fix(raise(INSTANCES_KEY, to)));
    }
    checks
}

fn wanted(limit: Limit, needed: u64, least: u64) -> Option<u64> {
    let sum = limit.used.saturating_add(needed);
    // Twice the need, so that the next checkout does not ask again.
    (sum > limit.allowed).then(|| least.max(sum.saturating_mul(2).next_power_of_two()))
}

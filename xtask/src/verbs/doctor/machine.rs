//! Reads the kernel's side: `/proc`, limits, and what could install something.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hob_engine::machine::{processes, tools};
use rustix::process::{Resource, getrlimit};

use super::docker::SYSTEMD;
use super::facts::{Installer, Limit, Machine};

/// What hob reads of `/proc`; its end is what is said of it.
const READ: &[&str] = &["/proc/self/stat", "/proc/self/environ", "/proc/net/tcp"];

/// Where apt keeps its index.
const LISTS: &str = "/var/lib/apt/lists";

pub fn machine(uid: u32) -> Machine {
    let limits = getrlimit(Resource::Nofile);
    let used = inotify(uid);
    let limit = |name: &str, used: u64| {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        let allowed = text.trim().parse().ok()?;
        Some(Limit { allowed, used })
    };
    Machine {
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        unreadable: READ.iter().find_map(|path| {
            let error = fs::read(path).err()?;
            Some(format!("{path}: {error}"))
        }),
        open_files: (limits.current, limits.maximum),
        watches: limit("max_user_watches", used.watches),
        instances: limit("max_user_instances", used.instances),
    }
}

pub fn installer(environment: &BTreeMap<String, String>, uid: u32) -> Installer {
    let path = environment.get("PATH");
    let path = tools::path_with_system(path).or_else(|| path.cloned());
    let there = |program| which::which_in(program, path.as_ref(), "/").is_ok();
    Installer {
        root: uid == 0,
        sudo: there("sudo"),
        apt: there("apt-get"),
        index: has_index(Path::new(LISTS)),
        sysctl: there("sysctl"),
        systemd: Path::new(SYSTEMD).is_dir(),
    }
}

/// Whether there is any list of packages; a fresh image has none.
fn has_index(lists: &Path) -> bool {
    let entries = fs::read_dir(lists).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .any(|name| name.contains("_Packages"))
}

#[derive(Default)]
struct Used {
    instances: u64,
    watches: u64,
}

/// What this user's processes have of inotify's limits, as far as `/proc`
/// shows them (proc_pid_fdinfo(5): one line `inotify wd:…` a watch).
fn inotify(uid: u32) -> Used {
    let mut used = Used::default();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids.filter(|pid| processes::owner(*pid) == Some(uid)) {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        for descriptor in descriptors.into_iter().flatten().flatten() {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            if target != Path::new("anon_inode:inotify") {
                continue;
            }
            let number = descriptor.file_name();
            let info = Path::new("/proc")
                .join(pid.to_string())
                .join("fdinfo")
                .join(number);
            let text = fs::read_to_string(info).unwrap_or_default();
            let watches = text.lines().filter(|line| line.starts_with("inotify wd:"));
            used.instances += 1;
            used.watches += u64::try_from(watches.count()).unwrap_or(u64::MAX);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_there_once_a_list_of_packages_is() {
        let lists = tempfile::tempdir().expect("a folder");
        assert!(!has_index(&lists.path().join("missing")));
        fs::File::create_new(lists.path().join("lock")).expect("a file");
        assert!(!has_index(lists.path()));
        let list = "mirror_debian_dists_stable_main_binary-amd64_Packages.lz4";
        fs::File::create_new(lists.path().join(list)).expect("a file");
        assert!(has_index(lists.path()));
    }

    #[test]
    fn what_this_machine_says_can_be_read() {
        let machine = machine(rustix::process::getuid().as_raw());
        assert_eq!(machine.unreadable, None);
        assert!(machine.kernel.contains('.'), "{}", machine.kernel);
        assert!(machine.watches.is_some_and(|limit| limit.allowed > 0));
    }
}

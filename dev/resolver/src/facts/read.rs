//! Looks below a root folder: `/` for real, a folder of a test's own else.
//! What is not there, or not to be read, is a fact, too.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use hob_changes::{below, entry};

use super::{
    Facts, Inside, Link, Listener, NetworkManager, ResolvConf, Resolved, System, candidates, words,
};
use crate::domain::Domain;
use crate::install::LINK;
use crate::record::Record;

/// What is to be looked for, and what others have found.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The system.
    pub system: System,
    /// The domains that are meant.
    pub domains: BTreeSet<Domain>,
    /// What hob noted of its own changes.
    pub record: Option<Record>,
    /// Who listens for DNS on loopback.
    pub listeners: Vec<Listener>,
}

/// Linux keeps fifteen bytes of a process's name; see proc_pid_comm(5).
const RESOLVED: &str = "systemd-resolve";
const NETWORK_MANAGER: &str = "NetworkManager";

impl Facts {
    /// Looks at all of it.
    #[must_use]
    pub fn read(root: &Path, asked: Asked) -> Self {
        let text = |path: &str| fs::read_to_string(below(root, Path::new(path))).ok();
        let there = |path: &str| below(root, Path::new(path)).exists();
        let processes = processes(root);
        let runs = |name: &str| processes.contains(name);
        let (links, links_hidden) = links(root);
        let mut paths = candidates(&asked.domains);
        paths.extend(asked.record.iter().flat_map(Record::paths));
        let parents = paths.iter().flat_map(|path| path.ancestors().skip(1));
        let folders = parents.filter(|path| below(root, path).is_dir());
        Self {
            system: asked.system,
            systemd: there("/run/systemd/system"),
            inside: inside(root),
            resolv_conf: resolv_conf(root),
            resolved: Resolved {
                installed: ["/usr/lib/systemd", "/lib/systemd"]
                    .iter()
                    .any(|folder| there(&format!("{folder}/systemd-resolved"))),
                running: runs(RESOLVED),
                version: version(root),
            },
            network_manager: NetworkManager {
                running: runs(NETWORK_MANAGER),
                dns: network_manager_dns(root),
            },
            hosts: words::hosts(&text("/etc/nsswitch.conf").unwrap_or_default()),
            links,
            links_hidden,
            listeners: asked.listeners,
            folders: folders.map(Path::to_owned).collect(),
            entries: paths
                .into_iter()
                .map(|path| {
                    let entry = entry(&below(root, &path));
                    (path, entry)
                })
                .collect(),
            record: asked.record,
        }
    }
}

/// A link is made absolute, and nothing outside of the root is read.
fn resolv_conf(root: &Path) -> ResolvConf {
    const PATH: &str = "/etc/resolv.conf";
    let mountinfo = fs::read_to_string(below(root, Path::new("/proc/self/mountinfo")));
    let mut path = PathBuf::from(PATH);
    let mut link = None;
    // As many as the kernel would follow; see path_resolution(7).
    for _ in 0..40 {
        let Ok(target) = fs::read_link(below(root, &path)) else {
            break;
        };
        path = clean(&path.parent().unwrap_or(&path).join(target));
        link.get_or_insert_with(|| path.clone());
    }
    ResolvConf {
        link,
        text: fs::read(below(root, &path))
            .ok()
            .map(|text| String::from_utf8_lossy(&text).into_owned()),
        mounted: mountinfo.is_ok_and(|text| words::mounted(&text, PATH)),
    }
}

/// Without `..`, as the text has it: none of the folders in between is a link
/// where these files lie.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

fn inside(root: &Path) -> Option<Inside> {
    let there = |path: &str| below(root, Path::new(path)).exists();
    let release = below(root, Path::new("/proc/sys/kernel/osrelease"));
    let release = fs::read_to_string(release).unwrap_or_default();
    if release.to_ascii_lowercase().contains("microsoft") {
        return Some(Inside::Wsl);
    }
    let container = there("/.dockerenv") || there("/run/.containerenv");
    container.then_some(Inside::Container)
}

/// The names of all processes.
fn processes(root: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(below(root, Path::new("/proc")));
    let entries = entries.into_iter().flatten().flatten();
    let names = entries.filter_map(|it| fs::read_to_string(it.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// The newest, where several are there while they are exchanged.
fn version(root: &Path) -> Option<u32> {
    let fixed = ["/usr/lib/systemd", "/usr/lib64/systemd", "/lib/systemd"];
    let mut folders: Vec<PathBuf> = fixed.iter().map(|it| below(root, Path::new(it))).collect();
    let multiarch = fs::read_dir(below(root, Path::new("/usr/lib")));
    let multiarch = multiarch.into_iter().flatten().flatten();
    folders.extend(
        multiarch
            .filter(|it| it.file_name().to_string_lossy().contains("-linux-"))
            .map(|it| it.path().join("systemd")),
    );
    let files = folders
        .iter()
        .flat_map(|it| fs::read_dir(it).into_iter().flatten().flatten());
    files
        .filter_map(|it| words::version(&it.file_name().to_string_lossy()))
        .max()
}

/// In the order of NetworkManager.conf(5): what packages bring, what was
/// written for this run, the file itself, and what the machine's owner adds.
fn network_manager_dns(root: &Path) -> Option<String> {
    let confs = |folder: &str| {
        let entries = fs::read_dir(below(root, Path::new(folder)));
        let entries = entries.into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|it| it.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|it| it == "conf"));
        paths.sort();
        paths
    };
    let mut files = confs("/usr/lib/NetworkManager/conf.d");
    files.extend(confs("/run/NetworkManager/conf.d"));
    files.push(below(
        root,
        Path::new("/etc/NetworkManager/NetworkManager.conf"),
    ));
    files.extend(confs("/etc/NetworkManager/conf.d"));
    let texts = files.iter().filter_map(|it| fs::read_to_string(it).ok());
    texts
        .filter_map(|text| words::ini(&text, "main", "dns"))
        .next_back()
}

/// What resolved was told of links, and what networkd's files say of them;
/// hob's own is left out. True when some of it is closed to this user.
fn links(root: &Path) -> (Vec<Link>, bool) {
    let mut links: Vec<Link> = Vec::new();
    let mut hidden = false;
    for folder in ["/run/systemd/resolve/netif", "/run/systemd/netif/links"] {
        let entries = match fs::read_dir(below(root, Path::new(folder))) {
            Ok(entries) => entries,
            Err(error) => {
                hidden |= error.kind() == ErrorKind::PermissionDenied;
                continue;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|it| it.path()).collect();
        paths.sort();
        for path in paths {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    hidden |= error.kind() == ErrorKind::PermissionDenied;
                    continue;
                }
            };
            let (servers, domains) = words::link(&text);
            let index = path.file_name().unwrap_or_default().to_string_lossy();
            let name = link_name(root, &index);
            if name == LINK || (servers.is_empty() && domains.is_empty()) {
                continue;
            }
            let link = Link {
                name,
                servers,
                domains,
            };
            if !links.contains(&link) {
                links.push(link);
            }
        }
    }
    (links, hidden)
}

/// The name of the link with a number; see sysfs(5).
fn link_name(root: &Path, index: &str) -> String {
    let entries = fs::read_dir(below(root, Path::new("/sys/class/net")));
    let mut entries = entries.into_iter().flatten().flatten();
    let found = entries.find(|it| {
        let said = fs::read_to_string(it.path().join("ifindex"));
        said.is_ok_and(|said| said.trim() == index)
    });
    found.map_or_else(
        || format!("link {index}"),
        |it| it.file_name().to_string_lossy().into_owned(),
    )
}

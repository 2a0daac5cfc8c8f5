//! Namespaces of a test's own, and the programs that it finds in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Says that this program is in the namespaces already.
const INSIDE: &str = "HOB_RESOLVER_TEST_INSIDE";
/// What a test puts in a program's place, below a `/run` of its own.
pub const STAND_INS: &str = "/run/hob-stand-ins";

/// Runs a test in namespaces of its own: it starts this program again there,
/// for this test alone.
pub fn inside(test: &str, act: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return act();
    }
    missing();
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--fork", "--mount-proc"]);
    command.arg("--kill-child");
    if !root {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .env("PATH", path())
        .env("LD_LIBRARY_PATH", libraries())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "in its namespaces:\n{}{}",
        said(&output.stdout),
        said(&output.stderr)
    );
    assert!(said(&output.stdout).contains("1 passed"));
}

/// The programs of what was unpacked are found first, also by hob's own
/// commands; before them what a test puts in their place.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let root = resolved().unwrap();
    let bin = root.join("usr/bin");
    format!("{STAND_INS}:{}:{path}:/usr/sbin:/sbin", bin.display())
}

/// Where the libraries of what was unpacked lie.
fn libraries() -> String {
    let before = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
    let root = unpacked().join("usr/lib");
    let entries = fs::read_dir(&root).into_iter().flatten().flatten();
    let folders = entries.filter(|it| it.file_name().to_string_lossy().contains("-linux-"));
    let mut all: Vec<String> = folders
        .flat_map(|it| [it.path().join("systemd"), it.path()])
        .map(|it| it.display().to_string())
        .collect();
    all.extend(Some(before).filter(|it| !it.is_empty()));
    all.join(":")
}

/// Where a systemd-resolved lies that was unpacked and not installed.
fn unpacked() -> PathBuf {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/resolved");
    std::env::var_os("HOB_RESOLVED").map_or_else(|| here.into(), PathBuf::from)
}

/// The folder below which resolved's files lie: unpacked or the machine's.
pub fn resolved() -> Option<PathBuf> {
    let mut roots = vec![unpacked(), PathBuf::from("/")];
    roots.retain(|it| it.join("usr/bin/resolvectl").exists() && program(it).exists());
    roots.into_iter().next()
}

pub fn program(root: &Path) -> PathBuf {
    let usr = root.join("usr/lib/systemd/systemd-resolved");
    if usr.exists() {
        return usr;
    }
    root.join("lib/systemd/systemd-resolved")
}

/// Says what is not there, and what brings it.
fn missing() {
    let needed = [
        ("dnsmasq", "dnsmasq-base"),
        ("dig", "bind9-dnsutils"),
        ("dbus-daemon", "dbus-daemon"),
        ("ip", "iproute2"),
        ("unshare", "util-linux"),
    ];
    let packages: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    let packages = packages.join(" ");
    assert!(
        packages.is_empty(),
        "`sudo apt-get install --no-install-recommends {packages}` brings what this test needs"
    );
    // Its installation would take over this machine's names.
    let folder = unpacked();
    let folder = folder.display();
    assert!(
        resolved().is_some(),
        "`mkdir -p {folder} && cd {folder} && \
         apt-get download systemd-resolved libsystemd-shared && \
         for it in *.deb; do dpkg -x $it .; done` brings systemd-resolved, without installing it"
    );
}

fn is_there(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    let mut places = folders.map(|it| Path::new(it).join(program));
    places.any(|it| it.is_file())
}

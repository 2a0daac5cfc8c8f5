//! [`Ground`]: a machine of a test's own, with the real programs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::namespaces::{STAND_INS, program, resolved};
use hob_platform::{
    Announced, AnnouncedService, Speaks, check, dnsmasq_conf, hosts, servers, wildcards_conf,
};

/// Where hob's resolver listens.
pub const HOB: &str = "127.0.0.1:5354";
/// A name that hob's resolver knows, and one that the network's does.
pub const OURS: &str = "api.shop.test";
pub const OTHER: &str = "www.example.org";
/// A user's own namespaces have no other user to become, which dnsmasq would.
const STAY: &str = "no-daemon\n";
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The machine.
pub struct Ground {
    folder: tempfile::TempDir,
    root: PathBuf,
    children: Vec<Child>,
    resolved: Option<Child>,
}

impl Ground {
    /// With an uplink, whose server knows one name; nothing is installed.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("hob-").tempdir().unwrap();
        // dnsmasq and resolved may be other users.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = resolved().unwrap();
        let mut ground = Self {
            folder,
            root,
            children: Vec::new(),
            resolved: None,
        };
        ground.etc();
        ground.network();
        ground.bus();
        ground.uplinks_server();
        ground.hobs();
        ground.start_resolved();
        ground.run(&["resolvectl", "dns", "up0", "10.9.0.1"]);
        until("resolved asks the uplink's server", || {
            ground.dig(OTHER) == "10.9.0.7"
        });
        ground
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A few files of this machine, none of which is written through.
    fn etc(&self) {
        let etc = self.folder().join("etc");
        fs::create_dir(&etc).unwrap();
        for file in ["passwd", "group", "ld.so.cache", "hosts"] {
            let _ = fs::copy(Path::new("/etc").join(file), etc.join(file));
        }
        let passwd = "\nsystemd-resolve:x:0:0::/:/usr/sbin/nologin\n";
        append(&etc.join("passwd"), passwd);
        append(&etc.join("group"), "\nsystemd-resolve:x:0:\n");
        fs::write(etc.join("nsswitch.conf"), "hosts: files dns\n").unwrap();
        fs::create_dir_all(etc.join("systemd/system/multi-user.target.wants")).unwrap();
        let stub = "../run/systemd/resolve/stub-resolv.conf";
        symlink(stub, etc.join("resolv.conf")).unwrap();
        let bus = self.folder().join("bus.conf");
        fs::write(bus, BUS).unwrap();
        self.run(&["mount", "--make-rprivate", "/"]);
        self.run(&["mount", "--bind", &etc.display().to_string(), "/etc"]);
        self.run(&["mount", "-t", "tmpfs", "tmpfs", "/run"]);
        // That of this machine shows the links of this machine.
        self.run(&["mount", "-t", "sysfs", "sysfs", "/sys"]);
        fs::create_dir_all("/run/systemd/resolve").unwrap();
        fs::create_dir_all("/run/dbus").unwrap();
    }

    fn network(&self) {
        let script = "ip link set lo up; ip link add up0 type veth peer name up1; \
                      ip address add 10.9.0.1/24 dev up0; ip link set up1 up; ip link set up0 up";
        self.run(&["sh", "-ec", script]);
    }

    fn bus(&mut self) {
        let conf = format!("--config-file={}", self.folder().join("bus.conf").display());
        self.start(&["dbus-daemon", &conf, "--nofork", "--nopidfile"], "bus");
        until("the bus is there", || {
            Path::new("/run/dbus/system_bus_socket").exists()
        });
    }

    fn uplinks_server(&mut self) {
        let conf = self.folder().join("up.conf");
        let text =
            format!("no-resolv\nno-hosts\nbind-interfaces\naddress=/{OTHER}/10.9.0.7\n{STAY}");
        fs::write(&conf, text).unwrap();
        let conf = format!("--conf-file={}", conf.display());
        let address = "--listen-address=10.9.0.1";
        let facility = "--log-facility=-";
        self.start(
            &[
                "dnsmasq",
                "--keep-in-foreground",
                facility,
                "--pid-file=",
                &conf,
                address,
            ],
            "up",
        );
    }

    /// As hob's service starts it, with its own script and configuration.
    fn hobs(&mut self) {
        let names = self.folder().join("names");
        fs::create_dir_all(names.join("hosts")).unwrap();
        let announced = Announced {
            root: "/p".into(),
            domains: BTreeSet::from(["test".to_owned()]),
            services: vec![AnnouncedService {
                stack: "shop".into(),
                service: "api".into(),
                names: BTreeMap::from([("api".to_owned(), 100)]),
                addr: "127.0.0.1:20010".parse().unwrap(),
                speaks: Speaks::Http,
                version: "1".into(),
            }],
            ..Announced::default()
        };
        fs::write(names.join("hosts/p"), hosts(&announced)).unwrap();
        let (all, sent) = (&[announced], &BTreeSet::new());
        let (host, port) = HOB.split_once(':').unwrap();
        let number = port.parse().unwrap();
        fs::write(names.join("hosts/check"), check(all, sent)).unwrap();
        fs::write(names.join("servers"), servers(all, sent, number)).unwrap();
        // What it is asked is what the tests are about.
        fs::write(
            names.join("dnsmasq.conf"),
            dnsmasq_conf() + "log-queries\n" + STAY,
        )
        .unwrap();
        let wildcards = wildcards_conf(number) + STAY;
        fs::write(names.join("wildcards.conf"), wildcards).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../images/dns/serve.sh");
        let mut command = Command::new("sh");
        command.arg(script).env("MOUNT_NAMES", &names);
        command.env("HOST", host).env("PORT", port);
        self.spawn(command, "hob");
        until("hob's resolver answers", || {
            self.dig_at(&["-p", port, "@127.0.0.1"], OURS) == "127.0.0.1"
        });
    }

    fn start_resolved(&mut self) {
        let mut command = Command::new(program(&self.root));
        command.stdout(Stdio::null()).stderr(self.log("resolved"));
        self.resolved = Some(command.spawn().unwrap());
        until("resolved is on the bus", || {
            let output = self.command(&["resolvectl", "status"]).output().unwrap();
            output.status.success()
        });
    }

    pub fn restart_resolved(&mut self) {
        let mut resolved = self.resolved.take().unwrap();
        let pid = resolved.id().to_string();
        self.run(&["kill", "-TERM", &pid]);
        resolved.wait().unwrap();
        self.start_resolved();
    }

    /// Says that systemd runs, and puts a program where `systemctl` is looked
    /// for that runs what stands in a unit.
    pub fn stand_in_for_systemd(&self) {
        fs::create_dir_all("/run/systemd/system").unwrap();
        fs::create_dir_all(STAND_INS).unwrap();
        let program = Path::new(STAND_INS).join("systemctl");
        fs::write(&program, SYSTEMCTL).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The uplink is a VPN's that has this domain.
    pub fn claims(&self, domain: &str) {
        self.run(&["resolvectl", "domain", "up0", &format!("~{domain}")]);
        until("resolved has noted it", || {
            let mut files = fs::read_dir("/run/systemd/resolve/netif")
                .unwrap()
                .flatten();
            files.any(|it| fs::read_to_string(it.path()).unwrap().contains(domain))
        });
    }

    pub fn uplink(&self, how: &str) {
        self.run(&["ip", "link", "set", "up0", how]);
        until("resolved has heard of it", || {
            let status = self.command(&["resolvectl", "dns", "up0"]).output();
            let scopes = self.command(&["resolvectl", "status", "up0"]).output();
            let scopes = String::from_utf8(scopes.unwrap().stdout).unwrap();
            status.unwrap().status.success() && scopes.contains("Scopes: DNS") == (how == "up")
        });
    }

    /// The first address of a name, or why there is none.
    pub fn dig(&self, name: &str) -> String {
        self.run(&["resolvectl", "flush-caches"]);
        self.dig_at(&["@127.0.0.53"], name)
    }

    fn dig_at(&self, at: &[&str], name: &str) -> String {
        let mut argv = vec![
            "dig",
            "+tries=1",
            "+time=5",
            "+noall",
            "+answer",
            "+comments",
        ];
        argv.extend(at);
        argv.push(name);
        let output = self.command(&argv).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answer = text.lines().find(|it| it.starts_with(name));
        let status = || text.split("status: ").nth(1)?.split(',').next();
        let last = answer.and_then(|it| it.split_whitespace().last());
        last.or_else(status).unwrap_or(&text).to_owned()
    }

    pub fn getent(&self, name: &str) -> String {
        let output = self
            .command(&["getent", "ahostsv4", name])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn resolvectl(&self, name: &str) -> String {
        let output = self
            .command(&["resolvectl", "query", name])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What resolved says of its servers and domains, but for which one it
    /// asked last, and for the scopes, which follow the link's addresses.
    pub fn state(&self) -> String {
        let output = self.command(&["resolvectl", "status"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter(|it| !it.contains("Current "));
        // The width of its columns follows from that line.
        let lines: Vec<&str> = lines.map(str::trim).collect();
        lines.join("\n")
    }

    pub fn links(&self) -> String {
        let output = self.command(&["ip", "-brief", "link"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Forgets what hob's resolver was asked until now.
    pub fn forget(&self) {
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.folder().join("hob.log"))
            .unwrap();
    }

    /// What it was asked since.
    pub fn asked_at_hob(&self) -> String {
        let text = fs::read_to_string(self.folder().join("hob.log")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|it| it.contains("query[")).collect();
        lines.join("\n")
    }

    fn command(&self, argv: &[&str]) -> Command {
        let mut command = Command::new(argv[0]);
        command.args(&argv[1..]);
        command
    }

    fn run(&self, argv: &[&str]) {
        let output = self.command(argv).output().unwrap();
        assert!(output.status.success(), "{argv:?}: {output:?}");
    }

    fn log(&self, name: &str) -> fs::File {
        let path = self.folder().join(format!("{name}.log"));
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(path).unwrap()
    }

    fn start(&mut self, argv: &[&str], name: &str) {
        let command = self.command(argv);
        self.spawn(command, name);
    }

    fn spawn(&mut self, mut command: Command, name: &str) {
        command.stdout(self.log(name)).stderr(self.log(name));
        self.children.push(command.spawn().unwrap());
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder().join("resolved.log"));
            eprintln!("resolved said:\n{}", log.unwrap_or_default());
        }
        for mut child in self
            .resolved
            .take()
            .into_iter()
            .chain(self.children.drain(..))
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What is mounted there would be in the way of removing the folder.
        let _ = Command::new("umount").arg("/etc").status();
    }
}

/// All that is in a folder, to the byte.
pub fn disk(folder: &str) -> BTreeMap<PathBuf, String> {
    let mut disk = BTreeMap::new();
    let mut next = vec![PathBuf::from(folder)];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.permissions().mode();
            let what = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                next.push(path.clone());
                format!("{mode:o}")
            } else {
                format!("{mode:o} {:?}", fs::read(&path).unwrap())
            };
            disk.insert(path, what);
        }
    }
    disk
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, before.trim_end().to_owned() + text).unwrap();
}

/// Waits for something to be so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "after {LIMIT:?} not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A bus on which everybody may do everything.
const BUS: &str = r#"<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"#;

/// What `restart` and `stop` of a unit come to, as systemd.service(5) has it.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
line() { sed -n "s/^$1=\/bin\/sh -[ec]* \"\(.*\)\"$/\1/p" "/etc/systemd/system/$2"; }
case $1 in
    daemon-reload) ;;
    restart) sh -ec "$(line ExecStart "$2")" ;;
    stop) sh -c "$(line ExecStop "$2")" ;;
    *) exit 1 ;;
esac
"#;

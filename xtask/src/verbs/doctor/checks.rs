//! From [`Facts`] to [`Check`]s: what is good, what is worth a warning, what
//! is missing, and what to type. Pure.

mod docker;

use console::measure_text_width;
use hob_engine::typed;

use super::facts::{
    Docker, Facts, Folder, Found, Held, Installer, Leftovers, Limit, Need, Program, Silence, Stacks,
};
use super::words::{bytes, counted, counted_number, grouped, listed};

/// Below this much room a build or a log may fail: a Go build cache alone
/// grows to a gigabyte.
const LOW_BYTES: u64 = 1 << 30;
/// Below this many files that can still be made, the same.
const LOW_FILES: u64 = 10_000;
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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A program, `port 20010`, `state folder`.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found, in one line.
    pub detail: String,
    /// What mends it.
    pub fix: Option<Fix>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Good.
    Ok,
    /// Needed, and not there or not usable.
    Missing,
    /// Worth knowing; hob works without.
    Warning,
}

/// What mends something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// A command to type.
    Command(String),
    /// Words; what to type in them stands in backticks.
    Words(String),
}

impl Check {
    fn new(name: impl Into<String>, state: State, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), detail.into());
        Self {
            name,
            state,
            detail,
            fix: None,
        }
    }

    fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Ok, detail)
    }

    fn warning(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Warning, detail)
    }

    fn missing(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(name, State::Missing, detail)
    }

    fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    fn command(self, command: impl Into<String>) -> Self {
        self.fix(Fix::Command(command.into()))
    }

    fn words(self, words: impl Into<String>) -> Self {
        self.fix(Fix::Words(words.into()))
    }
}

/// Everything that was looked at, in the order to read it in.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![linux(facts), open_files(facts)];
    checks.extend(inotify(facts));
    checks.extend(facts.folders.iter().map(folder));
    if let Some(why) = &facts.homeless {
        checks.push(Check::missing("state folder", why).command("export HOME=/your/home"));
    }
    checks.push(stacks(facts.project.as_ref()));
    let docker = facts.docker.as_ref();
    checks.extend(docker.map(|it| docker::check(it, &facts.installer)));
    checks.extend(
        facts
            .programs
            .iter()
            .map(|it| program(it, &facts.installer)),
    );
    if let Some(project) = &facts.project {
        checks.extend(of_services(project, docker));
    }
    checks.extend(facts.ports.iter().map(port));
    checks.extend(facts.leftovers.iter().map(leftovers));
    checks
}

/// The programs that are not there.
pub fn absent(facts: &Facts) -> impl Iterator<Item = &Program> {
    facts
        .programs
        .iter()
        .filter(|program| program.path.is_none())
}

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

/// Whether the Docker engine is missing that somebody has a use for.
pub fn is_installable(facts: &Facts) -> bool {
    facts.installer.apt && silent(facts).is_some_and(|docker| !docker.installed)
}

/// This machine's own Docker engine, where somebody has a use for it and it
/// does not run.
pub fn silent(facts: &Facts) -> Option<&Docker> {
    let docker = facts.docker.as_ref()?;
    let ours = matches!(
        docker.found,
        Found::Silent {
            ours: true,
            why: Silence::NotThere,
            ..
        }
    );
    (ours && docker.need != Need::Nobody).then_some(docker)
}

fn wanted(limit: Limit, needed: u64, least: u64) -> Option<u64> {
    let sum = limit.used.saturating_add(needed);
    // Twice the need, so that the next checkout does not ask again.
    (sum > limit.allowed).then(|| least.max(sum.saturating_mul(2).next_power_of_two()))
}

fn linux(facts: &Facts) -> Check {
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

fn open_files(facts: &Facts) -> Check {
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

fn inotify(facts: &Facts) -> Vec<Check> {
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

fn folder(folder: &Folder) -> Check {
    let path = folder.path.display();
    let there = folder.there.display();
    let elsewhere = format!("export {}=/a/folder/of/yours", folder.variable);
    if let Some(owner) = folder.foreign {
        let detail = format!("{path} belongs to user {owner}: hob will not use it");
        return Check::missing(folder.name, detail).command(elsewhere);
    }
    if !folder.writable {
        let detail = format!("{path}: {there} cannot be written to");
        return Check::missing(folder.name, detail).command(elsewhere);
    }
    if folder.noexec && folder.name == "state folder" {
        let detail = format!("{path}: what is built there cannot run ({there} is mounted noexec)");
        return Check::missing(folder.name, detail).command(elsewhere);
    }
    let mut detail = format!("{path}, {} free", bytes(folder.free_bytes));
    let mut low = folder.free_bytes < LOW_BYTES;
    if let Some(files) = folder.free_files.filter(|files| *files < LOW_FILES) {
        low = true;
        detail.push_str(&format!(", room for only {} files", grouped(files)));
    }
    if let Some(note) = &folder.note {
        detail.push_str(&format!(" ({note})"));
    }
    match low {
        true => {
            Check::warning(folder.name, detail).command(format!("df -h {there}; df -i {there}"))
        }
        false => Check::ok(folder.name, detail),
    }
}

fn stacks(project: Option<&Stacks>) -> Check {
    let Some(project) = project else {
        let detail = "no folder `stacks` here or above: only this machine was checked";
        return Check::warning("project", detail)
            .words("go to a project, or name it: `--project DIR`");
    };
    let root = project.root.display();
    let errors = counted(project.errors, "error", "errors");
    let warnings = counted(project.warnings, "warning", "warnings");
    match (project.errors, project.warnings) {
        (0, 0) => {
            let services = counted(project.services.len(), "service", "services");
            Check::ok("stack files", format!("{services} of {root}, no mistake"))
        }
        (0, _) => Check::warning("stack files", warnings).command("hob check"),
        (_, 0) => Check::warning("stack files", errors).command("hob check"),
        _ => Check::warning("stack files", format!("{errors}, {warnings}")).command("hob check"),
    }
}

fn program(program: &Program, installer: &Installer) -> Check {
    if let Some(path) = &program.path {
        let path = path.display();
        return Check::ok(
            &program.name,
            match &program.version {
                Some(version) => format!("{path}: {version}"),
                None => path.to_string(),
            },
        );
    }
    let fix = match &program.package {
        Some(package) => installing(package, installer),
        None => Fix::Words(format!(
            "put `{0}` on the `PATH`, or name what brings it: `packages = {{ {0} = \"…\" }}`",
            program.name
        )),
    };
    let users: Vec<&str> = program.users.iter().map(String::as_str).collect();
    if users.is_empty() {
        return Check::warning(&program.name, "not installed").fix(fix);
    }
    let verb = if users.len() == 1 { "calls" } else { "call" };
    let detail = format!("not installed; {} {verb} it", listed(&users));
    Check::missing(&program.name, detail).fix(fix)
}

fn installing(package: &str, installer: &Installer) -> Fix {
    if installer.apt {
        as_root(&format!("apt-get install {package}"), installer)
    } else {
        Fix::Words(format!(
            "install it with this system's package manager; Debian's package is `{package}`"
        ))
    }
}

fn of_services(project: &Stacks, docker: Option<&Docker>) -> Vec<Check> {
    let mut checks = Vec::new();
    if !project.file_services.is_empty() {
        let services = listed(&project.file_services);
        checks.push(Check::ok(
            "nginx",
            match &project.nginx {
                Some(version) => format!("{version}; it serves the files of {services}"),
                None => {
                    format!("not installed, not needed: hob itself serves the files of {services}")
                }
            },
        ));
    }
    for (variable, services) in &project.unset {
        let verb = if services.len() == 1 { "takes" } else { "take" };
        let detail = format!("not set; {} {verb} a secret from it", listed(services));
        checks.push(Check::missing(variable, detail).command(format!("export {variable}=…")));
    }
    let containers = docker.is_some_and(|it| matches!(it.found, Found::Answers { .. }));
    let stranded = project.image_only.iter().filter(|_| !containers);
    for service in stranded {
        let detail = "only its image can run it, and there are no containers on this engine";
        checks.push(
            Check::warning(service, detail)
                .words("give it `build` and `run`, or `serve`, to run it without"),
        );
    }
    checks
}

fn port(port: &super::facts::Port) -> Check {
    let number = port.address.rsplit(':').next().unwrap_or_default();
    let name = format!("port {number}");
    match &port.held {
        Held::Free => Check::ok(name, format!("free, for {}", port.service)),
        Held::Ours(service) if *service == port.service => {
            Check::ok(name, format!("{service} has it"))
        }
        Held::Ours(service) => {
            let detail = format!("{} is to have it, and {service} does", port.service);
            Check::warning(name, detail).command(format!("hob down {service}"))
        }
        Held::Foreign(who, hint) => {
            let detail = format!("{} is to have it, and {who} does", port.service);
            let check = Check::warning(name, detail);
            match hint {
                Some(hint) => check.words(hint),
                None => check,
            }
        }
    }
}

fn leftovers(left: &Leftovers) -> Check {
    let root = left.root.display();
    let processes = counted(left.processes, "process", "processes");
    if left.there {
        return Check::warning(
            "leftovers",
            format!("{processes} of {root} without an agent"),
        )
        .command(format!("hob down --project {}", typed(&left.root)));
    }
    let gone = format!("{root} is gone");
    let files = left.others + left.volumes;
    let detail = match (left.processes, files) {
        (0, _) if left.others == 0 => format!(
            "{gone}; it left {} of kept data",
            counted(left.volumes, "volume", "volumes")
        ),
        (0, _) => format!("{gone}; it left {}", counted(files, "file", "files")),
        (_, 0) => format!("{gone}; it left {processes}"),
        _ => format!(
            "{gone}; it left {processes} and {}",
            counted(files, "file", "files")
        ),
    };
    let check = Check::warning("leftovers", detail);
    if left.processes == 0 && left.others == 0 {
        return check.command(format!("rm -r {}", left.state.display()));
    }
    if left.root.as_os_str().is_empty() {
        return check.words("`hob down --all` ends it, and all other projects of yours");
    }
    check.command(format!("hob down --project {}", typed(&left.root)))
}

/// A command of root's as this user types it.
fn as_root(command: &str, installer: &Installer) -> Fix {
    match (installer.root, installer.sudo) {
        (true, _) => Fix::Command(command.to_owned()),
        (false, true) => Fix::Command(format!("sudo {command}")),
        (false, false) => Fix::Words(format!("as root: `{command}`")),
    }
}

impl Check {
    /// The columns of its name.
    pub fn width(&self) -> usize {
        measure_text_width(&self.name)
    }
}

#[cfg(test)]
mod tests;

//! From [`Facts`] to [`Check`]s: what is good, what is worth a warning, what
//! is missing, and what to type. Pure.

mod certificates;
mod docker;
mod machine;
mod names;
mod project;
mod surroundings;

use console::measure_text_width;

pub use self::machine::{INSTANCES_KEY, WATCHES_KEY, instances_wanted, watches_wanted};
use self::machine::{inotify, linux, open_files};
use self::project::{leftovers, of_services, port, stacks};
use super::facts::{Docker, Facts, Folder, Found, Installer, Need, Program, Silence};
use super::words::{bytes, grouped, listed};

/// Below this much room a build or a log may fail: a Go build cache alone
/// grows to a gigabyte.
const LOW_BYTES: u64 = 1 << 30;
/// Below this many files that can still be made, the same.
const LOW_FILES: u64 = 10_000;

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
    checks.extend(facts.exposed.iter().map(surroundings::exposed));
    checks.extend(facts.own.iter().map(surroundings::own));
    checks.extend(facts.shadowed.iter().map(|it| surroundings::shadowed(it)));
    checks.extend(facts.names.iter().flat_map(names::names));
    let certificates = facts.certificates.iter();
    checks.extend(certificates.flat_map(certificates::certificates));
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

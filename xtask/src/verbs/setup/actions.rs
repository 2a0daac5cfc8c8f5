//! From [`Facts`] to what is to be done about them. Pure.

mod docker;

use std::collections::BTreeSet;

use hob_stack::DockerEndpoint;

pub use self::docker::DOCKER_LOG;
use self::docker::{join, start};
use super::super::doctor::{
    Facts, INSTANCES_KEY, Installer, Program, WATCHES_KEY, absent, instances_wanted,
    is_installable, listed, silent, watches_wanted,
};

/// Where the kernel's limits are kept for the next start of the machine; see
/// sysctl.d(5).
const SYSCTL_FILE: &str = "/etc/sysctl.d/60-hob-inotify.conf";

/// What brings the Docker engine, and what makes its base image where none can
/// be pulled.
const DOCKER: [&str; 2] = ["docker.io", "mmdebstrap"];

/// All that can be done, and what cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Todo {
    /// In this order.
    pub actions: Vec<Action>,
    /// Why some of it has to be done by hand.
    pub blocked: Vec<String>,
}

/// One outside call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it is for, in a few words.
    pub what: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub input: Option<String>,
    /// Whether it is of no use when the one before it failed.
    pub follows: bool,
    /// The Docker engine that has to answer afterwards.
    pub answers: Option<DockerEndpoint>,
}

impl Action {
    /// As it would be typed.
    pub fn command(&self) -> String {
        let argv: Vec<String> = self.argv.iter().map(|it| quoted(it)).collect();
        let argv = argv.join(" ");
        match &self.input {
            Some(input) => format!("printf '{}' | {argv}", input.replace('\n', "\\n")),
            None => argv,
        }
    }

    /// Whether it asks `sudo`.
    pub fn is_sudo(&self) -> bool {
        self.argv.first().is_some_and(|program| program == "sudo")
    }
}

/// What is to be done about what was found.
pub fn todo(facts: &Facts) -> Todo {
    let installer = &facts.installer;
    let mut todo = Todo::default();
    let limits = limits(facts);
    let missing: Vec<&Program> = absent(facts).collect();
    let known = missing.iter().filter_map(|program| program.package.clone());
    let mut packages: BTreeSet<String> = known.collect();
    if is_installable(facts) {
        packages.extend(DOCKER.map(str::to_owned));
    }
    if !limits.is_empty() && !installer.sysctl {
        packages.insert("procps".to_owned());
    }
    if installer.apt {
        todo.actions.extend(install(&packages, installer));
    } else if !missing.is_empty() || silent(facts).is_some_and(|docker| !docker.installed) {
        let docker = silent(facts).filter(|docker| !docker.installed);
        let names: Vec<&str> = missing
            .iter()
            .map(|program| program.name.as_str())
            .chain(docker.map(|_| "Docker"))
            .collect();
        let names = listed(&names);
        todo.blocked.push(format!(
            "there is no `apt-get` here: install {names} with this system's package manager"
        ));
    }
    let installed = !todo.actions.is_empty();
    todo.actions.extend(start(facts, installed));
    todo.actions.extend(join(facts));
    todo.actions.extend(limits);
    if !installer.root && !installer.sudo && !todo.actions.is_empty() {
        let commands: Vec<String> = todo
            .actions
            .iter()
            .map(|action| format!("`{}`", action.command()))
            .collect();
        todo.blocked.push(format!(
            "this takes root, and there is no `sudo` here; as root: {}",
            commands.join(", then ")
        ));
        todo.actions.clear();
    }
    if installer.root || todo.actions.is_empty() {
        return todo;
    }
    for action in &mut todo.actions {
        action.argv.insert(0, "sudo".to_owned());
    }
    todo
}

fn install(packages: &BTreeSet<String>, installer: &Installer) -> Vec<Action> {
    if packages.is_empty() {
        return Vec::new();
    }
    // The lock is often held right after a machine was started, by its own
    // updates.
    let apt = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=120",
    ];
    let apt = |rest: &[&str]| -> Vec<String> {
        apt.iter().chain(rest).map(ToString::to_string).collect()
    };
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    let daemons = match installer.systemd {
        true => daemons(&names),
        false => Vec::new(),
    };
    let systemctl = |verb: &[&str]| -> Vec<String> {
        let argv = ["systemctl"].iter().chain(verb).chain(&daemons);
        argv.map(ToString::to_string).collect()
    };
    let services = listed(&daemons);
    let mut actions = Vec::new();
    if !daemons.is_empty() {
        let keep = format!("keep systemd from starting {services}, which hob starts itself");
        actions.push(action(&keep, systemctl(&["mask", "--runtime"])));
    }
    if !installer.index {
        actions.push(action("fetch the index of packages", apt(&["update"])));
    }
    let mut rest = vec!["install", "--yes"];
    rest.extend(&names);
    let mut installing = action(&format!("install {}", listed(&names)), apt(&rest));
    installing.follows = !installer.index || !daemons.is_empty();
    actions.push(installing);
    if !daemons.is_empty() {
        let by_hand = format!("let {services} be started by hand");
        actions.push(action(&by_hand, systemctl(&["unmask", "--runtime"])));
        let with_machine = format!("keep {services} from starting with the machine");
        let mut disable = action(&with_machine, systemctl(&["disable"]));
        disable.follows = true;
        actions.push(disable);
    }
    actions
}

/// The services that these packages start by themselves: they would have the
/// ports that hob starts the same programs on, and listen beyond loopback.
pub fn daemons(packages: &[&str]) -> Vec<&'static str> {
    let known = [
        ("nginx-light", "nginx.service"),
        ("docker-registry", "docker-registry.service"),
    ];
    let brought = known.iter().filter(|it| packages.contains(&it.0));
    brought.map(|(_, service)| *service).collect()
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

/// Both limits, so that the file says all of it whichever was too small.
fn limits(facts: &Facts) -> Vec<Action> {
    let (watches, instances) = (watches_wanted(facts), instances_wanted(facts));
    if watches.is_none() && instances.is_none() {
        return Vec::new();
    }
    let allowed = |limit: Option<super::super::doctor::Limit>| limit.map(|limit| limit.allowed);
    let both = [
        (
            WATCHES_KEY,
            watches.or_else(|| allowed(facts.machine.watches)),
        ),
        (
            INSTANCES_KEY,
            instances.or_else(|| allowed(facts.machine.instances)),
        ),
    ];
    let both = both
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    let (mut argv, mut file) = (vec!["sysctl".to_owned()], String::new());
    for (key, value) in both {
        argv.push(format!("{key}={value}"));
        file.push_str(&format!("{key} = {value}\n"));
    }
    let now = action("allow more watched files", argv);
    let mut later = action(
        "allow them after the next start of the machine, too",
        vec!["tee".to_owned(), SYSCTL_FILE.to_owned()],
    );
    later.input = Some(file);
    later.follows = true;
    vec![now, later]
}

fn action(what: &str, argv: Vec<String>) -> Action {
    Action {
        what: what.to_owned(),
        argv,
        input: None,
        follows: false,
        answers: None,
    }
}

#[cfg(test)]
mod tests;

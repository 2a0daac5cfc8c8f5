//! From [`Facts`] to what is to be done about them. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use hob_engine::docker::endpoint::SOCKET;
use hob_stack::DockerEndpoint;

use super::super::doctor::{
    Docker, Facts, Found, INSTANCES_KEY, Installer, Need, Program, Silence, WATCHES_KEY, absent,
    instances_wanted, is_installable, listed, silent, watches_wanted,
};

/// Where the kernel's limits are kept for the next start of the machine; see
/// sysctl.d(5).
const SYSCTL_FILE: &str = "/etc/sysctl.d/60-hob-inotify.conf";

/// What brings the Docker engine, and what makes its base image where none can
/// be pulled.
const DOCKER: [&str; 2] = ["docker.io", "mmdebstrap"];
/// What a Docker engine says that no systemd keeps the words of.
pub const DOCKER_LOG: &str = "/var/log/dockerd.log";

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
    let mut actions = Vec::new();
    if !installer.index {
        actions.push(action("fetch the index of packages", apt(&["update"])));
    }
    let names: Vec<&str> = packages.iter().map(String::as_str).collect();
    let mut rest = vec!["install", "--yes"];
    rest.extend(&names);
    let mut installing = action(&format!("install {}", listed(&names)), apt(&rest));
    installing.follows = !actions.is_empty();
    actions.push(installing);
    actions
}

/// Starts this machine's Docker engine.
fn start(facts: &Facts, follows: bool) -> Option<Action> {
    let docker = silent(facts).filter(|docker| docker.installed || is_installable(facts))?;
    let Found::Silent { endpoint, .. } = &docker.found else {
        return None;
    };
    let DockerEndpoint::Unix(socket) = endpoint else {
        return None;
    };
    let usual = socket == Path::new(SOCKET);
    let argv = if docker.systemd && usual {
        ["systemctl", "start", "docker"].map(str::to_owned).to_vec()
    } else {
        // A session of its own: it outlives this terminal.
        let host = match usual {
            true => String::new(),
            false => format!(" --host {}", quoted(&endpoint.to_string())),
        };
        let script = format!("exec dockerd{host} >>{DOCKER_LOG} 2>&1");
        ["setsid", "--fork", "sh", "-c", &script]
            .map(str::to_owned)
            .to_vec()
    };
    let mut action = action("start the Docker engine", argv);
    action.follows = follows && !docker.installed;
    action.answers = Some(endpoint.clone());
    Some(action)
}

/// Lets the caller use this machine's Docker engine.
fn join(facts: &Facts) -> Option<Action> {
    let docker = facts.docker.as_ref().filter(|_| !facts.installer.root)?;
    let fresh = is_installable(facts);
    let denied = |docker: &Docker| {
        let Found::Silent { why, ours, .. } = &docker.found else {
            return false;
        };
        *ours && *why == Silence::Denied && docker.need != Need::Nobody
    };
    if !fresh && !denied(docker) {
        return None;
    }
    let user = docker.user.clone()?;
    let mut action = action(
        "let this user use the Docker engine from the next login on (its group is as good as root)",
        ["usermod", "-aG", "docker", &user]
            .map(str::to_owned)
            .to_vec(),
    );
    action.follows = fresh;
    Some(action)
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
mod tests {
    use snapbox::{IntoData, assert_data_eq, str};

    use super::*;
    use crate::verbs::doctor::written;

    /// The facts, in text, to what is done.
    fn check(facts: &str, expected: impl IntoData) {
        let todo = todo(&written::facts(facts));
        let mut lines = Vec::new();
        for action in &todo.actions {
            let after = if action.follows {
                " (if that was done)"
            } else {
                ""
            };
            lines.push(format!("{}{after}\n  {}", action.what, action.command()));
        }
        lines.extend(todo.blocked.iter().map(|words| format!("! {words}")));
        // snapbox takes every `\` for a `/`, so `\n` reads `/n` below.
        assert_data_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn where_nothing_is_missing_nothing_is_done() {
        check("program go at /usr/bin/go", str![""]);
    }

    #[test]
    fn all_packages_are_installed_by_one_command_each_once() {
        check(
            "program mono of mono-runtime for shop/api
             program mcs of mono-mcs for shop/api
             program csc of mono-mcs for shop/web
             program git of git for",
            str![[r#"
install git, mono-mcs and mono-runtime
  sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes git mono-mcs mono-runtime
"#]],
        );
    }

    #[test]
    fn root_needs_no_sudo_and_an_absent_index_is_fetched_first() {
        check(
            "user root
             no sudo
             no index
             program lua of lua5.4 for shop/api",
            str![[r#"
fetch the index of packages
  env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 update
install lua5.4 (if that was done)
  env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes lua5.4
"#]],
        );
    }

    #[test]
    fn limits_are_raised_for_now_and_for_later_and_none_is_lowered() {
        check(
            "instances 1024 3
             watched 9000",
            str![[r#"
allow more watched files
  sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024
allow them after the next start of the machine, too (if that was done)
  printf 'fs.inotify.max_user_watches = 524288/nfs.inotify.max_user_instances = 1024/n' | sudo tee /etc/sysctl.d/60-hob-inotify.conf
"#]],
        );
    }

    #[test]
    fn the_limit_that_suffices_stays_beside_the_one_that_does_not() {
        check(
            "user root
             watches 9000 12
             instances 128 125",
            str![[r#"
allow more watched files
  sysctl fs.inotify.max_user_watches=9000 fs.inotify.max_user_instances=512
allow them after the next start of the machine, too (if that was done)
  printf 'fs.inotify.max_user_watches = 9000/nfs.inotify.max_user_instances = 512/n' | tee /etc/sysctl.d/60-hob-inotify.conf
"#]],
        );
    }

    #[test]
    fn what_sets_limits_is_installed_where_it_is_missing() {
        check(
            "user root
             no sysctl
             watched 9000
             instances 128 3",
            str![[r#"
install procps
  env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes procps
allow more watched files
  sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=128
allow them after the next start of the machine, too (if that was done)
  printf 'fs.inotify.max_user_watches = 524288/nfs.inotify.max_user_instances = 128/n' | tee /etc/sysctl.d/60-hob-inotify.conf
"#]],
        );
    }

    #[test]
    fn a_program_of_no_known_package_is_left_to_the_user() {
        check("program frob of ? for shop/api", str![""]);
    }

    #[test]
    fn the_docker_engine_is_installed_and_started_where_it_is_of_use() {
        check(
            "docker useful absent",
            str![[r#"
install docker.io and mmdebstrap
  sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes docker.io mmdebstrap
start the Docker engine (if that was done)
  sudo setsid --fork sh -c 'exec dockerd >>/var/log/dockerd.log 2>&1'
let this user use the Docker engine from the next login on (its group is as good as root) (if that was done)
  sudo usermod -aG docker me
"#]],
        );
        check(
            "user root\nno index\ndocker asked absent",
            str![[r#"
fetch the index of packages
  env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 update
install docker.io and mmdebstrap (if that was done)
  env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes docker.io mmdebstrap
start the Docker engine (if that was done)
  setsid --fork sh -c 'exec dockerd >>/var/log/dockerd.log 2>&1'
"#]],
        );
        check("docker nobody absent", str![""]);
        check("docker asked answers", str![""]);
    }

    #[test]
    fn an_engine_that_is_there_is_only_started() {
        check(
            "user root\ndocker asked stopped",
            str![[r#"
start the Docker engine
  setsid --fork sh -c 'exec dockerd >>/var/log/dockerd.log 2>&1'
"#]],
        );
        check(
            "user root\ndocker asked stopped systemd",
            str![[r#"
start the Docker engine
  systemctl start docker
"#]],
        );
        check(
            "user root\ndocker asked stopped at /srv/docker.sock",
            str![[r#"
start the Docker engine
  setsid --fork sh -c 'exec dockerd --host unix:///srv/docker.sock >>/var/log/dockerd.log 2>&1'
"#]],
        );
    }

    #[test]
    fn a_user_whom_the_engine_refuses_joins_its_group() {
        check(
            "docker asked denied",
            str![[r#"
let this user use the Docker engine from the next login on (its group is as good as root)
  sudo usermod -aG docker me
"#]],
        );
    }

    #[test]
    fn an_engine_of_somebody_else_is_left_alone() {
        check("docker asked elsewhere tcp://127.0.0.1:2375", str![""]);
        check("docker asked refused", str![""]);
        check(
            "no apt\ndocker asked absent",
            str!["! there is no `apt-get` here: install Docker with this system's package manager"],
        );
    }

    #[test]
    fn without_apt_the_programs_are_named() {
        check(
            "no apt
             program lua of lua5.4 for shop/api
             program mcs of mono-mcs for shop/api",
            str![
                "! there is no `apt-get` here: install lua and mcs with this system's package manager"
            ],
        );
    }

    #[test]
    fn without_a_way_to_be_root_the_commands_of_root_are_said() {
        check(
            "no sudo
             no index
             program lua of lua5.4 for shop/api",
            str![
                "! this takes root, and there is no `sudo` here; as root: `env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 update`, then `env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes lua5.4`"
            ],
        );
    }
}

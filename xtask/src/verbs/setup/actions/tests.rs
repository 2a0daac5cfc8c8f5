//! What is done about what was found: facts in, commands out, in text.

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
fn what_a_package_would_start_is_not_started() {
    check(
        "systemd
         program nginx of nginx-light for shop/web
         program git of git for",
        str![[r#"
keep systemd from starting nginx.service, which hob starts itself
  sudo systemctl mask --runtime nginx.service
install git and nginx-light (if that was done)
  sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes git nginx-light
let nginx.service be started by hand
  sudo systemctl unmask --runtime nginx.service
keep nginx.service from starting with the machine (if that was done)
  sudo systemctl disable nginx.service
"#]],
    );
    check(
        "program nginx of nginx-light for shop/web",
        str![[r#"
install nginx-light
  sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes nginx-light
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

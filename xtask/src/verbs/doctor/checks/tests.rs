use snapbox::{IntoData, assert_data_eq, str};

use super::*;
use crate::verbs::doctor::written;

/// The facts, in text, to what is not good about them.
fn check(facts: &str, expected: impl IntoData) {
    let facts = written::facts(facts);
    let all = checks(&facts).into_iter();
    let bad: Vec<String> = all.filter(|it| it.state != State::Ok).map(line).collect();
    assert_data_eq!(bad.join("\n"), expected);
}

fn line(check: Check) -> String {
    let state = match check.state {
        State::Ok => "ok",
        State::Missing => "missing",
        State::Warning => "warning",
    };
    let fix = match check.fix {
        Some(Fix::Command(command)) => format!("\n  `{command}`"),
        Some(Fix::Words(words)) => format!("\n  {words}"),
        None => String::new(),
    };
    format!("{state}: {}: {}{fix}", check.name, check.detail)
}

#[test]
fn a_sound_machine_is_good_throughout() {
    let facts = "
        program go at /usr/bin/go go version go1.22
        program deploy at /usr/local/bin/deploy
        static shop/web
        port 127.0.0.1:20010 shop/api free
        port 127.0.0.1:20000 shop/web ours shop/web";
    let all: Vec<String> = checks(&written::facts(facts))
        .into_iter()
        .map(line)
        .collect();
    assert_data_eq!(
        all.join("\n"),
        str![[r#"
ok: linux: kernel 6.1.0-18-amd64, /proc can be read
ok: open files: 1,024 a process (hard limit: 1,048,576)
ok: file watches: 40 folders to watch; 8,192 allowed, 12 in use
ok: state folder: /home/me/.local/state/hob, 74.0 GiB free
ok: runtime folder: /run/user/1000/hob, 74.0 GiB free
ok: stack files: 1 service of /home/me/shop, no mistake
ok: go: /usr/bin/go: go version go1.22
ok: deploy: /usr/local/bin/deploy
ok: nginx: not installed, not needed: hob itself serves the files of shop/web
ok: port 20010: free, for shop/api
ok: port 20000: shop/web has it
"#]]
    );
}

#[test]
fn a_program_that_is_missing_is_named_with_its_callers_and_its_package() {
    check(
        "program mcs of mono-mcs for shop/a shop/b
         program frob of ? for shop/a",
        str![[r#"
missing: mcs: not installed; shop/a and shop/b call it
  `sudo apt-get install mono-mcs`
missing: frob: not installed; shop/a calls it
  put `frob` on the `PATH`, or name what brings it: `packages = { frob = "…" }`
"#]],
    );
}

#[test]
fn what_surrounds_the_services_is_told_with_what_mends_it() {
    let facts = "
        own registry 5000 answers 80000000000
        own ingress 8080 answers
        own registry 5000 down";
    let all = checks(&written::facts(facts)).into_iter().map(line);
    let all: Vec<String> = all.filter(|it| it.contains("port ")).collect();
    assert_data_eq!(
        all.join("\n"),
        str![[r#"
ok: registry: up, on port 5000; 74.5 GiB free
ok: ingress: up, on port 8080
ok: registry: not up; port 5000 is free for it (`hob registry up`)
"#]]
    );
    check(
        "own registry 5000 down python3 (process 7)
         own registry 5000 answers 1000
         own ingress 80 ill up, and it has not read its newest routes
         shadowed web.shop.test leads to /a, which was up before /b: `domains` help
         exposed shop/gate nginx 0.0.0.0:8080",
        str![[r#"
warning: shop/gate: nginx listens on 0.0.0.0:8080: others in the network reach it
  have it listen on `$HOST`, or say that it is wanted: `address = "0.0.0.0"` in its table
warning: registry: not up, and python3 (process 7) has its port 5000
  `hob registry up --port PORT` takes another one, from then on
warning: registry: up, on port 5000; 0 MiB free
  `hob registry gc`
warning: ingress: up, and it has not read its newest routes
  `hob ingress up`
warning: ingress: web.shop.test leads to /a, which was up before /b
  `domains` help
"#]],
    );
}

#[test]
fn a_docker_engine_that_is_asked_for_and_silent_is_missing() {
    check("docker asked answers", str![[r#""#]]);
    check(
        "docker asked absent",
        str![[r#"
missing: Docker engine: not installed
  `sudo apt-get install docker.io`
"#]],
    );
    check(
        "no apt\ndocker asked absent",
        str![[r#"
missing: Docker engine: not installed
  install it with this system's package manager; Debian's package is `docker.io`
"#]],
    );
    check(
        "docker asked stopped",
        str![[r#"
missing: Docker engine: installed, and nothing answers at unix:///var/run/docker.sock (the usual socket)
  `sudo dockerd`
"#]],
    );
    check(
        "docker asked stopped systemd",
        str![[r#"
missing: Docker engine: installed, and nothing answers at unix:///var/run/docker.sock (the usual socket)
  `sudo systemctl start docker`
"#]],
    );
    check(
        "docker asked denied",
        str![[r#"
missing: Docker engine: unix:///var/run/docker.sock (the usual socket) is closed to this user
  `sudo usermod -aG docker me`, then log in again; that group is as good as root
"#]],
    );
    check(
        "docker asked refused",
        str![[r#"
missing: Docker engine: `DOCKER_HOST`: `ssh://a` is behind SSH
  run hob there; or name another
"#]],
    );
    check(
        "docker asked mute",
        str![[r#"
missing: Docker engine: unix:///var/run/docker.sock (the usual socket): no answer within 2 s
  start it, or name another one: `docker = "unix:///var/run/docker.sock"` in hob.toml
"#]],
    );
    check(
        "docker asked elsewhere tcp://127.0.0.1:2375",
        str![[r#"
missing: Docker engine: tcp://127.0.0.1:2375 (the usual socket): nothing listens there
  start it, or name another one: `docker = "unix:///var/run/docker.sock"` in hob.toml
"#]],
    );
}

#[test]
fn a_docker_engine_that_is_only_good_to_have_is_no_reason_to_fail() {
    check(
        "docker useful absent",
        str![[r#"
warning: Docker engine: not installed; services run without containers
  `sudo apt-get install docker.io`
"#]],
    );
    check("docker nobody absent", str![[r#""#]]);
}

#[test]
fn a_service_that_only_its_image_runs_is_well_where_containers_are() {
    check("image-only shop/db\ndocker useful answers", str![[r#""#]]);
}

#[test]
fn a_program_that_nobody_calls_is_no_reason_to_fail() {
    check(
        "user root
         program git of git for",
        str![[r#"
warning: git: not installed
  `apt-get install git`
"#]],
    );
}

#[test]
fn without_apt_no_command_of_it_is_said() {
    check(
        "no apt
         program mcs of mono-mcs for shop/a",
        str![[r#"
missing: mcs: not installed; shop/a calls it
  install it with this system's package manager; Debian's package is `mono-mcs`
"#]],
    );
}

#[test]
fn without_sudo_the_command_is_roots() {
    check(
        "no sudo
         program mcs of mono-mcs for shop/a",
        str![[r#"
missing: mcs: not installed; shop/a calls it
  as root: `apt-get install mono-mcs`
"#]],
    );
}

#[test]
fn watches_that_do_not_suffice_are_raised_to_twice_the_need() {
    check("watched 8180", str![""]);
    check(
        "watched 8181",
        str![[r#"
warning: file watches: 8,181 folders to watch; 8,192 allowed, 12 in use; the rest is polled
  `sudo sysctl fs.inotify.max_user_watches=524288`
"#]],
    );
    check(
        "watched 400000
         user root",
        str![[r#"
warning: file watches: 400,000 folders to watch; 8,192 allowed, 12 in use; the rest is polled
  `sysctl fs.inotify.max_user_watches=1048576`
"#]],
    );
}

#[test]
fn watching_programs_may_be_too_many() {
    check("instances 128 124", str![""]);
    check(
        "instances 128 125",
        str![[r#"
warning: watchers: 128 watching programs allowed, 125 in use; without one, files are polled
  `sudo sysctl fs.inotify.max_user_instances=512`
"#]],
    );
}

#[test]
fn an_old_or_closed_kernel_is_said() {
    check(
        "kernel 4.19.0-26-amd64",
        str!["missing: linux: kernel 4.19.0-26-amd64, and 5.3 is needed"],
    );
    check("kernel 5.3.0", str![""]);
    check("kernel 10.0-rc1", str![""]);
    check(
        "proc /proc/self/stat: No such file or directory",
        str![[r#"
missing: linux: /proc cannot be read (/proc/self/stat: No such file or directory)
  `sudo mount -t proc proc /proc`
"#]],
    );
}

#[test]
fn few_open_files_are_raised_as_far_as_the_user_may() {
    check(
        "files 256 4096",
        str![[r#"
warning: open files: 256 a process (hard limit: 4,096)
  `ulimit -n 4096`
"#]],
    );
    check(
        "files 256 512",
        str![[r#"
warning: open files: 256 a process (hard limit: 512)
  raise `nofile` in /etc/security/limits.conf, then log in again
"#]],
    );
}

#[test]
fn folders_that_cannot_be_used_are_moved() {
    check(
        "folder 0 closed /home
         folder 1 foreign 0",
        str![[r#"
missing: state folder: /home/me/.local/state/hob: /home cannot be written to
  `export XDG_STATE_HOME=/a/folder/of/yours`
missing: runtime folder: /run/user/1000/hob belongs to user 0: hob will not use it
  `export XDG_RUNTIME_DIR=/a/folder/of/yours`
"#]],
    );
    check(
        "folder 0 noexec
         folder 1 noexec",
        str![[r#"
missing: state folder: /home/me/.local/state/hob: what is built there cannot run (/home/me/.local/state/hob is mounted noexec)
  `export XDG_STATE_HOME=/a/folder/of/yours`
"#]],
    );
    check(
        "no home",
        str![[r#"
missing: state folder: neither `XDG_STATE_HOME` nor `HOME` is set
  `export HOME=/your/home`
"#]],
    );
}

#[test]
fn little_room_is_a_warning() {
    check("folder 0 bytes 1073741824", str![""]);
    check(
        "folder 0 bytes 1073741823
         folder 1 inodes 9999",
        str![[r#"
warning: state folder: /home/me/.local/state/hob, 1,023 MiB free
  `df -h /home/me/.local/state/hob; df -i /home/me/.local/state/hob`
warning: runtime folder: /run/user/1000/hob, 74.0 GiB free, room for only 9,999 files
  `df -h /run/user/1000/hob; df -i /run/user/1000/hob`
"#]],
    );
}

#[test]
fn a_port_in_other_hands_names_them_and_the_way_out() {
    check(
        "port 127.0.0.1:20010 shop/api held nginx (process 4711)
         port 127.0.0.1:20020 shop/api ours shop/old",
        str![[r#"
warning: port 20010: shop/api is to have it, and nginx (process 4711) does
  `--port-offset 100` moves this project's ports
warning: port 20020: shop/api is to have it, and shop/old does
  `hob down shop/old`
"#]],
    );
}

#[test]
fn what_services_need_beside_programs_is_said() {
    check(
        "mistakes 2 1
         unset TOKEN shop/api
         image-only shop/db",
        str![[r#"
warning: stack files: 2 errors, 1 warning
  `hob check`
missing: TOKEN: not set; shop/api takes a secret from it
  `export TOKEN=…`
warning: shop/db: only its image can run it, and there are no containers on this engine
  give it `build` and `run`, or `serve`, to run it without
"#]],
    );
}

#[test]
fn without_a_project_the_machine_is_checked() {
    check(
        "no project",
        str![[r#"
warning: project: no folder `stacks` here or above: only this machine was checked
  go to a project, or name it: `--project DIR`
"#]],
    );
}

#[test]
fn leftovers_are_ended_and_kept_data_is_only_named() {
    check(
        "left /home/me/shop there 2 0 0
         left /tmp/old gone 3 0 4
         left /tmp/older gone 0 2 0
         left /tmp/old%20est gone 0 0 1",
        str![[r#"
warning: leftovers: 2 processes of /home/me/shop without an agent
  `hob down --project /home/me/shop`
warning: leftovers: /tmp/old is gone; it left 3 processes and 4 files
  `hob down --project /tmp/old`
warning: leftovers: /tmp/older is gone; it left 2 volumes of kept data
  `rm -r /home/me/.local/state/hob/0123456789ab`
warning: leftovers: /tmp/old est is gone; it left 1 file
  `hob down --project '/tmp/old est'`
"#]],
    );
}

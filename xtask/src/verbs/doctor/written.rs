//! Facts as tests write them: a sound machine with one service, and one line
//! for each thing that is otherwise.

use std::path::PathBuf;

use super::facts::{
    Docker, Exposed, Facts, Folder, Found, Held, Installer, Leftovers, Limit, Machine, Need, Own,
    OwnFound, Port, Program, Silence, Stacks,
};

/// The facts of a sound machine and these lines.
pub fn facts(text: &str) -> Facts {
    let mut facts = sound();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(apply(&mut facts, &words), "`{line}` is no fact");
    }
    facts
}

fn sound() -> Facts {
    let folder = |name, path: &str, variable| Folder {
        name,
        path: PathBuf::from(path),
        there: PathBuf::from(path),
        foreign: None,
        writable: true,
        noexec: false,
        free_bytes: 74 << 30,
        free_files: Some(1_000_000),
        variable,
        note: None,
    };
    Facts {
        machine: Machine {
            kernel: "6.1.0-18-amd64".to_owned(),
            unreadable: None,
            open_files: (Some(1024), Some(1_048_576)),
            watches: Some(Limit {
                allowed: 8192,
                used: 12,
            }),
            instances: Some(Limit {
                allowed: 128,
                used: 3,
            }),
        },
        installer: Installer {
            root: false,
            sudo: true,
            apt: true,
            index: true,
            sysctl: true,
            systemd: false,
        },
        folders: vec![
            folder(
                "state folder",
                "/home/me/.local/state/hob",
                "XDG_STATE_HOME",
            ),
            folder("runtime folder", "/run/user/1000/hob", "XDG_RUNTIME_DIR"),
        ],
        project: Some(Stacks {
            root: PathBuf::from("/home/me/shop"),
            services: vec!["shop/api".to_owned()],
            watched: 40,
            ..Stacks::default()
        }),
        ..Facts::default()
    }
}

fn apply(facts: &mut Facts, words: &[&str]) -> bool {
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let count = |text: &str| text.parse::<usize>().expect("a number");
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let machine = &mut facts.machine;
    let installer = &mut facts.installer;
    match words {
        ["user", "root"] => installer.root = true,
        ["no", "sudo"] => installer.sudo = false,
        ["no", "apt"] => installer.apt = false,
        ["no", "index"] => installer.index = false,
        ["systemd"] => installer.systemd = true,
        ["no", "sysctl"] => installer.sysctl = false,
        ["no", "project"] => facts.project = None,
        ["no", "home"] => {
            facts.folders.clear();
            facts.homeless = Some("neither `XDG_STATE_HOME` nor `HOME` is set".to_owned());
        }
        ["kernel", release] => machine.kernel = (*release).to_owned(),
        ["proc", why @ ..] => machine.unreadable = Some(why.join(" ")),
        ["files", soft, hard] => machine.open_files = (Some(number(soft)), Some(number(hard))),
        ["watches", allowed, used] => {
            machine.watches = Some(Limit {
                allowed: number(allowed),
                used: number(used),
            });
        }
        ["instances", allowed, used] => {
            machine.instances = Some(Limit {
                allowed: number(allowed),
                used: number(used),
            });
        }
        ["program", name, "at", path, version @ ..] => facts.programs.push(Program {
            name: (*name).to_owned(),
            path: Some(PathBuf::from(path)),
            version: (!version.is_empty()).then(|| version.join(" ")),
            ..Program::default()
        }),
        ["program", name, "of", package, "for", users @ ..] => facts.programs.push(Program {
            name: (*name).to_owned(),
            package: (*package != "?").then(|| (*package).to_owned()),
            users: owned(users),
            ..Program::default()
        }),
        ["folder", at, what @ ..] => {
            let folder = &mut facts.folders[count(at)];
            match what {
                ["foreign", uid] => folder.foreign = uid.parse().ok(),
                ["closed", there] => {
                    folder.writable = false;
                    folder.there = PathBuf::from(there);
                }
                ["noexec"] => folder.noexec = true,
                ["bytes", free] => folder.free_bytes = number(free),
                ["inodes", free] => folder.free_files = Some(number(free)),
                ["note", note @ ..] => folder.note = Some(note.join(" ")),
                _ => return false,
            }
        }
        ["port", address, service, "free"] => port(facts, address, service, Held::Free),
        ["port", address, service, "ours", other] => {
            port(facts, address, service, Held::Ours((*other).to_owned()));
        }
        ["port", address, service, "held", who @ ..] => {
            let hint = Some("`--port-offset 100` moves this project's ports".to_owned());
            port(facts, address, service, Held::Foreign(who.join(" "), hint));
        }
        ["own", name, port, is @ ..] => {
            let name = match *name {
                "registry" => hob_platform::REGISTRY,
                "ingress" => hob_platform::INGRESS,
                _ => return false,
            };
            let found = match is {
                ["answers"] => OwnFound::Answers { free: None },
                ["answers", free] => OwnFound::Answers {
                    free: Some(number(free)),
                },
                ["down"] => OwnFound::Down { holder: None },
                ["down", holder @ ..] => OwnFound::Down {
                    holder: Some(holder.join(" ")),
                },
                ["ill", why @ ..] => OwnFound::Ill {
                    why: why.join(" "),
                    hint: format!("`hob {name} up`"),
                },
                _ => return false,
            };
            let port = port.parse().expect("a port");
            facts.own.push(Own { name, port, found });
        }
        ["shadowed", line @ ..] => facts.shadowed.push(line.join(" ")),
        ["exposed", service, program, address] => facts.exposed.push(Exposed {
            service: (*service).to_owned(),
            program: (*program).to_owned(),
            address: (*address).to_owned(),
        }),
        ["docker", need, is @ ..] => {
            let need = match *need {
                "asked" => Need::Asked,
                "useful" => Need::Useful,
                "nobody" => Need::Nobody,
                _ => return false,
            };
            match docker(need, is) {
                Some(docker) => facts.docker = Some(docker),
                None => return false,
            }
        }
        ["left", root, there, processes, volumes, others] => facts.leftovers.push(Leftovers {
            root: PathBuf::from(root.replace("%20", " ")),
            state: PathBuf::from("/home/me/.local/state/hob/0123456789ab"),
            there: *there == "there",
            processes: count(processes),
            volumes: count(volumes),
            others: count(others),
        }),
        _ => {
            return facts
                .project
                .as_mut()
                .is_some_and(|project| of_project(project, words));
        }
    }
    true
}

/// A Docker engine on a machine without systemd unless it says so.
fn docker(need: Need, is: &[&str]) -> Option<Docker> {
    let silent = |at: &str, why, ours| Found::Silent {
        endpoint: at.parse().expect("an address"),
        whence: "the usual socket".to_owned(),
        why,
        ours,
    };
    let usual = "/var/run/docker.sock";
    let found = match is {
        ["answers"] => Found::Answers {
            endpoint: usual.parse().expect("an address"),
            whence: "the usual socket".to_owned(),
            version: "20.10.24".to_owned(),
        },
        ["refused"] => Found::Refused {
            reason: "`DOCKER_HOST`: `ssh://a` is behind SSH".to_owned(),
            hints: vec!["run hob there".to_owned(), "or name another".to_owned()],
        },
        ["absent" | "stopped"] | ["stopped", "systemd"] => silent(usual, Silence::NotThere, true),
        ["stopped", "at", at] => silent(at, Silence::NotThere, true),
        ["denied"] => silent(usual, Silence::Denied, true),
        ["elsewhere", at] => silent(at, Silence::NotThere, false),
        ["mute"] => silent(
            usual,
            Silence::Other("no answer within 2 s".to_owned()),
            true,
        ),
        _ => return None,
    };
    Some(Docker {
        need,
        found,
        installed: is != ["absent"],
        systemd: is.contains(&"systemd"),
        user: Some("me".to_owned()),
    })
}

fn port(facts: &mut Facts, address: &str, service: &str, held: Held) {
    let (address, service) = (address.to_owned(), service.to_owned());
    facts.ports.push(Port {
        address,
        service,
        held,
    });
}

fn of_project(project: &mut Stacks, words: &[&str]) -> bool {
    let count = |text: &str| text.parse::<usize>().expect("a number");
    let services = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    match words {
        ["watched", folders] => project.watched = folders.parse().expect("a number"),
        ["mistakes", errors, warnings] => {
            (project.errors, project.warnings) = (count(errors), count(warnings));
        }
        ["static", of @ ..] => project.file_services = services(of),
        ["nginx", version] => project.nginx = Some((*version).to_owned()),
        ["image-only", of @ ..] => project.image_only = services(of),
        ["unset", variable, of @ ..] => {
            project.unset.insert((*variable).to_owned(), services(of));
        }
        _ => return false,
    }
    true
}

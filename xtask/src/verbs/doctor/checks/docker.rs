//! What is said of the Docker engine. Pure.

use super::{Check, Fix, State, as_root, installing};
use crate::verbs::doctor::facts::{Docker, Found, Installer, Need, Silence};

/// The name of the check.
const NAME: &str = "Docker engine";

pub fn check(docker: &Docker, installer: &Installer) -> Check {
    let (detail, fix) = match &docker.found {
        Found::Answers {
            endpoint,
            whence,
            version,
        } => return Check::ok(NAME, format!("{version} at {endpoint} ({whence})")),
        Found::Refused { reason, hints } => (reason.clone(), Fix::Words(hints.join("; "))),
        Found::Silent {
            endpoint,
            whence,
            why,
            ours,
        } => match (why, ours, docker.installed) {
            (Silence::Denied, ..) => {
                let user = docker.user.as_deref().unwrap_or("$USER");
                let join = match as_root(&format!("usermod -aG docker {user}"), installer) {
                    Fix::Command(command) => format!("`{command}`"),
                    Fix::Words(words) => words,
                };
                let words = format!("{join}, then log in again; that group is as good as root");
                let detail = format!("{endpoint} ({whence}) is closed to this user");
                (detail, Fix::Words(words))
            }
            (Silence::NotThere, true, false) => (
                "not installed".to_owned(),
                installing("docker.io", installer),
            ),
            (Silence::NotThere, true, true) => {
                let command = match docker.systemd {
                    true => "systemctl start docker",
                    false => "dockerd",
                };
                (
                    format!("installed, and nothing answers at {endpoint} ({whence})"),
                    as_root(command, installer),
                )
            }
            (why, ..) => {
                let why = match why {
                    Silence::Other(why) => why,
                    _ => "nothing listens there",
                };
                let words = "start it, or name another one: `docker = \"unix:///var/run/docker.sock\"` in hob.toml";
                (
                    format!("{endpoint} ({whence}): {why}"),
                    Fix::Words(words.to_owned()),
                )
            }
        },
    };
    match docker.need {
        Need::Asked => Check::new(NAME, State::Missing, detail).fix(fix),
        Need::Useful => {
            let detail = format!("{detail}; services run without containers");
            Check::new(NAME, State::Warning, detail).fix(fix)
        }
        Need::Nobody => Check::ok(NAME, format!("{detail}; not needed")),
    }
}

//! What is done for this machine's Docker engine. Pure.

use std::path::Path;

use hob_engine::docker::endpoint::SOCKET;
use hob_stack::DockerEndpoint;

use super::{Action, action, quoted};
use crate::verbs::doctor::{Docker, Facts, Found, Need, Silence, is_installable, silent};

/// What a Docker engine says that no systemd keeps the words of.
pub const DOCKER_LOG: &str = "/var/log/dockerd.log";

/// Starts this machine's Docker engine.
pub(super) fn start(facts: &Facts, follows: bool) -> Option<Action> {
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
pub(super) fn join(facts: &Facts) -> Option<Action> {
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

//! What an agent's answer says of it as a resource: how far it has come, its
//! traits, how it fares. Pure.

use std::net::SocketAddr;

use hob_wire::{Mode, PROTOCOL, Phase, Status};

use super::answer::Answer;
use super::fixed;
use crate::resource::{Health, Identity, Level, ObservedResource};
use crate::sessions::session_name;

/// The trait of an agent: how its service is run.
const TRAIT_MODE: &str = "mode";
/// The trait of an agent: where its service is reached.
const TRAIT_LISTEN: &str = "address";
/// The trait of an agent: the version of the protocol that it speaks.
const TRAIT_PROTOCOL: &str = "protocol";

/// The traits of an agent that runs a service so.
pub(crate) fn traits(mode: Mode, listen: Option<SocketAddr>) -> Identity {
    let mode = match mode {
        Mode::Dev => "dev",
        Mode::Run => "run",
    };
    let listen = listen.map_or_else(|| "no port".to_owned(), |addr| addr.to_string());
    Identity::from([
        (TRAIT_MODE.to_owned(), mode.to_owned()),
        (TRAIT_LISTEN.to_owned(), listen),
        (TRAIT_PROTOCOL.to_owned(), PROTOCOL.to_string()),
    ])
}

/// The agent of a service, if anything that could be it answers. `session` is
/// the asking session's process: its own services are not busy to it.
pub(crate) fn resource(
    answer: &Answer,
    project: &str,
    service: &str,
    session: Option<u32>,
) -> Option<ObservedResource> {
    if let Some(status) = answer.status_of(project, service) {
        return Some(of_status(status, session));
    }
    let mut found = ObservedResource::at(Level::Created);
    match answer {
        Answer::Nobody => return None,
        Answer::Version(version) => {
            let protocol = (TRAIT_PROTOCOL.to_owned(), version.to_string());
            found.identity = Identity::from([protocol]);
        }
        Answer::Useless(reason) => found.health = Health::Broken(reason.clone()),
        Answer::Status(other) => {
            let whose = format!("the agent of {} answers in its place", other.service);
            found.health = Health::Broken(whose);
        }
    }
    Some(found)
}

fn of_status(status: &Status, session: Option<u32>) -> ObservedResource {
    let mut found = ObservedResource::at(Level::Created);
    if !status.spec_digest.is_empty() {
        found.level = level(status);
        found.config = Some(fixed::unaddressed(&status.spec_digest));
        found.identity = traits(status.mode, status.listen.map(|listen| listen.addr));
        found.identity.extend(fixed::traits_in(&status.spec_digest));
    }
    if let (Phase::Failed | Phase::Stale, Some(problem)) = (status.phase, &status.problem) {
        found.health = Health::Failed(problem.message.clone());
    }
    if status.phase == Phase::Updating && found.level == Level::Ready {
        found.health = Health::Behind("an older save still answers".to_owned());
    }
    if status.leaving {
        found.health = Health::Broken("its agent is on its way down".to_owned());
    }
    let info = status.session.as_ref();
    found.busy = info
        .filter(|info| Some(info.pid) != session)
        .map(|info| session_name(info.pid));
    found
}

/// How far a configured agent has come. A job that is done is where it was to
/// come to.
fn level(status: &Status) -> Level {
    match status.phase {
        _ if !status.started => Level::Configured,
        Phase::Stopped if status.done.is_some() => Level::Ready,
        Phase::Waiting | Phase::Resting | Phase::Stopped => Level::Configured,
        Phase::Building | Phase::Starting | Phase::Failed | Phase::Backoff => Level::Started,
        // What answers can be relied on, whichever save it is of.
        Phase::Ready | Phase::Updating | Phase::Stale => Level::Ready,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn found(phase: &str, more: &str) -> (Level, Health) {
        let json = format!(
            r#"{{"agent_pid":1,"project":"p","service":"s/web","mode":"dev","listen":null,
            "spec_digest":"d","started":true,"phase":"{phase}","accepted":1,"building":null,
            "serving":null,"built":null,"problem":null,"crashes":0,"session":null,"since":1{more}}}"#
        );
        let answer = Answer::Status(serde_json::from_str(&json).unwrap());
        let found = resource(&answer, "p", "s/web", None).unwrap();
        (found.level, found.health)
    }

    #[test]
    fn an_agent_on_its_way_down_is_of_no_use() {
        assert_eq!(found("stopped", ""), (Level::Configured, Health::Ok));
        let (_, health) = found("stopped", r#","leaving":true"#);
        assert_eq!(
            health,
            Health::Broken("its agent is on its way down".to_owned())
        );
    }
}

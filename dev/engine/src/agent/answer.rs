//! [`Answer`]: what the place of an agent says when it is asked for its status.

use std::time::Duration;

use hob_wire::Status;

use super::{AgentClient, ClientError};

/// How long a connected agent may take to tell its status.
const ANSWER: Duration = Duration::from_secs(5);

/// What is heard where an agent should be.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Nobody listens.
    Nobody,
    /// Its status.
    Status(Box<Status>),
    /// It speaks another version.
    Version(u32),
    /// Somebody listens and says nothing of use, for this reason.
    Useless(String),
}

impl Answer {
    /// The status, if it is the agent of this service of this project that
    /// answers.
    pub(crate) fn status_of(&self, project: &str, service: &str) -> Option<&Status> {
        match self {
            Self::Status(status) => {
                (status.project == project && status.service == service).then_some(status)
            }
            _ => None,
        }
    }
}

/// Asks an agent for its status.
pub(crate) async fn ask(agent: &AgentClient) -> Answer {
    match agent.status(ANSWER).await {
        Ok(status) => Answer::Status(Box::new(status)),
        Err(ClientError::Version { protocol, .. }) => Answer::Version(protocol),
        Err(ClientError::Gone { .. }) => Answer::Nobody,
        Err(error) => Answer::Useless(error.to_string()),
    }
}

//! Framing: one JSON value a line, with a limit on its length.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Event, LogLine, SessionInfo, SessionState, Status};

/// The longest line that a peer reads, in bytes. A log line is cut by the
/// agent far below it.
pub const LINE_LIMIT: usize = 4 << 20;

/// The first line of each connection, from the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`](crate::PROTOCOL) of the client.
    pub protocol: u32,
}

impl Hello {
    /// The greeting of this version.
    #[must_use]
    pub fn current() -> Self {
        Self {
            protocol: crate::PROTOCOL,
        }
    }
}

/// The line before [`Hello`] where the connection is not a unix socket. One
/// that is not the agent's ends the connection without an answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The text of the agent's token file, without white space at its ends.
    pub token: String,
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// It was not done; nothing changed.
    Refused {
        /// Why, in one line.
        reason: String,
        /// Who is in the way, for a refused attach.
        session: Option<SessionInfo>,
    },
    /// The peer speaks another version; the connection is closed after this.
    Version {
        /// The version it speaks.
        protocol: u32,
    },
    /// The state.
    Status(Box<Status>),
    /// Something happened.
    Event(Event),
    /// A stored or new line of the log.
    Log(LogLine),
    /// The generation that a session's answer is about.
    Generation(u64),
    /// What the agent and all that it has started use.
    Usage {
        /// Of one core: 250 is two and a half of them. Finite.
        cpu_percent: f64,
        /// Resident memory; what several of them share counts for each.
        memory_bytes: u64,
    },
    /// What a session says of itself.
    Session(SessionState),
}

/// A line that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no JSON of the expected shape.
    #[error("the peer sent a line that is not of protocol {}", crate::PROTOCOL)]
    Json(#[from] serde_json::Error),
}

/// A value as one line, its line break included.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_else(|error| {
        unreachable!("wire types have string keys and finite numbers only: {error}")
    });
    line.push(b'\n');
    line
}

/// The value of one line, with or without its line break.
///
/// # Errors
/// The line is not a value of this type.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, Error> {
    Ok(serde_json::from_slice(line)?)
}

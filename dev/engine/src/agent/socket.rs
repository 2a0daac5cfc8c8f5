//! [`AgentSocket`]: an agent of this machine, reached over its unix socket.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::{AgentClient, AgentWire, Connecting, Reach};

/// The socket of an agent, whether it is there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSocket(PathBuf);

/// The agent that listens on this socket.
pub(crate) fn client(socket: &Path) -> AgentClient {
    AgentClient::new(AgentSocket(socket.to_owned()))
}

impl Reach for AgentSocket {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let (read, write) = UnixStream::connect(&self.0).await?.into_split();
            Ok(AgentWire {
                read: Box::new(read),
                write: Box::new(write),
            })
        })
    }
}

impl fmt::Display for AgentSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

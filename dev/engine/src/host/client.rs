//! [`AgentClient`]: asks an agent over its socket.
//!
//! Owns connections and their limits. It knows the protocol's framing and
//! nothing of what the answers mean.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_wire::{Hello, LINE_LIMIT, Reply, Request, Status};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// An agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket, or it is not there.
    #[error("nothing answers on {}", socket.display())]
    Gone {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection failed.
    #[error("cannot talk to the agent at {}: {source}", socket.display())]
    Io {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The agent said nothing in time.
    #[error("the agent at {} did not answer within {} s", socket.display(), limit.as_secs_f32())]
    Silent {
        /// The socket.
        socket: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The agent speaks another version.
    #[error("the agent at {} speaks version {protocol} of the protocol, not {}", socket.display(), hob_wire::PROTOCOL)]
    Version {
        /// The socket.
        socket: PathBuf,
        /// Its version.
        protocol: u32,
    },
    /// It said something that is no answer to the question.
    #[error("the agent at {} gave an unexpected answer: {answer}", socket.display())]
    Unexpected {
        /// The socket.
        socket: PathBuf,
        /// What it said.
        answer: String,
    },
    /// It refused.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
        /// Who is in the way, for a refused attach.
        session: Option<hob_wire::SessionInfo>,
    },
}

/// Where an agent is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentClient {
    socket: PathBuf,
}

impl AgentClient {
    /// The agent of this socket, whether it is there or not.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Connects and sends the greeting and one request. What comes back is
    /// read from the connection, without a limit.
    ///
    /// # Errors
    /// The agent is not there or takes nothing within `limit`.
    pub async fn open(
        &self,
        request: &Request,
        limit: Duration,
    ) -> Result<Connection, ClientError> {
        self.within(limit, async {
            let stream = UnixStream::connect(&self.socket).await;
            let stream = stream.map_err(|source| self.failed(source))?;
            let (read, write) = stream.into_split();
            let mut connection = Connection {
                sender: Sender {
                    socket: self.socket.clone(),
                    write,
                },
                receiver: Receiver {
                    socket: self.socket.clone(),
                    read: BufReader::new(read),
                    line: Vec::new(),
                },
            };
            connection.sender.send(&Hello::current()).await?;
            match connection.sender.send(request).await {
                // An agent of another version says so and closes without
                // waiting for the request: what it said is still to be read.
                Ok(()) | Err(ClientError::Gone { .. }) => Ok(connection),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// One request and its first reply. A refusal and another version are
    /// errors.
    ///
    /// # Errors
    /// The agent is not there, refuses, or says nothing within `limit`.
    pub async fn ask(&self, request: &Request, limit: Duration) -> Result<Reply, ClientError> {
        self.within(limit, async {
            let mut connection = self.open(request, limit).await?;
            match connection.receiver.next().await? {
                Some(reply) => Ok(reply),
                None => Err(ClientError::Gone {
                    socket: self.socket.clone(),
                }),
            }
        })
        .await
    }

    /// A request that is answered by `Done`.
    ///
    /// # Errors
    /// Like [`ask`](Self::ask).
    pub async fn tell(&self, request: &Request, limit: Duration) -> Result<(), ClientError> {
        match self.ask(request, limit).await? {
            Reply::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The agent's state.
    ///
    /// # Errors
    /// Like [`ask`](Self::ask).
    pub async fn status(&self, limit: Duration) -> Result<Status, ClientError> {
        match self.ask(&Request::Status, limit).await? {
            Reply::Status(status) => Ok(*status),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(ClientError::Silent {
                socket: self.socket.clone(),
                limit,
            })
        })
    }

    fn failed(&self, source: io::Error) -> ClientError {
        failed(&self.socket, source)
    }

    fn unexpected(&self, reply: &Reply) -> ClientError {
        // The kind of answer is enough: its content may be long.
        let text = format!("{reply:?}");
        let end = text.find(|c: char| !c.is_alphanumeric());
        ClientError::Unexpected {
            socket: self.socket.clone(),
            answer: text[..end.unwrap_or(text.len())].to_owned(),
        }
    }
}

/// An open connection to an agent.
#[derive(Debug)]
pub struct Connection {
    /// Sends further requests, on an attached connection.
    pub sender: Sender,
    /// Gets the replies.
    pub receiver: Receiver,
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Sender {
    socket: PathBuf,
    write: OwnedWriteHalf,
}

impl Sender {
    /// Sends one line.
    ///
    /// # Errors
    /// The agent is gone.
    pub async fn send<T: Serialize>(&mut self, value: &T) -> Result<(), ClientError> {
        let sent = self.write.write_all(&hob_wire::encode(value)).await;
        sent.map_err(|source| failed(&self.socket, source))
    }
}

/// The receiving half of a connection. [`next`](Self::next) may be dropped
/// and called again at any time: what was read of a line is kept.
#[derive(Debug)]
pub struct Receiver {
    socket: PathBuf,
    read: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
}

impl Receiver {
    /// The next reply; none when the agent closed the connection.
    ///
    /// # Errors
    /// The connection failed, the agent refused, or what it sent is not of
    /// this protocol.
    pub async fn next(&mut self) -> Result<Option<Reply>, ClientError> {
        loop {
            let room = LINE_LIMIT.saturating_sub(self.line.len()) as u64;
            let mut limited = (&mut self.read).take(room);
            let read = limited.read_until(b'\n', &mut self.line).await;
            let read = read.map_err(|source| failed(&self.socket, source))?;
            if self.line.last() == Some(&b'\n') {
                break;
            }
            if read == 0 {
                if self.line.len() >= LINE_LIMIT {
                    return Err(self.garbled("a line without an end"));
                }
                return Ok(None);
            }
        }
        let line = std::mem::take(&mut self.line);
        match hob_wire::decode(&line) {
            Ok(Reply::Version { protocol }) => Err(ClientError::Version {
                socket: self.socket.clone(),
                protocol,
            }),
            Ok(Reply::Refused { reason, session }) => Err(ClientError::Refused { reason, session }),
            Ok(reply) => Ok(Some(reply)),
            Err(error) => Err(self.garbled(&error.to_string())),
        }
    }

    fn garbled(&self, answer: &str) -> ClientError {
        ClientError::Unexpected {
            socket: self.socket.clone(),
            answer: answer.to_owned(),
        }
    }
}

fn failed(socket: &Path, source: io::Error) -> ClientError {
    let socket = socket.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => ClientError::Gone { socket },
        _ => ClientError::Io { socket, source },
    }
}

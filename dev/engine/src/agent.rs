//! [`AgentClient`]: asks an agent, wherever it runs.
//!
//! Owns the limits of a conversation. It knows the protocol's framing and
//! nothing of what the answers mean; how an agent is reached is the engine's
//! own, which implements [`Reach`].

pub(crate) mod answer;
pub(crate) mod fixed;
pub(crate) mod found;
mod ready;
pub(crate) mod socket;
pub(crate) mod told;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hob_wire::{Hello, LINE_LIMIT, Reply, Request, Status};
use serde::Serialize;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

/// Both directions of an open connection to an agent.
pub struct AgentWire {
    /// What it says.
    pub read: Box<dyn AsyncRead + Send + Unpin>,
    /// What it is told.
    pub write: Box<dyn AsyncWrite + Send + Unpin>,
}

/// A connection that is being made.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<AgentWire>> + Send + 'a>>;

/// How one agent is reached, whether it is there or not. Its text names the
/// place for people.
pub trait Reach: fmt::Debug + fmt::Display + Send + Sync {
    /// Connects. Nothing was said on the connection yet.
    ///
    /// An agent that is not there is an error of the kind
    /// [`NotFound`](io::ErrorKind::NotFound) or
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    fn connect(&self) -> Connecting<'_>;
}

/// An agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("nothing answers on {place}")]
    Gone {
        /// Where.
        place: String,
    },
    /// The connection failed.
    #[error("cannot talk to the agent at {place}: {why}")]
    Io {
        /// Where.
        place: String,
        /// Why.
        why: io::Error,
    },
    /// The agent said nothing in time.
    #[error("the agent at {place} did not answer within {} s", limit.as_secs_f32())]
    Silent {
        /// Where.
        place: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The agent speaks another version.
    #[error(
        "the agent at {place} speaks version {protocol} of the protocol, not {}",
        hob_wire::PROTOCOL
    )]
    Version {
        /// Where.
        place: String,
        /// Its version.
        protocol: u32,
    },
    /// It said something that is no answer to the question.
    #[error("the agent at {place} gave an unexpected answer: {answer}")]
    Unexpected {
        /// Where.
        place: String,
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

/// What an agent and all that it has started use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Of one core: 250 is two and a half of them.
    pub cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// One agent, whether it is there or not.
#[derive(Debug, Clone)]
pub struct AgentClient {
    reach: Arc<dyn Reach>,
}

impl AgentClient {
    /// The agent that is reached so.
    #[must_use]
    pub fn new(reach: impl Reach + 'static) -> Self {
        Self {
            reach: Arc::new(reach),
        }
    }

    /// A connection on which nothing was said yet, not even the greeting.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn connect(&self) -> io::Result<AgentWire> {
        self.reach.connect().await
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
            let wire = self.connect().await;
            let AgentWire { read, write } = wire.map_err(|error| failed(self.place(), error))?;
            let mut connection = Connection {
                sender: Sender {
                    place: self.place(),
                    write,
                },
                receiver: Receiver {
                    place: self.place(),
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
                    place: self.place(),
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

    /// Has it start a new process of what is built, and waits until that is
    /// ready.
    ///
    /// # Errors
    /// The agent is not there, goes or refuses, or the process is not ready
    /// within `limit`.
    pub async fn restart(&self, limit: Duration) -> Result<(), ClientError> {
        self.within(limit, async {
            let mut connection = self.open(&Request::Restart, limit).await?;
            while let Some(reply) = connection.receiver.next().await? {
                if reply == Reply::Done {
                    return Ok(());
                }
            }
            let place = self.place();
            Err(ClientError::Gone { place })
        })
        .await
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

    /// What the agent and all that it has started use now. Takes a tenth of a
    /// second.
    ///
    /// # Errors
    /// Like [`ask`](Self::ask).
    pub async fn usage(&self, limit: Duration) -> Result<Usage, ClientError> {
        match self.ask(&Request::Usage, limit).await? {
            Reply::Usage {
                cpu_percent,
                memory_bytes,
            } => Ok(Usage {
                cpu_percent,
                memory_bytes,
            }),
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
                place: self.place(),
                limit,
            })
        })
    }

    /// Where it is reached, for people.
    fn place(&self) -> String {
        self.reach.to_string()
    }

    fn unexpected(&self, reply: &Reply) -> ClientError {
        // The kind of answer is enough: its content may be long.
        let text = format!("{reply:?}");
        let end = text.find(|c: char| !c.is_alphanumeric());
        ClientError::Unexpected {
            place: self.place(),
            answer: text[..end.unwrap_or(text.len())].to_owned(),
        }
    }
}

/// An open connection to an agent.
pub struct Connection {
    /// Sends further requests, on an attached connection.
    pub sender: Sender,
    /// Gets the replies.
    pub receiver: Receiver,
}

/// The sending half of a connection.
pub struct Sender {
    place: String,
    write: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Sender {
    /// Sends one line.
    ///
    /// # Errors
    /// The agent is gone.
    pub async fn send<T: Serialize>(&mut self, value: &T) -> Result<(), ClientError> {
        let sent = self.write.write_all(&hob_wire::encode(value)).await;
        sent.map_err(|why| failed(self.place.clone(), why))
    }
}

/// The receiving half of a connection. [`next`](Self::next) may be dropped
/// and called again at any time: what was read of a line is kept.
pub struct Receiver {
    place: String,
    read: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
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
            let read = read.map_err(|why| failed(self.place.clone(), why))?;
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
                place: self.place.clone(),
                protocol,
            }),
            Ok(Reply::Refused { reason, session }) => Err(ClientError::Refused { reason, session }),
            Ok(reply) => Ok(Some(reply)),
            Err(error) => Err(self.garbled(&error.to_string())),
        }
    }

    fn garbled(&self, answer: &str) -> ClientError {
        ClientError::Unexpected {
            place: self.place.clone(),
            answer: answer.to_owned(),
        }
    }
}

fn failed(place: String, why: io::Error) -> ClientError {
    match why.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset => ClientError::Gone { place },
        _ => ClientError::Io { place, why },
    }
}

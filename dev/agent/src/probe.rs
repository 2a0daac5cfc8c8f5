//! Readiness: asks a started process until it says yes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hob_wire::Ready;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::process::{Launch, Running, Sink};

/// The first wait between two questions.
const FIRST_WAIT: Duration = Duration::from_micros(500);
/// The longest wait between two questions: a process that takes 20 s costs
/// little.
const LAST_WAIT: Duration = Duration::from_millis(50);
/// In between a wait is this part of the time that has passed, so readiness is
/// noticed with at most so much delay: a connection that is refused costs next
/// to nothing.
const CONNECTION_SHARE: u32 = 20;
/// The same for a program, which costs a process each time.
const COMMAND_SHARE: u32 = 4;
/// One question is given up after this time and asked again.
const ANSWER: Duration = Duration::from_secs(2);
/// A program without a port counts as started once it has lived this long, so
/// that one that ends at once does not take the place of a good one.
const ALIVE: Duration = Duration::from_millis(100);

/// How to ask.
pub enum Probe {
    /// A GET of this path.
    Http(SocketAddr, String),
    /// A connection.
    Tcp(SocketAddr),
    /// A program's exit code.
    Command(Box<Launch>),
    /// Nothing but being alive.
    Started,
}

impl Probe {
    /// The probe for `ready` of a process at `addr`; without an address there
    /// is nothing to ask but whether it runs.
    pub fn new(ready: &Ready, addr: Option<SocketAddr>, command: Option<Launch>) -> Self {
        match (ready, addr) {
            (Ready::Command(_), _) => {
                command.map_or(Self::Started, |launch| Self::Command(Box::new(launch)))
            }
            (Ready::Http(path), Some(addr)) => Self::Http(addr, path.clone()),
            (Ready::Tcp, Some(addr)) => Self::Tcp(addr),
            (Ready::Started | Ready::Http(_) | Ready::Tcp, _) => Self::Started,
        }
    }

    /// Resolves once the process is ready; `Err` says in one line what the
    /// last answer was when `limit` is over.
    pub async fn until_ready(&self, limit: Duration) -> Result<(), String> {
        let mut last = String::from("it was never asked");
        let began = Instant::now();
        let asking = async {
            loop {
                match timeout(ANSWER, self.ask()).await {
                    Ok(Ok(())) => return,
                    Ok(Err(answer)) => last = answer,
                    Err(_) => last = format!("no answer within {} s", ANSWER.as_secs()),
                }
                sleep(self.wait(began.elapsed())).await;
            }
        };
        let result = timeout(limit, asking).await;
        result.map_err(|_| format!("it was not ready within {} s: {last}", limit.as_secs_f32()))
    }

    /// Until the next question, `passed` after the first one.
    fn wait(&self, passed: Duration) -> Duration {
        let share = match self {
            Self::Command(_) => COMMAND_SHARE,
            Self::Http(..) | Self::Tcp(_) | Self::Started => CONNECTION_SHARE,
        };
        (passed / share).clamp(FIRST_WAIT, LAST_WAIT)
    }

    async fn ask(&self) -> Result<(), String> {
        match self {
            Self::Http(addr, path) => ask_http(*addr, path).await,
            Self::Tcp(addr) => connect(*addr).await.map(drop),
            Self::Command(launch) => ask_command(launch).await,
            Self::Started => {
                sleep(ALIVE).await;
                Ok(())
            }
        }
    }
}

async fn connect(addr: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(addr)
        .await
        .map_err(|error| format!("nothing listens on its `$PORT` ({addr}): {error}"))
}

async fn ask_http(addr: SocketAddr, path: &str) -> Result<(), String> {
    let stream = connect(addr).await?;
    let broken = |error: hyper::Error| format!("GET {path}: {error}");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header("host", addr.to_string())
        .header("connection", "close")
        .header("user-agent", hob_wire::READY_AGENT)
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("GET {path}: {error}"))?;
    let answer = sender.send_request(request).await.map_err(broken);
    driver.abort();
    let status = answer?.status();
    if status.is_success() || status.is_redirection() {
        Ok(())
    } else {
        Err(format!("GET {path} answers {status}"))
    }
}

async fn ask_command(launch: &Launch) -> Result<(), String> {
    let last = Arc::new(std::sync::Mutex::new(String::new()));
    let sink: Sink = {
        let last = last.clone();
        Arc::new(move |_, line| {
            if let Ok(mut last) = last.lock() {
                *last = line;
            }
        })
    };
    let streams = (hob_wire::Stream::Out, hob_wire::Stream::Err);
    let program = launch.argv.first().cloned().unwrap_or_default();
    let mut running =
        Running::spawn(launch, streams, &sink).map_err(|error| format!("`{program}`: {error}"))?;
    let status = match timeout(ANSWER / 2, running.ended()).await {
        Ok(status) => status.map_err(|error| format!("`{program}`: {error}"))?,
        Err(_) => {
            let ended = running.end(Duration::from_millis(50)).await;
            return Err(match ended {
                Ok(_) => format!("`{program}` took longer than 1 s"),
                Err(error) => format!("`{program}`: {error}"),
            });
        }
    };
    running.clear(tokio::time::Instant::now()).await;
    if status.success() {
        return Ok(());
    }
    let said = last.lock().map(|last| last.clone()).unwrap_or_default();
    Err(format!(
        "`{program}` {}: {said}",
        crate::process::describe(status)
    ))
}

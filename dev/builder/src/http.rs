//! One request to an engine's API: connected, answered, limited in time.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// How long the engine may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Where an engine's API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// Plain TCP, as `host:port`.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no engine answers at {endpoint}: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("the engine at {endpoint} gave no answer within {} s", limit.as_secs())]
    Slow { endpoint: String, limit: Duration },
    #[error("the connection to the engine broke: {0}")]
    Broken(String),
    /// The engine's own words, with its status.
    #[error("{message}")]
    Refused { status: u16, message: String },
}

/// An answer whose body is still to be read. Dropping it closes the
/// connection, which ends what the engine was doing for it.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    _connection: Connection,
}

struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends `request`, whose head has to come back within `limit` (`None`: as
/// long as its sender waits). An answer of 400 and up is [`Failure::Refused`].
pub(crate) async fn send<B>(
    endpoint: &Endpoint,
    request: Request<B>,
    limit: Option<Duration>,
) -> Result<Answer, Failure>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let unreachable = |reason: String| Failure::Unreachable {
        endpoint: endpoint.to_string(),
        reason,
    };
    let stream = tokio::time::timeout(CONNECT, connect(endpoint))
        .await
        .map_err(|_| unreachable(format!("no connection within {} s", CONNECT.as_secs())))?
        .map_err(|error| unreachable(error.to_string()))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(chain(&error)))?;
    // The connection ends with its sender or is aborted by the guard.
    let guard = Connection(tokio::spawn(connection).abort_handle());
    let answered = sender.send_request(request);
    let response = match limit {
        None => answered.await,
        Some(limit) => tokio::time::timeout(limit, answered)
            .await
            .map_err(|_| Failure::Slow {
                endpoint: endpoint.to_string(),
                limit,
            })?,
    }
    .map_err(|error| Failure::Broken(chain(&error)))?;
    let status = response.status().as_u16();
    if status >= 400 {
        let body = tokio::time::timeout(CONNECT, response.into_body().collect()).await;
        let body = body
            .ok()
            .and_then(Result::ok)
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        return Err(Failure::Refused {
            status,
            message: words(status, &body),
        });
    }
    Ok(Answer {
        response,
        _connection: guard,
    })
}

/// A request without a body.
pub(crate) fn get(path: &str) -> Request<http_body_util::Empty<Bytes>> {
    request("GET", path, http_body_util::Empty::new())
}

/// A request to `path`, which begins with `/` and is encoded already.
pub(crate) fn request<B>(method: &str, path: &str, body: B) -> Request<B> {
    let mut request = Request::new(body);
    if let Ok(method) = method.parse() {
        *request.method_mut() = method;
    }
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    // HTTP/1.1 wants a host; the engine has no use for it.
    request.headers_mut().insert(
        hyper::header::HOST,
        hyper::header::HeaderValue::from_static("docker"),
    );
    request
}

/// `name=value&…`, encoded.
pub(crate) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)))
        .collect();
    pairs.join("&")
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Stream>> {
    Ok(match endpoint {
        Endpoint::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
        Endpoint::Tcp(address) => Box::new(tokio::net::TcpStream::connect(address.as_str()).await?),
    })
}

/// The engine wraps its words in `{"message": …}`.
fn words(status: u16, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        message: String,
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message.trim().to_owned(),
        Err(_) => format!(
            "the engine answered {status} {}",
            String::from_utf8_lossy(body).trim()
        ),
    }
}

/// hyper's own words are short; the reason is in its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Lines of a body as they come, of at most [`Lines::LONGEST`] bytes.
pub(crate) struct Lines {
    answer: Answer,
    buffer: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// A message of progress has a few kB; this is a limit against nonsense.
    const LONGEST: usize = 64 << 20;

    pub(crate) fn of(answer: Answer) -> Self {
        Self {
            answer,
            buffer: Vec::new(),
            ended: false,
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            if self.ended {
                let last = std::mem::take(&mut self.buffer);
                return Ok((!last.is_empty()).then_some(last));
            }
            match self.answer.response.body_mut().frame().await {
                None => self.ended = true,
                Some(Err(error)) => return Err(Failure::Broken(chain(&error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                    if self.buffer.len() > Self::LONGEST {
                        return Err(Failure::Broken("a line of progress has no end".into()));
                    }
                }
            }
        }
    }
}

/// A body whose pieces come through a channel: the sender waits while the
/// engine reads, and learns that nobody does when this is dropped.
pub(crate) struct Pieces(pub(crate) mpsc::Receiver<io::Result<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

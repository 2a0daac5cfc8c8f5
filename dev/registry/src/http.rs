//! One request to a registry: connected, answered, read to its end, and all of
//! that limited in time and size.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::{Authority, Error};

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Path and query, encoded already.
    pub(crate) path: &'a str,
    /// The media types that are understood, with commas between them.
    pub(crate) accept: &'a str,
    /// How many bytes of an answer are read at most.
    pub(crate) most: usize,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The URL of a path, for a person.
pub(crate) fn url(authority: &Authority, path: &str) -> String {
    format!("http://{authority}{path}")
}

/// Asks, and reads the answer to its end, whatever its status.
pub(crate) async fn ask(
    authority: &Authority,
    limit: Duration,
    question: Question<'_>,
) -> Result<Answer, Error> {
    let url = url(authority, question.path);
    match tokio::time::timeout(limit, exchange(authority, &url, question)).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Slow { url, limit }),
    }
}

async fn exchange(
    authority: &Authority,
    url: &str,
    question: Question<'_>,
) -> Result<Answer, Error> {
    let unreachable = |source: io::Error| Error::Unreachable {
        url: url.to_owned(),
        source,
    };
    let failed = |error: hyper::Error| failure(url, &error);
    let request = Request::builder()
        .method(question.method)
        .uri(question.path)
        .header(header::HOST, authority.as_str())
        .header(header::ACCEPT, question.accept)
        .header(header::USER_AGENT, "hob")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Error::garbage(url, error.to_string()))?;
    let stream = TcpStream::connect(authority.socket())
        .await
        .map_err(unreachable)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // The connection ends with this function, however that ends.
    let _connection = Connection(tokio::spawn(connection).abort_handle());
    let response = sender.send_request(request).await.map_err(failed)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, question.most).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Error::garbage(url, format!("it has more than {} bytes", question.most));
        }
        match error.downcast::<hyper::Error>() {
            Ok(error) => failed(*error),
            Err(error) => Error::Broken {
                url: url.to_owned(),
                reason: error.to_string(),
            },
        }
    })?;
    Ok(Answer {
        url: url.to_owned(),
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    })
}

struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What speaks something else than HTTP is no registry; all else is a
/// connection that broke. hyper's own words are short, the reason is in its
/// sources.
fn failure(url: &str, error: &hyper::Error) -> Error {
    let url = url.to_owned();
    if error.is_parse() || greets(error) {
        return Error::NotRegistry {
            url,
            reason: "it speaks no HTTP".to_owned(),
        };
    }
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        reason = format!("{reason}: {error}");
        source = error.source();
    }
    Error::Broken { url, reason }
}

/// Whether the other side spoke before it was asked, as mail servers and
/// others do. hyper has no question for that, only words.
fn greets(error: &hyper::Error) -> bool {
    let words = error.source().map(ToString::to_string);
    error.is_canceled() && words.as_deref() == Some("received unexpected message from connection")
}

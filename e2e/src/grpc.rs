//! What the test service does where it speaks gRPC: HTTP/2 that is known
//! beforehand, one message for one, the status in trailers (see gRPC over
//! HTTP/2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A message as it goes over the wire.
#[must_use]
pub fn message(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    let mut message = vec![0];
    message.extend(length.to_be_bytes());
    message.extend(text.as_bytes());
    message
}

/// Answers each call with these words and its message, for ever.
///
/// # Errors
/// Nobody can be accepted.
pub fn serve(listener: TcpListener, words: &str) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let words = words.to_owned();
            tokio::spawn(async move {
                let answering = service_fn(|request| answer(request, words.clone()));
                let server = http2::Builder::new(TokioExecutor::new());
                let io = TokioIo::new(stream);
                // A client that goes away is no mistake of the service.
                let _ = server.serve_connection(io, answering).await;
            });
        }
    })
}

/// An answer whose length nobody is told: hyper leaves trailers out after one
/// that is.
struct Frames(VecDeque<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

async fn answer(
    request: Request<Incoming>,
    words: String,
) -> Result<Response<Frames>, hyper::Error> {
    let asked = request.into_body().collect().await?.to_bytes();
    let asked = String::from_utf8_lossy(asked.get(PREFIX..).unwrap_or_default());
    let said = Bytes::from(message(&format!("{words}: {asked}")));
    let name = HeaderName::from_static("grpc-status");
    let status = HeaderMap::from_iter([(name, HeaderValue::from_static("0"))]);
    let frames = [Frame::data(said), Frame::trailers(status)];
    let mut response = Response::new(Frames(frames.into()));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

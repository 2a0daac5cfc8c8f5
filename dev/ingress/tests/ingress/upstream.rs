//! What is behind nginx: a small server that tells what it saw.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::samples;

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    name: String,
    connections: AtomicUsize,
    asked: AtomicUsize,
    /// The second event of `/events` waits for it.
    go_on: Notify,
}

impl Upstream {
    /// HTTP/1.1.
    pub(crate) async fn http(name: &str) -> Self {
        Self::start(name, false).await
    }

    /// HTTP/2 that is known beforehand.
    pub(crate) async fn http2(name: &str) -> Self {
        Self::start(name, true).await
    }

    async fn start(name: &str, http2: bool) -> Self {
        let listener = TcpListener::bind(samples::free()).await.unwrap();
        Self::accept_on(listener, name, http2)
    }

    /// HTTP/1.1, at a certain address.
    pub(crate) fn on(name: &str, listener: TcpListener) -> Self {
        Self::accept_on(listener, name, false)
    }

    fn accept_on(listener: TcpListener, name: &str, http2: bool) -> Self {
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            connections: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            go_on: Notify::new(),
        });
        let accepting = tokio::spawn(accept(listener, http2, shared.clone()));
        Self {
            addr,
            shared,
            accepting,
        }
    }

    /// As routes name it.
    pub(crate) fn is(&self, version: &str) -> String {
        format!("{}={version}", self.addr)
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Lets `/events` go on.
    pub(crate) fn go_on(&self) {
        self.shared.go_on.notify_one();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, http2: bool, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, shared.clone()));
            let io = TokioIo::new(stream);
            if http2 {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(io, service).await;
            } else {
                let server = hyper::server::conn::http1::Builder::new();
                let _ = server.serve_connection(io, service).with_upgrades().await;
            }
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Answers by the last part of the path.
fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Pin<Box<dyn Future<Output = Result<Answer, &'static str>> + Send>> {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let last = request.uri().path().rsplit('/').next().unwrap().to_owned();
    Box::pin(async move {
        match last.as_str() {
            // The connection ends without an answer.
            "die" => Err("as asked"),
            "echo" => Ok(Response::new(request.into_body().boxed_unsync())),
            "call" => Ok(call(request).await),
            "count" => Ok(count(request).await),
            "large" => Ok(large(&request)),
            "events" => Ok(events(shared)),
            "ws" => Ok(upgrade(request)),
            _ => Ok(seen(request, &shared).await),
        }
    })
}

/// What came, as JSON.
async fn seen(request: Request<Incoming>, shared: &Shared) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let seen = json!({
        "by": shared.name,
        "method": parts.method.as_str(),
        "target": parts.uri.path_and_query().map(|path| path.as_str()),
        "http2": parts.version == Version::HTTP_2,
        "headers": headers.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "body": body.ok().map(|body| String::from_utf8_lossy(&body).into_owned()),
    });
    let body = Full::from(seen.to_string()).map_err(|never: Infallible| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    // What nginx is to tell itself.
    answer
        .headers_mut()
        .insert("hob-version", "forged".parse().unwrap());
    answer
        .headers_mut()
        .insert("x-request-id", "forged".parse().unwrap());
    answer
}

/// How long the body is.
async fn count(request: Request<Incoming>) -> Answer {
    let mut body = request.into_body();
    let mut count = 0;
    while let Some(Ok(frame)) = body.frame().await {
        count += frame.into_data().map_or(0, |data| data.len());
    }
    let body = Full::from(count.to_string()).map_err(|never: Infallible| match never {});
    Response::new(body.boxed_unsync())
}

/// As many bytes as the path says, in pieces.
fn large(request: &Request<Incoming>) -> Answer {
    let (sender, body) = channel();
    let mut left: usize = request
        .uri()
        .path()
        .split('/')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    tokio::spawn(async move {
        while left > 0 {
            let piece = Bytes::from(vec![b'x'; left.min(64 << 10)]);
            left -= piece.len();
            if sender.send(Ok(Frame::data(piece))).await.is_err() {
                return;
            }
        }
    });
    Response::new(body.boxed_unsync())
}

/// A call of gRPC: each message comes back, the status in trailers.
async fn call(request: Request<Incoming>) -> Answer {
    let te = request.headers().get("te").cloned();
    let (sender, body) = channel();
    let mut incoming = request.into_body();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = incoming.frame().await {
            if frame.is_data() && sender.send(Ok(frame)).await.is_err() {
                return;
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let _ = sender.send(Ok(Frame::trailers(trailers))).await;
    });
    let mut answer = Response::new(body.boxed_unsync());
    let headers = answer.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    if let Some(te) = te {
        headers.insert("seen-te", te);
    }
    answer
}

/// One event at once, and another when the test says so.
fn events(shared: Arc<Shared>) -> Answer {
    let (sender, body) = channel();
    tokio::spawn(async move {
        let event = |text: &str| Ok(Frame::data(Bytes::from(format!("data: {text}\n\n"))));
        let _ = sender.send(event("first")).await;
        shared.go_on.notified().await;
        let _ = sender.send(event("second")).await;
    });
    let mut answer = Response::new(body.boxed_unsync());
    let headers = answer.headers_mut();
    headers.insert("content-type", "text/event-stream".parse().unwrap());
    answer
}

/// Whatever comes after the upgrade goes back.
fn upgrade(mut request: Request<Incoming>) -> Answer {
    let upgrade = request.headers().get("upgrade").cloned();
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(TokioIo::new(upgraded));
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    let (_, body) = channel();
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert("connection", "upgrade".parse().unwrap());
    headers.insert("upgrade", upgrade.unwrap());
    answer
}

pub(crate) type Frames = mpsc::Sender<Result<Frame<Bytes>, hyper::Error>>;

/// A body that is sent piece by piece.
pub(crate) fn channel() -> (
    Frames,
    impl Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
) {
    let (sender, mut receiver) = mpsc::channel(4);
    let frames = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, StreamBody::new(frames))
}

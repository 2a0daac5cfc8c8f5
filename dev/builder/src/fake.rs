//! An engine for tests that says what it is told to.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::http::Endpoint;

/// It answers until it is dropped.
pub(crate) struct Fake {
    pub(crate) endpoint: Endpoint,
    heard: UnboundedReceiver<Heard>,
    _folder: TempDir,
}

/// A request whose body has ended or broken off.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) whole: bool,
}

impl Fake {
    /// `answer` gives status and body of a path; a body that is refused with
    /// 400 and up is not read.
    pub(crate) fn new(answer: fn(&str) -> (u16, String)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let listener = tokio::net::UnixListener::bind(&socket).expect("bound");
        let (keep, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let keep = keep.clone();
                let serve = service_fn(move |request| respond(request, answer, keep.clone()));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), serve));
            }
        });
        Self {
            endpoint: Endpoint::Unix(socket),
            heard,
            _folder: folder,
        }
    }

    /// The next request, waited for.
    pub(crate) async fn heard(&mut self) -> Heard {
        let heard = tokio::time::timeout(Duration::from_secs(30), self.heard.recv()).await;
        heard.expect("a request in time").expect("an engine")
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: fn(&str) -> (u16, String),
    heard: UnboundedSender<Heard>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().to_string();
    let (status, body) = answer(&path);
    let mut sent = request.into_body();
    let mut got = Heard {
        path,
        bytes: 0,
        whole: status < 400,
    };
    while got.whole
        && let Some(frame) = sent.frame().await
    {
        match frame {
            Ok(frame) => got.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Err(_) => got.whole = false,
        }
    }
    let _ = heard.send(got);
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status.try_into().expect("a status");
    Ok(response)
}

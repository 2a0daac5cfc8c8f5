//! The built-in server.
//!
//! Owns its connections and their end; the files themselves are served by the
//! library, one at a time. Start with [`Server::run`], then `Site::answer`.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hob_wire::READY_AGENT;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LOCATION,
    RANGE, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::path::{Place, Refusal};
use crate::{Error, HTML, MISSING, Options, TEXT, WRONG_METHOD, content_type, whole};

/// For how long answers that are under way may go on after the end was asked
/// for: below the five seconds that a process has between TERM and KILL.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// How long a client may take for the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// How long to wait before the next connection is taken after one could not
/// be, which means that the process is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Headers of a request that must not reach the library: nothing that is
/// served has a validator to compare with.
const CONDITIONS: [HeaderName; 5] = [
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    IF_RANGE,
];

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A server that has its port and waits for [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    site: Arc<Site>,
}

/// Serves until `shutdown` ends, with one line a request on standard output
/// (`GET /app.js 200`).
///
/// # Errors
/// If there is no folder to serve or the address cannot be had.
pub async fn serve<F: Future>(options: Options, shutdown: F) -> Result<(), Error> {
    let server = Server::bind(&options).await?;
    let log = |line: &str| {
        // A reader that is gone is no reason to stop serving.
        let _ = writeln!(io::stdout().lock(), "{line}");
    };
    server.run(log, shutdown).await;
    Ok(())
}

impl Server {
    /// Takes the port. With port 0 the system chooses, see [`Server::addr`].
    ///
    /// # Errors
    /// If there is no folder to serve or the address cannot be had.
    pub async fn bind(options: &Options) -> Result<Self, Error> {
        options.check_root()?;
        let failed = |source| Error::Listen {
            listen: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            addr,
            site: Arc::new(Site {
                root: options.root.clone(),
                env: options.addresses.to_json().into(),
            }),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` ends. Then it takes no more connections, lets
    /// the answers that are under way go on for [`DRAIN_LIMIT`], and returns.
    /// `log` gets one line a request, the agent's own aside.
    pub async fn run<L, F>(self, log: L, shutdown: F)
    where
        L: Fn(&str) + Clone + Send + Sync + 'static,
        F: Future,
    {
        let mut shutdown = pin!(shutdown);
        let (closing, closed) = watch::channel(false);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let connection = connection(stream, self.site.clone(), log.clone(), closed.clone());
                        connections.spawn(connection);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        closing.send_replace(true);
        let drained = async { while connections.join_next().await.is_some() {} };
        // Past the limit, dropping the set ends what is left.
        let _ = tokio::time::timeout(DRAIN_LIMIT, drained).await;
    }
}

/// Serves one connection until it or the server ends.
async fn connection<L>(
    stream: TcpStream,
    site: Arc<Site>,
    log: L,
    mut closed: watch::Receiver<bool>,
) where
    L: Fn(&str) + Clone + Send + Sync + 'static,
{
    // Without it a small answer may wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let site = site.clone();
        let log = log.clone();
        async move { Ok::<_, Infallible>(site.serve(request, log).await) }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _ = &mut connection => {}
        () = async { drop(closed.wait_for(|closed| *closed).await) } => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// What is served.
#[derive(Debug)]
struct Site {
    root: PathBuf,
    env: Bytes,
}

impl Site {
    /// Answers one request and tells the log, with the reason if it has one
    /// that the answer does not say. The agent's own questions are not logged.
    async fn serve<L: Fn(&str)>(&self, request: Request<Incoming>, log: L) -> Response<Body> {
        let asked = format!("{} {}", request.method(), request.uri());
        let agent = request.headers().get(USER_AGENT);
        let is_probe = agent.is_some_and(|agent| agent == READY_AGENT);
        let (mut response, reason) = match self.answer(request).await {
            Ok(response) => (response, None),
            Err(error) => (failure(&error), Some(error)),
        };
        let headers = response.headers_mut();
        headers.remove(ETAG);
        headers.remove(LAST_MODIFIED);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = response.status().as_u16();
        if is_probe {
            return response;
        }
        match reason.filter(|reason| reason.kind() != ErrorKind::NotFound) {
            Some(reason) => log(&format!("{asked} {status} ({reason})")),
            None => log(&format!("{asked} {status}")),
        }
        response
    }

    async fn answer(&self, mut request: Request<Incoming>) -> io::Result<Response<Body>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, WRONG_METHOD);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        let place = match Place::parse(request.uri().path()) {
            Ok(place) => place,
            Err(Refusal::Malformed) => {
                return Ok(text(StatusCode::BAD_REQUEST, TEXT, "bad path\n"));
            }
            Err(Refusal::Hidden) => return Err(ErrorKind::NotFound.into()),
        };
        if place.is_env() {
            return Ok(text(StatusCode::OK, "application/json", self.env.clone()));
        }
        let mut path = self.root.join(place.relative());
        let mut found = tokio::fs::metadata(&path).await?;
        if found.is_dir() {
            if !place.is_folder() {
                return Ok(redirect(&place, request.uri().query()));
            }
            path.push("index.html");
            found = tokio::fs::metadata(&path).await?;
        } else if place.is_folder() {
            return Err(ErrorKind::NotFound.into());
        }
        // Opening a pipe would wait for its writer.
        if !found.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let headers = request.headers_mut();
        let range = headers
            .remove(RANGE)
            .filter(|_| !headers.contains_key(IF_RANGE))
            .and_then(|range| single_range(&range, found.len()));
        if let Some(range) = range {
            headers.insert(RANGE, range);
        }
        for condition in &CONDITIONS {
            headers.remove(condition);
        }
        self.file(path, request).await
    }

    async fn file(&self, path: PathBuf, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let content_type = HeaderValue::try_from(content_type::of(&name))
            .unwrap_or(HeaderValue::from_static(content_type::UNKNOWN));
        let mut response = whole::answer(&path, request.method(), request.headers()).await?;
        if response.headers().contains_key(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        Ok(response)
    }
}

/// The range as the library is to see it: none if it is of another unit or of
/// an empty file, both of which it would refuse or invent bytes for, and the
/// whole file for a suffix that is longer (RFC 9110, 14.1.2).
fn single_range(range: &HeaderValue, size: u64) -> Option<HeaderValue> {
    let spec = range.to_str().ok()?.strip_prefix("bytes=")?;
    let suffix = spec.strip_prefix('-').and_then(|n| n.parse::<u64>().ok());
    match suffix {
        _ if size == 0 => None,
        Some(suffix) if suffix > size => Some(HeaderValue::from_static("bytes=0-")),
        _ => Some(range.clone()),
    }
}

/// The answer where there is no file to read.
fn failure(error: &io::Error) -> Response<Body> {
    let missing = matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied
    ) || [Errno::LOOP, Errno::NAMETOOLONG]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    if missing {
        text(StatusCode::NOT_FOUND, HTML, MISSING)
    } else {
        text(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            "the file cannot be read\n",
        )
    }
}

fn redirect(place: &Place, query: Option<&str>) -> Response<Body> {
    let mut location = place.folder_location();
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    let mut response = text(StatusCode::MOVED_PERMANENTLY, TEXT, "");
    match HeaderValue::try_from(location) {
        Ok(location) => {
            response.headers_mut().insert(LOCATION, location);
            response
        }
        Err(_) => text(StatusCode::BAD_REQUEST, TEXT, "bad path\n"),
    }
}

fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = body.into();
    let length = body.len();
    let mut response = Response::new(
        Full::new(body)
            .map_err(|never| match never {})
            .boxed_unsync(),
    );
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

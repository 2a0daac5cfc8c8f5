//! [`Pool`]: the connections to one target.
//!
//! Owns dialling and the idle HTTP/1.1 connections. Never retries and never
//! reads a message. An idle connection is kept for a second only: a service
//! that serves one connection at a time would otherwise be blocked by one that
//! nobody uses, and the shorter it is kept the rarer a service closes it in
//! the very moment of its use.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use crate::backend::Backend;
use crate::upload::Upload;

/// A loopback connect that takes longer was lost by a full backlog.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(1);

/// A request that cannot be sent twice takes only a connection that was in
/// use this recently, else a new one.
const FRESH: Duration = Duration::from_millis(250);

/// Unused connections kept at most.
const MOST_IDLE: usize = 256;

/// Header fields of a message at most; a peer that sends more gets an error.
pub(crate) const MOST_HEADERS: usize = 512;

/// The sending half of an HTTP/1.1 connection.
pub(crate) type Sender = http1::SendRequest<Upload>;

/// The sending half of an HTTP/2 connection.
pub(crate) type SharedSender = http2::SendRequest<Upload>;

/// The idle connections of one target.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The most recently used one last.
    connections: Vec<(Sender, Instant)>,
    /// Whether a task waits to drop what nobody uses.
    swept: bool,
}

impl Pool {
    /// An idle connection that is still open.
    pub(crate) fn take(&self, repeatable: bool) -> Option<Sender> {
        let mut idle = self.lock();
        while let Some((sender, since)) = idle.connections.pop() {
            if sender.is_closed() || !sender.is_ready() {
                continue;
            }
            if !repeatable && since.elapsed() > FRESH {
                idle.connections.push((sender, since));
                return None;
            }
            return Some(sender);
        }
        None
    }

    /// Drops all.
    pub(crate) fn clear(&self) {
        self.lock().connections.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a connection back after its answer was read.
pub(crate) fn recycle(backend: &Arc<Backend>, mut sender: Sender) {
    if sender.is_closed() || backend.is_closed() {
        return;
    }
    if sender.is_ready() {
        put(backend, sender);
        return;
    }
    // The request's body may still be on its way.
    let backend = Arc::clone(backend);
    tokio::spawn(async move {
        if sender.ready().await.is_ok() && !backend.is_closed() {
            put(&backend, sender);
        }
    });
}

fn put(backend: &Arc<Backend>, sender: Sender) {
    let mut idle = backend.pool.lock();
    if idle.connections.len() >= MOST_IDLE {
        return;
    }
    idle.connections.push((sender, Instant::now()));
    if !idle.swept {
        idle.swept = true;
        tokio::spawn(sweep(Arc::clone(backend)));
    }
}

/// Drops connections as they grow old, and ends when there are none.
async fn sweep(backend: Arc<Backend>) {
    loop {
        let oldest = {
            let mut idle = backend.pool.lock();
            idle.connections
                .retain(|(sender, since)| since.elapsed() < KEEP && !sender.is_closed());
            let oldest = idle.connections.iter().map(|(_, since)| *since).min();
            idle.swept = oldest.is_some();
            oldest
        };
        let Some(oldest) = oldest else { return };
        sleep_until(oldest + KEEP).await;
    }
}

/// A new connection to the target.
pub(crate) async fn connect(backend: &Backend) -> io::Result<TcpStream> {
    let dialled = tokio::select! {
        dialled = timeout(CONNECT_LIMIT, TcpStream::connect(backend.target.addr)) => dialled,
        () = backend.closing() => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let stream = dialled.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A new HTTP/1.1 connection, driven until the target is closed.
pub(crate) async fn dial(backend: &Backend) -> io::Result<Sender> {
    let stream = connect(backend).await?;
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let closing = backend.closing();
    tokio::spawn(async move {
        tokio::select! {
            // Each request on it was told its own error.
            _ = connection.with_upgrades() => {}
            () = closing => {}
        }
    });
    Ok(sender)
}

/// A new HTTP/2 connection, driven until the target is closed.
pub(crate) async fn dial_shared(backend: &Backend) -> io::Result<SharedSender> {
    let stream = connect(backend).await?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_header_list_size(1 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let closing = backend.closing();
    tokio::spawn(async move {
        tokio::select! {
            _ = connection => {}
            () = closing => {}
        }
    });
    Ok(sender)
}

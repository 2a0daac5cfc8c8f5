//! [`serve`]: the loop that accepts connections until it is told to end.
//!
//! Owns the listener and the tasks of all client connections. What happens on
//! a connection is in `http` and `tcp`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hob_wire::Protocol;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::gate::Gate;
use crate::http::Link;
use crate::pool::MOST_HEADERS;
use crate::tcp;

/// How a front behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The service's name, for messages: `goapi`.
    pub service: String,
    /// What passes through the port.
    pub protocol: Protocol,
    /// For which one request, or one TCP connection, waits in all.
    pub hold_limit: Duration,
    /// Whether pages get the script that reloads them.
    pub live_reload: bool,
    /// Within which a client sends the head of its (next) request; an idle
    /// connection is closed after it.
    pub header_limit: Duration,
    /// For which requests in flight may go on after the shutdown's word.
    pub close_limit: Duration,
}

impl Config {
    /// The usual limits: 30 s of hold, 2 minutes for a head, 2 s to close;
    /// live reload is on.
    #[must_use]
    pub fn new(service: impl Into<String>, protocol: Protocol) -> Self {
        Self {
            service: service.into(),
            protocol,
            hold_limit: Duration::from_secs(30),
            live_reload: true,
            header_limit: Duration::from_secs(120),
            close_limit: Duration::from_secs(2),
        }
    }
}

/// What all connections share.
struct Front {
    gate: Gate,
    config: Arc<Config>,
    builder: auto::Builder<TokioExecutor>,
    stop: watch::Sender<bool>,
}

/// Serves the listener until `shutdown` resolves. Then the port is free at
/// once, held requests are answered 503, requests in flight have
/// [`Config::close_limit`], and it returns with every connection closed.
pub async fn serve(
    listener: TcpListener,
    gate: Gate,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let front = Arc::new(Front {
        builder: builder(&config),
        gate,
        config: Arc::new(config),
        stop: watch::Sender::new(false),
    });
    let mut tasks = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tasks.spawn(connection(stream, peer.ip(), Arc::clone(&front)));
                }
                // Out of descriptors, or the client is gone already: the
                // next try must not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    front.gate.shut();
    front.stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    // Whatever is left after the limit is cut: that is what it is for.
    let _ = timeout(front.config.close_limit, all).await;
    front.gate.close_all();
    tasks.shutdown().await;
}

async fn connection(stream: TcpStream, peer: IpAddr, front: Arc<Front>) {
    // Fails only for a socket that is gone, which the next read says too.
    let _ = stream.set_nodelay(true);
    match front.config.protocol {
        Protocol::Grpc | Protocol::Tcp => tcp::pass(stream, &front.gate, &front.config).await,
        Protocol::Http => talk(stream, peer, &front).await,
    }
}

/// Serves the requests of one connection, HTTP/1.1 or HTTP/2.
async fn talk(stream: TcpStream, peer: IpAddr, front: &Front) {
    // The version is read off the first bytes: a client that sends none has
    // the same time for them as for a head.
    let limit = front.config.header_limit;
    if !matches!(timeout(limit, stream.peek(&mut [0])).await, Ok(Ok(1..))) {
        return;
    }
    let link = Arc::new(Link::new(
        front.gate.clone(),
        Arc::clone(&front.config),
        peer,
    ));
    let service = service_fn(move |request| Arc::clone(&link).answer(request));
    let connection = front
        .builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut stop = front.stop.subscribe();
    tokio::select! {
        // An error is the client's (it is gone, or spoke no HTTP and was
        // answered 400) and concerns no other connection.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

fn builder(config: &Config) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_limit)
        .preserve_header_case(true)
        .auto_date_header(false)
        .max_headers(MOST_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_concurrent_streams(4096)
        .max_header_list_size(1 << 20)
        .max_pending_accept_reset_streams(1024)
        .max_local_error_reset_streams(4096);
    builder
}

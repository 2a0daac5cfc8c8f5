//! [`serve`]: the loop that accepts connections until it is told to end.
//!
//! Owns the listener and the tasks of all client connections. What happens on
//! a connection is in `http` and `tcp`.

use std::sync::Arc;
use std::time::Duration;

use hob_wire::Protocol;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::gate::Gate;
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

/// Serves the listener until `shutdown` resolves. Then the port is free at
/// once, held requests are answered 503, requests in flight have
/// [`Config::close_limit`], and it returns with every connection closed.
pub async fn serve(
    listener: TcpListener,
    gate: Gate,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let config = Arc::new(config);
    let stop = watch::Sender::new(false);
    let mut tasks = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(connection(stream, gate.clone(), Arc::clone(&config), stop.subscribe()));
                }
                // Out of descriptors, or the client is gone already: the
                // next try must not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    gate.shut();
    stop.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    // Whatever is left after the limit is cut: that is what it is for.
    let _ = tokio::time::timeout(config.close_limit, all).await;
    gate.close_all();
    tasks.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    gate: Gate,
    config: Arc<Config>,
    stop: watch::Receiver<bool>,
) {
    // Fails only for a socket that is gone, which the next read says too.
    let _ = stream.set_nodelay(true);
    match config.protocol {
        Protocol::Tcp => tcp::pass(stream, &gate, &config).await,
        Protocol::Http => drop(stop),
    }
}

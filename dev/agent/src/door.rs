//! Who comes in: the socket, the port of `--tcp`, and what each of their
//! clients may ask for.
//!
//! An agent that works for somebody outside of its container (`--own`) obeys
//! nobody inside of it: a service of the same user could otherwise have
//! whatever it likes run by root. Who is inside may look, and no more.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use hob_wire::{Token, decode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::AbortHandle;

use crate::options::Tcp;
use crate::server::{Connection, Rights, Shared};

/// For how long a client's token is waited for.
const TOKEN_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of the line that holds it.
const TOKEN_BYTES: u64 = 4096;
/// Clients without a token yet; one more, and the oldest of them goes.
const STRANGERS: usize = 512;
/// Out of descriptors: those that end free some.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts clients of the socket until the task is dropped. `guarded`: those
/// of this process's own PID namespace may only look.
pub async fn socket(listener: UnixListener, shared: Shared, guarded: bool) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let rights = match guarded && !is_outside(&stream) {
                    true => Rights::Look,
                    false => Rights::Command,
                };
                let (read, write) = stream.into_split();
                let connection = Connection::new(BufReader::new(read), write, shared.clone());
                tokio::spawn(async move {
                    // A client that went away is no concern of the agent's.
                    let _ = connection.serve(rights).await;
                });
            }
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
}

/// A process of another PID namespace has no number in this one (`SO_PEERCRED`
/// of unix(7)); it reads as 0.
fn is_outside(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.pid() == Some(0))
}

/// The port of `--tcp` with what its clients must know.
pub struct Port {
    listener: TcpListener,
    token: String,
    guarded: bool,
}

impl Port {
    /// Listens on all addresses.
    ///
    /// # Errors
    /// The port is taken, or the token file says nothing.
    pub async fn open(tcp: &Tcp, guarded: bool) -> io::Result<Self> {
        let token = fs::read_to_string(&tcp.token_file)?.trim().to_owned();
        if token.is_empty() {
            return Err(io::Error::other("the token file is empty"));
        }
        let addr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, tcp.port));
        Ok(Self {
            listener: TcpListener::bind(addr).await?,
            token,
            guarded,
        })
    }

    /// Accepts clients until the task is dropped.
    pub async fn serve(self, shared: Shared) {
        let mut strangers: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                tokio::time::sleep(BREATH).await;
                continue;
            };
            strangers.retain(|it| !it.is_finished());
            if strangers.len() >= STRANGERS {
                strangers.pop_front().inspect(AbortHandle::abort);
            }
            let rights = match self.guarded && is_own(peer.ip()) {
                true => Rights::Look,
                false => Rights::Command,
            };
            let (token, shared) = (self.token.clone(), shared.clone());
            let stranger = tokio::spawn(async move {
                let shown = tokio::time::timeout(TOKEN_LIMIT, shown(stream, &token));
                if let Ok(Some(client)) = shown.await {
                    // From here on it is no stranger: on a task of its own.
                    tokio::spawn(welcome(client, shared, rights));
                }
            });
            strangers.push_back(stranger.abort_handle());
        }
    }
}

async fn welcome(client: BufReader<TcpStream>, shared: Shared, rights: Rights) {
    // Replies are small and wanted at once.
    let _ = client.get_ref().set_nodelay(true);
    // What came with the token is in the buffer, so that goes along.
    let (read, write) = tokio::io::split(client);
    let connection = Connection::new(BufReader::new(read), write, shared);
    // A client that went away is no concern of the agent's.
    let _ = connection.serve(rights).await;
}

/// The client, once it has shown the token; none when it shows another one.
async fn shown(stream: TcpStream, token: &str) -> Option<BufReader<TcpStream>> {
    let mut client = BufReader::with_capacity(1024, stream);
    let mut line = Vec::new();
    let mut first = (&mut client).take(TOKEN_BYTES);
    first.read_until(b'\n', &mut line).await.ok()?;
    let shown: Token = decode(&line).ok()?;
    is_same(shown.token.as_bytes(), token.as_bytes()).then_some(client)
}

/// Takes as long for a wrong text as for the right one, so that nobody finds
/// it piece by piece.
fn is_same(shown: &[u8], token: &[u8]) -> bool {
    let pairs = shown.iter().zip(token);
    let differing = pairs.fold(0, |seen, (one, other)| seen | (one ^ other));
    std::hint::black_box(differing) == 0 && shown.len() == token.len()
}

/// Whether an address is this machine's or container's own: one that a socket
/// can be bound to.
fn is_own(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(is_same(b"secret", b"secret"));
        for other in [&b"secres"[..], b"secre", b"secrets", b"", b"Secret"] {
            assert!(!is_same(other, b"secret"), "{other:?}");
        }
    }

    #[test]
    fn own_addresses_are_told_from_others() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        // For documentation (RFC 5737): nobody's.
        assert!(!is_own(Ipv4Addr::new(192, 0, 2, 1).into()));
    }
}

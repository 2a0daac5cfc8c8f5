//! Ports: a fresh one for a new process, and whether a process listens where
//! it should.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// The first port that no system hands out for outgoing connections when the
/// kernel does not say.
const ABOVE_EPHEMERAL: u16 = 61_000;

/// A free port of `host`. It lies above the range for outgoing connections,
/// so between this look and the process's bind nobody gets it by chance, and
/// a probe can never connect to itself.
///
/// # Errors
/// No port is free.
pub fn fresh(host: IpAddr) -> io::Result<SocketAddr> {
    /// Where the last search ended, so that a port is not used again at once.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = first_port();
    let count = u32::from(u16::MAX - first);
    if NEXT.load(Ordering::Relaxed) == 0 {
        // Agents begin at different places and rarely meet.
        NEXT.store(
            std::process::id().wrapping_mul(2_654_435_761) % count,
            Ordering::Relaxed,
        );
    }
    for _ in 0..count {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        let port = first + u16::try_from(offset).unwrap_or(0);
        let addr = SocketAddr::new(host, port);
        // An address that is free for a listener now; it is given up at once.
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    TcpListener::bind(SocketAddr::new(host, 0))?.local_addr()
}

/// Whether a process could listen here now. What else may be wrong with the
/// address is for the process to say: it may have rights that hob has not.
///
/// # Errors
/// Something listens here already: whoever asks it for readiness would take
/// its answer for the new process's.
pub fn still_free(addr: SocketAddr) -> Result<(), Taken> {
    match TcpListener::bind(addr) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Taken(addr)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A port that somebody else has.
#[derive(Debug, thiserror::Error)]
#[error("something else listens on {0} already; `hob doctor` says who")]
pub struct Taken(SocketAddr);

/// The port after the kernel's own range, when that leaves enough of them.
fn first_port() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let last: Option<u16> = range.and_then(|range| {
        range
            .split_whitespace()
            .nth(1)
            .and_then(|last| last.parse().ok())
    });
    match last {
        Some(last) if last < u16::MAX - 1000 => last + 1,
        _ => ABOVE_EPHEMERAL,
    }
}

/// The address beyond loopback on which something listens with this port, from
/// `/proc/net/tcp` and `tcp6` (proc(5): local address in hex, state 0A).
///
/// Reading these takes the kernel 5 ms each, however few connections there
/// are: it walks a table that is sized by the machine's memory. So they are
/// read only when there may be something to find.
pub fn exposed(port: u16) -> Option<String> {
    if is_private(port) {
        return None;
    }
    let listens = |path: &str, any: &str, shown: String| {
        let table = fs::read_to_string(path).ok()?;
        let local = format!("{any}:{port:04X}");
        table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .any(|fields| fields.get(1) == Some(&local.as_str()) && fields.get(3) == Some(&"0A"))
            .then_some(shown)
    };
    listens(
        "/proc/net/tcp",
        "00000000",
        format!("{}:{port}", Ipv4Addr::UNSPECIFIED),
    )
    .or_else(|| {
        listens(
            "/proc/net/tcp6",
            "00000000000000000000000000000000",
            format!("[::]:{port}"),
        )
    })
}

/// Whether nothing listens on all addresses with this port: then it is free on
/// a loopback address that nobody uses. `false` says nothing.
fn is_private(port: u16) -> bool {
    let free = |addr: IpAddr| match TcpListener::bind(SocketAddr::new(addr, port)) {
        Ok(_) => true,
        // There is no IPv6 here.
        Err(error) => addr.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable,
    };
    free(Ipv4Addr::new(127, 0, 0, 2).into()) && free(Ipv6Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn fresh_ports_are_free_and_differ() {
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = fresh(host).unwrap();
        let second = fresh(host).unwrap();
        assert_ne!(first, second);
        TcpListener::bind(first).unwrap();
    }

    #[test]
    fn a_listener_on_all_interfaces_is_found_and_one_on_loopback_is_not() {
        let open = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = open.local_addr().unwrap().port();
        assert_eq!(exposed(port), Some(format!("0.0.0.0:{port}")));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(exposed(closed.local_addr().unwrap().port()), None);
    }

    #[test]
    fn a_port_that_is_used_on_its_own_loopback_address_only_is_private() {
        let port = |addr: &str| {
            let listener = TcpListener::bind(addr).unwrap();
            let port = listener.local_addr().unwrap().port();
            (listener, port)
        };
        let (_own, own) = port("127.0.0.1:0");
        assert!(is_private(own));
        let (_all, all) = port("0.0.0.0:0");
        assert!(!is_private(all));
        if let Ok(six) = TcpListener::bind("[::]:0") {
            assert!(!is_private(six.local_addr().unwrap().port()));
        }
    }
}

//! Who listens on which port of this machine.
//!
//! Owns the reading of `/proc/net/tcp`, `udp` and their like for IPv6 (see
//! proc_pid_net(5)) and of the descriptors that lead from a socket to its
//! process. Start with [`Listeners::read`].

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::processes;

/// The state `TCP_LISTEN` of include/net/tcp_states.h.
const LISTEN: &str = "0A";

/// All sockets at one time that keep others from listening: those of TCP that
/// listen, or all of UDP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listeners {
    sockets: Vec<Listener>,
}

/// One listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The number of the user that made it.
    pub uid: u32,
    /// Its inode.
    pub inode: u64,
}

impl Listeners {
    /// Reads both tables; one that is not there is empty.
    #[must_use]
    pub fn read() -> Self {
        let table = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&table("/proc/net/tcp"), &table("/proc/net/tcp6"))
    }

    /// The same for UDP.
    #[must_use]
    pub fn read_udp() -> Self {
        let table = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse_udp(&table("/proc/net/udp"), &table("/proc/net/udp6"))
    }

    /// The sockets of these two tables.
    #[must_use]
    pub fn parse(tcp: &str, tcp6: &str) -> Self {
        Self::of(tcp, tcp6, |state| state == LISTEN)
    }

    /// The same for UDP, where a socket that has an address is in the way of
    /// others, whatever its state.
    #[must_use]
    pub fn parse_udp(udp: &str, udp6: &str) -> Self {
        Self::of(udp, udp6, |_| true)
    }

    fn of(four: &str, six: &str, counts: impl Fn(&str) -> bool) -> Self {
        let lines = four.lines().skip(1).chain(six.lines().skip(1));
        Self {
            sockets: lines.filter_map(|line| socket(line, &counts)).collect(),
        }
    }

    /// The sockets that keep others from listening on this address.
    pub fn against(&self, addr: SocketAddr) -> impl Iterator<Item = &Listener> {
        self.sockets
            .iter()
            .filter(move |socket| excludes(socket.addr, addr))
    }

    /// Whether anything listens on this port, on any address.
    #[must_use]
    pub fn uses(&self, port: u16) -> bool {
        self.sockets.iter().any(|socket| socket.addr.port() == port)
    }

    /// Every socket, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.sockets.iter()
    }
}

/// The processes that hold each of these sockets, by inode. A process of
/// another user shows its descriptors only to root.
#[must_use]
pub fn holders(inodes: &[u64]) -> BTreeMap<u64, Vec<u32>> {
    let mut holders: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    if inodes.is_empty() {
        return holders;
    }
    for pid in processes::numbers() {
        let entries = fs::read_dir(format!("/proc/{pid}/fd"));
        for entry in entries.into_iter().flatten().flatten() {
            let inode = fs::read_link(entry.path())
                .ok()
                .and_then(|target| socket_inode(target.to_str()?));
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                let pids = holders.entry(inode).or_default();
                if !pids.contains(&pid) {
                    pids.push(pid);
                }
            }
        }
    }
    holders
}

/// Where this machine reaches what listens on `address`.
#[must_use]
pub fn reached(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// The name of a user, if `/etc/passwd` knows it.
#[must_use]
pub fn user_name(uid: u32) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Whether a socket on `held` keeps another one from `wanted`. A socket on
/// `[::]` takes the IPv4 addresses, too, unless it was told not to, which the
/// table does not show.
#[must_use]
pub fn excludes(held: SocketAddr, wanted: SocketAddr) -> bool {
    if held.port() != wanted.port() {
        return false;
    }
    let same_family = held.is_ipv4() == wanted.is_ipv4();
    let open = |ip: IpAddr| ip.is_unspecified();
    match (open(held.ip()), open(wanted.ip())) {
        (true, true) => true,
        (true, false) => held.is_ipv6() || same_family,
        (false, true) => wanted.is_ipv6() || same_family,
        (false, false) => held.ip() == wanted.ip(),
    }
}

fn socket_inode(target: &str) -> Option<u64> {
    let digits = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    digits.parse().ok()
}

fn socket(line: &str, counts: impl Fn(&str) -> bool) -> Option<Listener> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, _, state, _, _, _, uid, _, inode, ..] = fields[..] else {
        return None;
    };
    if !counts(state) {
        return None;
    }
    Some(Listener {
        addr: address(local)?,
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

/// `0100007F:1F90`: words of four bytes in the machine's order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(at)?);
            }
            let ip = Ipv6Addr::from(bytes);
            ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests;

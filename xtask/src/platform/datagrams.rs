//! Who is in the way of the resolver, which answers over UDP, too, and by two
//! processes. dnsmasq itself would say nothing but that an address is in use,
//! and be tried again.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hob_engine::Engine;
use hob_engine::machine::ports::{Listener, Listeners, holders};
use hob_platform::{DNS, STACK, answers_on};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::taken::who;

/// Somebody who has an address that the resolver is to have.
pub struct InTheWay {
    address: SocketAddr,
    over: &'static str,
    who: String,
    /// What ends it, where that is hob's.
    pub hint: Option<String>,
}

impl InTheWay {
    /// The first of the resolver's addresses that somebody else has. Whether
    /// its own process has any the caller knows, but for what a killed agent
    /// left on this engine.
    pub fn find(engine: &Engine, port: u16) -> Option<Self> {
        let [asked, wildcards] = answers_on(port);
        let (tcp, udp) = (Listeners::read(), Listeners::read_udp());
        let own = own(engine);
        datagrams(engine, &udp, asked, &own)
            .or_else(|| datagrams(engine, &udp, wildcards, &own))
            .or_else(|| Self::first(engine, ("TCP", wildcards), tcp.against(wildcards), &own))
    }

    /// The same once the resolver was tried and did not come up, when processes
    /// of it come and go: the one that is asked begins last, and has nothing
    /// where it cannot have it all.
    pub fn of_failed(engine: &Engine, port: u16) -> Option<Self> {
        let [asked, _] = answers_on(port);
        let (tcp, udp) = (Listeners::read(), Listeners::read_udp());
        let own = own(engine);
        Self::first(engine, ("TCP", asked), tcp.against(asked), &own)
            .or_else(|| datagrams(engine, &udp, asked, &own))
    }

    /// In one line.
    pub fn words(&self) -> String {
        let Self {
            address, over, who, ..
        } = self;
        format!("{address} is taken ({over}): {who} has it")
    }

    fn first<'a>(
        engine: &Engine,
        (over, address): (&'static str, SocketAddr),
        sockets: impl Iterator<Item = &'a Listener>,
        own: &BTreeSet<u32>,
    ) -> Option<Self> {
        let sockets: Vec<&Listener> = sockets.collect();
        let inodes: Vec<u64> = sockets.iter().map(|it| it.inode).collect();
        let holders = holders(&inodes);
        let mut others = sockets.into_iter().filter_map(|socket| {
            let pids = holders.get(&socket.inode).map_or(&[][..], Vec::as_slice);
            let (who, hint) = who(engine.uid(), socket, pids);
            (!pids.iter().any(|pid| own.contains(pid))).then_some(Self {
                address,
                over,
                who,
                hint,
            })
        });
        others.next()
    }
}

/// Who keeps datagrams to this address from the resolver.
fn datagrams(
    engine: &Engine,
    udp: &Listeners,
    address: SocketAddr,
    own: &BTreeSet<u32>,
) -> Option<InTheWay> {
    let (same, open): (Vec<&Listener>, Vec<&Listener>) =
        udp.against(address).partition(|it| it.addr == address);
    // Two who both allow it may have the very same address, and one of them
    // hears nothing.
    let same = InTheWay::first(engine, ("UDP", address), same.into_iter(), own);
    same.or_else(|| match open.is_empty() || can_be_had(address) {
        true => None,
        false => InTheWay::first(engine, ("UDP", address), open.into_iter(), own),
    })
}

/// Whether dnsmasq could have an address beside somebody who has all of them:
/// that is so where both allow it, and then it gets what is for the address.
fn can_be_had(address: SocketAddr) -> bool {
    let had = || {
        let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
        let socket = socket_with(AddressFamily::INET, kind, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)
    };
    // What else keeps this user from it may not keep a container.
    had() != Err(Errno::ADDRINUSE)
}

/// What is left of the resolver on this engine.
fn own(engine: &Engine) -> BTreeSet<u32> {
    let id = format!("{STACK}/{DNS}").parse();
    id.map_or_else(|_| BTreeSet::new(), |id| engine.processes_of(&id))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::Ipv4Addr;

    use super::*;

    /// Whether dnsmasq could come beside somebody with all addresses of a port.
    fn beside(is_shared: bool) -> bool {
        let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
        let holder = socket_with(AddressFamily::INET, kind, flags, None).unwrap();
        sockopt::set_socket_reuseaddr(&holder, is_shared).unwrap();
        bind(&holder, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).unwrap();
        let held = rustix::net::getsockname(&holder).unwrap();
        let port = SocketAddr::try_from(held).unwrap().port();
        can_be_had(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    #[test]
    fn who_has_all_addresses_is_in_the_way_unless_they_are_shared() {
        assert!(!beside(false));
        assert!(beside(true));
    }
}

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use super::{Listeners, holders, user_name};

/// Two listening sockets, a connected one, and a mapped address.
const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E2A 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
";
const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0 100 0 0 10 0
   1: 00000000000000000000000000000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 555 1 0 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 666 1 0 100 0 0 10 0
";

fn check(wanted: &str, expected: &[u64]) {
    let wanted: SocketAddr = wanted.parse().unwrap();
    let listeners = Listeners::parse(TCP, TCP6);
    let inodes: Vec<u64> = listeners.against(wanted).map(|held| held.inode).collect();
    assert_eq!(inodes, expected, "{wanted}");
}

#[test]
fn only_what_listens_on_the_same_address_is_in_the_way() {
    check("127.0.0.1:20010", &[111]);
    check("127.0.0.2:20010", &[]);
    check("0.0.0.0:20010", &[111]);
    check("[::1]:20010", &[]);
    check("[::]:20010", &[111]);
    check("127.0.0.1:8080", &[222]);
    check("[::1]:8080", &[]);
    check("127.0.0.1:8081", &[]);
    check("[::1]:80", &[444]);
    check("127.0.0.1:80", &[]);
    check("0.0.0.0:80", &[]);
    check("127.0.0.1:81", &[555]);
    check("0.0.0.0:81", &[555]);
    check("127.0.0.1:82", &[666]);
}

#[test]
fn of_datagrams_every_socket_counts_and_none_that_is_of_tcp() {
    let listeners = Listeners::parse_udp(TCP, "");
    let wanted = "127.0.0.1:8081".parse().unwrap();
    let inodes: Vec<u64> = listeners.against(wanted).map(|it| it.inode).collect();
    assert_eq!(inodes, [333]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let held = *Listeners::read_udp().against(addr).next().unwrap();
    assert!(holders(&[held.inode])[&held.inode].contains(&std::process::id()));
    let tcp = Listeners::read();
    assert!(!tcp.iter().any(|it| it.inode == held.inode));
}

#[test]
fn a_real_listener_is_found_with_its_process() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let listeners = Listeners::read();
    assert!(listeners.uses(addr.port()));
    let held = *listeners.against(addr).next().unwrap();
    assert_eq!(held.uid, rustix::process::getuid().as_raw());
    // Another test may be about to start a program, and its new process has
    // everything of this one for an instant.
    assert!(holders(&[held.inode])[&held.inode].contains(&std::process::id()));
    drop(listener);
    let end = Instant::now() + Duration::from_secs(30);
    while Listeners::read().against(addr).next().is_some() {
        assert!(Instant::now() < end, "it is still there");
        std::thread::yield_now();
    }
}

#[test]
fn users_have_names() {
    assert_eq!(user_name(0).as_deref(), Some("root"));
    assert_eq!(user_name(4_000_000_001), None);
}

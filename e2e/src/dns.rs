//! Questions to a resolver, one datagram each (see RFC 1035).

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// How long an answer may take: the resolver is on this machine.
const ANSWER: Duration = Duration::from_secs(5);

/// What a resolver says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its addresses.
    Addresses(Vec<Ipv4Addr>),
    /// There is no such name.
    NoSuchName,
    /// It is not the resolver's to answer.
    Refused,
    /// Another end, by its number.
    Other(u8),
}

/// Asks the resolver on a loopback port for the addresses of a name; none
/// when nobody answers.
#[must_use]
pub fn ask(port: u16, name: &str) -> Option<Answer> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.set_read_timeout(Some(ANSWER)).ok()?;
    socket.connect(("127.0.0.1", port)).ok()?;
    socket.send(&question(name)).ok()?;
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).ok()?;
    Some(understood(&answer[..length]))
}

/// A question for the A records of a name, recursion desired.
fn question(name: &str) -> Vec<u8> {
    let mut text = vec![0x4a, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        text.push(u8::try_from(label.len()).unwrap());
        text.extend(label.as_bytes());
    }
    text.extend([0, 0, 1, 0, 1]);
    text
}

fn understood(answer: &[u8]) -> Answer {
    match answer[3] & 0x0f {
        0 => {}
        3 => return Answer::NoSuchName,
        5 => return Answer::Refused,
        other => return Answer::Other(other),
    }
    let count = usize::from(u16::from_be_bytes([answer[6], answer[7]]));
    // Behind the header and the question; each answer begins with a pointer.
    let mut at = 12;
    while answer[at] != 0 {
        at += 1 + usize::from(answer[at]);
    }
    at += 5;
    let mut addresses = Vec::new();
    for _ in 0..count {
        let record = &answer[at..];
        let length = usize::from(u16::from_be_bytes([record[10], record[11]]));
        if (record[3], length) == (1, 4) {
            addresses.push(Ipv4Addr::new(
                record[12], record[13], record[14], record[15],
            ));
        }
        at += 12 + length;
    }
    Answer::Addresses(addresses)
}

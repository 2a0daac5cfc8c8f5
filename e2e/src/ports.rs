//! [`Port`]: a TCP port that no other test takes.
//!
//! A UDP socket of the same number on another loopback address, where nothing
//! is tested, marks it as taken, also between processes;
//! the kernel gives the mark up when the test ends, however that happens.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that hob chooses itself (22000-29999) and those that Linux
/// gives out (32768-60999).
const RANGE: std::ops::Range<u16> = 10_500..19_500;

/// Where the marks are.
const MARKS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A free port, reserved for as long as this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _mark: UdpSocket,
}

impl Port {
    /// A port that nothing listens on and no other test has.
    ///
    /// # Panics
    /// Every port of the range is taken.
    #[must_use]
    pub fn reserve() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let length = RANGE.end - RANGE.start;
        // Test programs that run at the same time begin at different places.
        let first = (std::process::id() % u32::from(length)) as u16;
        for _ in 0..length {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let number = RANGE.start + (first.wrapping_add(step)) % length;
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
            if let (true, Ok(mark)) = (free, UdpSocket::bind((MARKS, number))) {
                return Self {
                    number,
                    _mark: mark,
                };
            }
        }
        panic!("no port of {RANGE:?} is free");
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

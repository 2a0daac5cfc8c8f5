//! Questions to a resolver on loopback, as precise in time as the machine
//! allows (see RFC 1035).

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// After this a question is asked again. One for a stack that goes in the same
/// instant may stay without an answer.
const PATIENCE: Duration = Duration::from_millis(20);

/// One who asks for the address of one name.
pub struct Asker {
    socket: UdpSocket,
    /// All behind its number.
    question: Vec<u8>,
    number: Cell<u16>,
}

impl Asker {
    /// Of the resolver on this port.
    ///
    /// # Errors
    /// There is no socket to be had.
    pub fn new(port: u16, name: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect((Ipv4Addr::LOCALHOST, port))?;
        let mut question = vec![1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            // A label has 63 bytes at most.
            question.push(u8::try_from(label.len()).unwrap_or(0));
            question.extend(label.as_bytes());
        }
        question.extend([0, 0, 1, 0, 1]);
        let number = Cell::new(0);
        Ok(Self {
            socket,
            question,
            number,
        })
    }

    /// Whether the name has an address now; none without an answer in time.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn ask(&self) -> io::Result<Option<bool>> {
        self.number.set(self.number.get().wrapping_add(1));
        let number = self.number.get().to_be_bytes();
        let question = [&number[..], &self.question].concat();
        self.socket.send(&question)?;
        let mut answer = [0; 512];
        loop {
            match self.socket.recv(&mut answer) {
                // That of an earlier question.
                Ok(_) if answer[..2] != number => {}
                Ok(length) => {
                    let good = length > 8 && answer[3] & 0x0f == 0;
                    return Ok(Some(good && answer[6..8] != [0, 0]));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

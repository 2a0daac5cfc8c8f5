//! Clients of an agent's socket and of its service's port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use hob_wire::{
    Change, ChangeAction, EventKind, LINE_LIMIT, Reply, Request, SessionInfo, Spec, decode, encode,
};

use super::PATIENCE;

pub fn session() -> SessionInfo {
    SessionInfo {
        pid: std::process::id(),
        socket: "/tmp/session".into(),
    }
}

/// A connection to the agent.
pub struct Client {
    read: BufReader<UnixStream>,
}

impl Client {
    pub fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            read: BufReader::new(stream),
        }
    }

    pub fn send<T: serde::Serialize>(&mut self, value: &T) {
        self.raw(&encode(value));
    }

    /// Bytes; the agent may have closed already.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.read.get_mut().write_all(bytes);
    }

    pub fn change(&mut self, generation: u64, action: ChangeAction) {
        self.send(&Request::Change(Change {
            generation,
            action,
            noticed: hob_agent::log::now(),
            digest: None,
            paths: Vec::new(),
        }));
    }

    pub fn save(&mut self, generation: u64) {
        self.change(generation, ChangeAction::Rebuild);
    }

    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.next().expect("a reply")
    }

    /// The next reply; none when the agent has closed.
    #[track_caller]
    pub fn next(&mut self) -> Option<Reply> {
        let mut line = Vec::new();
        self.read.read_until(b'\n', &mut line).expect("a line");
        assert!(line.len() <= LINE_LIMIT, "{} bytes in a line", line.len());
        (!line.is_empty()).then(|| decode(&line).unwrap())
    }

    #[track_caller]
    pub fn find<T>(&mut self, what: &str, mut wanted: impl FnMut(Reply) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let reply = self.next();
            let reply = reply.unwrap_or_else(|| panic!("{what}: the agent has closed"));
            if let Some(found) = wanted(reply) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: not in time");
        }
    }

    /// The next event that is wanted.
    #[track_caller]
    pub fn event<T>(&mut self, what: &str, mut wanted: impl FnMut(EventKind) -> Option<T>) -> T {
        self.find(what, |reply| match reply {
            Reply::Event(event) => wanted(event.kind),
            _ => None,
        })
    }
}

/// An answer of the service's port.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn generation(&self) -> Option<u64> {
        let line = self
            .head
            .lines()
            .find(|line| line.starts_with("hob-generation"))?;
        line.split(' ').nth(1)?.parse().ok()
    }
}

#[track_caller]
pub fn get(spec: &Spec, path: &str) -> Answer {
    let addr = spec.listen.unwrap().addr;
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

//! A client for precise timing: one connection, blocking, no delays of its
//! own. It knows as much of HTTP/1.1 as the answers of this program's
//! services need: `content-length` and `chunked`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any request is held.
const PATIENCE: Duration = Duration::from_secs(45);

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body's text.
    pub body: String,
    /// Whether the connection may be used again.
    pub keep: bool,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    /// A new connection, for GETs of one path.
    ///
    /// # Errors
    /// Nothing listens there.
    pub fn connect(addr: SocketAddr, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n\r\n").into_bytes();
        Ok(Self {
            stream,
            request,
            buffer: Vec::with_capacity(8 << 10),
        })
    }

    /// Asks and waits for the whole answer.
    ///
    /// # Errors
    /// The connection ended before it, or it is no HTTP.
    pub fn get(&mut self) -> io::Result<Answer> {
        self.stream.write_all(&self.request)?;
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end);
        let status = head
            .split_whitespace()
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| invalid("the answer has no status"))?;
        let value = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let body = match (value("content-length"), value("transfer-encoding")) {
            (Some(length), _) => {
                let length = length
                    .parse()
                    .map_err(|_| invalid("a length is no number"))?;
                self.take(length)?
            }
            (None, Some("chunked")) => self.chunks()?,
            (None, _) => return Err(invalid("the answer has no length")),
        };
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
            keep: value("connection") != Some("close") && !head.starts_with("http/1.0"),
        })
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection was closed before the answer",
            ));
        }
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(())
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill()?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.buffer, b"\r\n") {
                    break at;
                }
                self.fill()?;
            };
            let line = self.take(end + 2)?;
            let size = String::from_utf8_lossy(&line[..end]);
            let size = usize::from_str_radix(size.trim(), 16)
                .map_err(|_| invalid("a chunk's size is no number"))?;
            let mut chunk = self.take(size + 2)?;
            chunk.truncate(size);
            body.extend(chunk);
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[track_caller]
    fn check(answers: &'static [u8], expected: &[(u16, &str, bool)]) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answers).unwrap();
            // Its requests are read so that closing resets nothing.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut client = Client::connect(addr, "/").unwrap();
        for (status, body, keep) in expected {
            let answer = client.get().unwrap();
            assert_eq!(
                (answer.status, answer.body.as_str(), answer.keep),
                (*status, *body, *keep)
            );
        }
        drop(client);
        server.join().unwrap();
    }

    #[test]
    fn answers_on_one_connection_are_told_apart_by_their_lengths() {
        check(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 503 No\r\n\
              Connection: close\r\nContent-Length: 0\r\n\r\n",
            &[(200, "hi", true), (503, "", false)],
        );
    }

    #[test]
    fn chunks_are_put_together() {
        check(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            &[(200, "hello", true)],
        );
    }
}

//! A client that asks once and hides nothing: HTTP/1.1, one connection a
//! request, errors as they come.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a request may take: longer than any hold limit.
const LIMIT: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `200`.
    pub status: u16,
    /// Header fields by name in lower case; the last one of a name.
    pub headers: BTreeMap<String, String>,
    /// The body, without its framing.
    pub body: String,
}

impl Answer {
    /// A header field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The save that a dev service's answer came from.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.header("hob-generation")?.parse().ok()
    }
}

/// Asks for a path of a loopback port.
///
/// # Errors
/// Nobody listens, or the answer does not end as it should.
pub fn get(port: u16, path: &str) -> io::Result<Answer> {
    request(port, path, &[])
}

/// Asks one of the hosts that a loopback port has.
///
/// # Errors
/// Like [`get`].
pub fn get_from(port: u16, host: &str, path: &str) -> io::Result<Answer> {
    asked(port, host, path, &[])
}

/// Asks as a browser does that opens a page.
///
/// # Errors
/// Like [`get`].
pub fn page(port: u16, path: &str) -> io::Result<Answer> {
    request(
        port,
        path,
        &[
            "Accept: text/html,application/xhtml+xml",
            "Sec-Fetch-Mode: navigate",
        ],
    )
}

/// Asks with more header fields, each a whole line.
///
/// # Errors
/// Like [`get`].
pub fn request(port: u16, path: &str, fields: &[&str]) -> io::Result<Answer> {
    asked(port, &format!("127.0.0.1:{port}"), path, fields)
}

fn asked(port: u16, host: &str, path: &str, fields: &[&str]) -> io::Result<Answer> {
    spoken(port, &format!("GET {path}"), host, fields, "")
}

/// Sends a body of this media type; `line` is a method and a path.
///
/// # Errors
/// Like [`get`].
pub fn send(port: u16, line: &str, kind: &str, body: &str) -> io::Result<Answer> {
    let (kind, length) = (format!("Content-Type: {kind}"), body.len());
    let length = format!("Content-Length: {length}");
    let host = format!("127.0.0.1:{port}");
    spoken(port, line, &host, &[&kind, &length], body)
}

fn spoken(port: u16, line: &str, host: &str, fields: &[&str], body: &str) -> io::Result<Answer> {
    let mut stream = connect(port)?;
    let fields: String = fields.iter().map(|it| format!("{it}\r\n")).collect();
    let whole =
        format!("{line} HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n{body}");
    stream.write_all(whole.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).and_then(Whole::in_words).ok_or_else(|| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no whole answer: {text:?}"),
        )
    })
}

/// A connection to a loopback port.
///
/// # Errors
/// Nobody listens.
pub fn connect(port: u16) -> io::Result<TcpStream> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&addr, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An answer whose body may be anything.
pub(crate) struct Whole {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Whole {
    fn in_words(self) -> Option<Answer> {
        Some(Answer {
            status: self.status,
            headers: self.headers,
            body: String::from_utf8(self.body).ok()?,
        })
    }
}

/// An answer that has come to its end; none when something of it is missing.
pub(crate) fn parse(bytes: &[u8]) -> Option<Whole> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let body = match (
        headers.get("transfer-encoding"),
        headers.get("content-length"),
    ) {
        (Some(_), _) => dechunk(rest)?,
        (None, Some(length)) => {
            (rest.len() == length.parse::<usize>().ok()?).then(|| rest.to_vec())?
        }
        (None, None) => rest.to_vec(),
    };
    Some(Whole {
        status,
        headers,
        body,
    })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|it| it == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

//! Whether a Docker engine answers at a place: the one question that is asked
//! before an engine is chosen, so without a runtime and in a moment.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hob_stack::DockerEndpoint;

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// What an engine is asked (see `/_ping` of its API).
const PING: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";

/// Asks.
///
/// # Errors
/// Why there is none, in words.
pub(crate) fn answers(endpoint: &DockerEndpoint) -> Result<(), String> {
    let said = match endpoint {
        DockerEndpoint::Unix(path) => UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            asked(stream)
        }),
        DockerEndpoint::Tcp(authority) => authority.to_socket_addrs().and_then(|mut all| {
            let address = all.next().ok_or(io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, ANSWER)?;
            stream.set_read_timeout(Some(ANSWER))?;
            stream.set_write_timeout(Some(ANSWER))?;
            asked(stream)
        }),
    };
    match said {
        Ok(said) if said.starts_with("HTTP/1.") && said.contains("200 OK") => Ok(()),
        Ok(_) => Err("what answers there is no engine".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(format!("no answer within {} s", ANSWER.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn asked(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(PING)?;
    let mut said = Vec::new();
    stream.take(4096).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::net::TcpListener;

    use super::*;

    fn served(answer: &'static str) -> DockerEndpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; PING.len()];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        DockerEndpoint::Tcp(address.to_string())
    }

    #[test]
    fn an_engine_is_told_from_anything_else_that_listens() {
        assert_eq!(answers(&served("HTTP/1.0 200 OK\r\n\r\nOK")), Ok(()));
        let other = "what answers there is no engine".to_owned();
        assert_eq!(
            answers(&served("HTTP/1.0 404 Not Found\r\n\r\n")),
            Err(other.clone())
        );
        assert_eq!(answers(&served("220 mail")), Err(other));
        let gone = DockerEndpoint::Unix("/nowhere/docker.sock".into());
        assert!(answers(&gone).unwrap_err().contains("No such file"));
    }
}

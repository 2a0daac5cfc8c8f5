//! Where a Docker engine is spoken to: the address as `DOCKER_HOST`, contexts
//! and `hob.toml` write it. Pure.
//!
//! Start with [`DockerEndpoint`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The port of an engine that speaks without TLS.
const PLAIN: u16 = 2375;
/// The port of an engine that speaks TLS.
const TLS: u16 = 2376;

/// The address of a Docker engine that hob can speak to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DockerEndpoint {
    /// A Unix socket, absolute.
    Unix(PathBuf),
    /// `HOST:PORT`, spoken to without TLS.
    Tcp(String),
}

/// Why a text is not an address that hob can speak to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerEndpointError {
    /// The engine stands behind SSH.
    #[error("`{0}` is behind SSH, and that engine sees no file of this machine to mount")]
    Ssh(String),
    /// The engine asks for TLS.
    #[error("`{0}` asks for TLS, which hob does not speak")]
    Tls(String),
    /// A form of other systems.
    #[error("`{0}` is not a socket of this system")]
    Foreign(String),
    /// Neither a path nor a URL of a known form.
    #[error("`{0}` is not the address of a Docker engine")]
    Form(String),
}

impl DockerEndpointError {
    /// What to do about it; what to type stands in backticks.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Ssh(_) => "run hob on that machine, or use the engine of this one",
            Self::Tls(_) => {
                "use a Unix socket of this machine: `unix:///var/run/docker.sock`; or a forwarded plain port: `tcp://127.0.0.1:2375`"
            }
            Self::Foreign(_) | Self::Form(_) => {
                "write `unix:///var/run/docker.sock`, `/var/run/docker.sock` or `tcp://127.0.0.1:2375`"
            }
        }
        .to_owned()
    }
}

impl FromStr for DockerEndpoint {
    type Err = DockerEndpointError;

    fn from_str(text: &str) -> Result<Self, DockerEndpointError> {
        use DockerEndpointError as Wrong;
        let form = || Wrong::Form(text.to_owned());
        let path = text.strip_prefix("unix://").unwrap_or(text);
        if path.starts_with('/') {
            return Ok(Self::Unix(path.into()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(form());
        };
        match scheme {
            "ssh" => Err(Wrong::Ssh(text.to_owned())),
            "https" => Err(Wrong::Tls(text.to_owned())),
            "npipe" | "fd" => Err(Wrong::Foreign(text.to_owned())),
            "tcp" => {
                let rest = rest.strip_suffix('/').unwrap_or(rest);
                let (host, port) = authority(rest).ok_or_else(form)?;
                match port {
                    TLS => Err(Wrong::Tls(text.to_owned())),
                    port => Ok(Self::Tcp(format!("{host}:{port}"))),
                }
            }
            _ => Err(form()),
        }
    }
}

/// Host and port of `HOST[:PORT]`; an IPv6 address stands in brackets.
fn authority(text: &str) -> Option<(&str, u16)> {
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let known = match host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(inside)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => PLAIN,
    };
    known.then_some((host, port))
}

impl fmt::Display for DockerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Serialize for DockerEndpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let told = match text.parse::<DockerEndpoint>() {
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, expected, "{text:?}");
    }

    #[test]
    fn sockets_and_plain_ports_are_spoken_to() {
        check("unix:///run/d.sock", "unix:///run/d.sock");
        check("/run/d.sock", "unix:///run/d.sock");
        check("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375");
        check("tcp://docker", "tcp://docker:2375");
        check("tcp://[::1]:99/", "tcp://[::1]:99");
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        check(
            "ssh://me@there",
            "`ssh://me@there` is behind SSH, and that engine sees no file of this machine to mount",
        );
        for text in ["tcp://a:2376", "https://a"] {
            check(
                text,
                &format!("`{text}` asks for TLS, which hob does not speak"),
            );
        }
        for text in ["npipe:////./pipe/docker_engine", "fd://"] {
            check(text, &format!("`{text}` is not a socket of this system"));
        }
        for text in [
            "",
            "docker.sock",
            "unix://docker.sock",
            "127.0.0.1:2375",
            "tcp://",
            "tcp://a:0",
            "tcp://a:x",
            "tcp://a/b",
            "tcp://::1",
            "tcp://[::1",
            "http://a",
        ] {
            check(
                text,
                &format!("`{text}` is not the address of a Docker engine"),
            );
        }
    }
}

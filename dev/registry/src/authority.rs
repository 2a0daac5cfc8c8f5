//! Where a registry answers, as it stands in front of an image's name.

use std::net::Ipv6Addr;

use crate::name::name;

name! {
    /// `HOST:PORT` of a registry.
    ///
    /// The first part of an image's name is a registry only where it cannot be
    /// a repository's: with a port, with a dot, or `localhost` ([how engines
    /// read it]). A bare name is refused here, for engines would push it
    /// elsewhere. IPv6 addresses stand in brackets.
    ///
    /// [how engines read it]: https://github.com/distribution/reference/blob/v0.6.0/normalize.go#L134
    Authority, "address of a registry", check
}

impl Authority {
    /// What is connected to: the port is 80 where none is said.
    pub(crate) fn socket(&self) -> String {
        match split(self.as_str()) {
            (_, Some(_)) => self.as_str().to_owned(),
            (host, None) => format!("{host}:80"),
        }
    }
}

/// The host, in its brackets if it has some, and the port.
fn split(text: &str) -> (&str, Option<&str>) {
    let after = text.rfind(']').unwrap_or_default();
    match text[after..].rfind(':') {
        Some(colon) => (&text[..after + colon], Some(&text[after + colon + 1..])),
        None => (text, None),
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.contains("://") {
        return Err("it is `HOST:PORT` without `http://`");
    }
    if text.contains('/') {
        return Err("it is `HOST:PORT` without a path");
    }
    let (host, port) = split(text);
    if let Some(port) = port {
        let digits = port.bytes().all(|c| c.is_ascii_digit());
        if !digits || !matches!(port.parse::<u16>(), Ok(1..)) {
            return Err("its port is not a number from 1 to 65535");
        }
    }
    if let Some(inside) = host.strip_prefix('[') {
        let address = inside.strip_suffix(']').map(str::parse::<Ipv6Addr>);
        return match address {
            Some(Ok(_)) => Ok(()),
            _ => Err("what stands in brackets is no IPv6 address"),
        };
    }
    let label = |label: &str| {
        let inside = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        !label.is_empty()
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if !host.split('.').all(label) {
        return Err("its host is neither a name nor an address");
    }
    if port.is_none() && host != "localhost" && !host.contains('.') {
        return Err("without a port it reads as a repository's name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Authority>() {
            Ok(authority) => authority.socket(),
            Err(error) => error.reason.to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_address_is_what_engines_take_for_a_registry() {
        check("127.0.0.1:5000", "127.0.0.1:5000");
        check("localhost", "localhost:80");
        check("registry:5000", "registry:5000");
        check("a.example", "a.example:80");
        check("[::1]:5000", "[::1]:5000");
        check("[::1]", "[::1]:80");
    }

    #[test]
    fn what_is_none_says_why() {
        let host = "its host is neither a name nor an address";
        let port = "its port is not a number from 1 to 65535";
        let brackets = "what stands in brackets is no IPv6 address";
        check("registry", "without a port it reads as a repository's name");
        check("http://a:1", "it is `HOST:PORT` without `http://`");
        check("a:1/b", "it is `HOST:PORT` without a path");
        check("", host);
        check("a..b:1", host);
        check("-a:1", host);
        check("user@a:1", host);
        check("::1", host);
        check("a:", port);
        check("a:0", port);
        check("a:+1", port);
        check("a:65536", port);
        check("[::1", brackets);
        check("[localhost]:1", brackets);
    }
}

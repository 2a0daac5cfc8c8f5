//! Addresses that nginx can listen on and connect to. Pure.
//!
//! Start with [`Address`].

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An IP address and a port that nginx can name, and names as it is written
/// here: `127.0.0.1:3000`, `[::1]:3000`.
///
/// That nginx writes it alike matters: the version that answered is found by
/// the text of [`$upstream_addr`].
///
/// [`$upstream_addr`]: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#var_upstream_addr
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(SocketAddr);

/// Why something is not an [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no IP address with a port.
    #[error("`{0}` is not an IP address with a port, as `127.0.0.1:3000` is")]
    Text(String, #[source] AddrParseError),
    /// It has the port 0.
    #[error("`{0}` has the port 0, which nobody can connect to")]
    Port(SocketAddr),
    /// It has a zone, which nginx's configuration cannot say.
    #[error("`{0}` has a zone, which nginx cannot name")]
    Zone(SocketAddr),
    /// It is an IPv6 address of the deprecated range `::/96`, which nginx
    /// writes in another way.
    #[error("`{0}` is of the deprecated range `::/96`; write it as an IPv4 address")]
    Deprecated(SocketAddr),
}

impl Address {
    /// The address as the standard library has it.
    #[must_use]
    pub fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<SocketAddr> for Address {
    type Error = AddressError;

    /// An IPv4 address inside of an IPv6 one (`::ffff:127.0.0.1`) becomes an
    /// IPv4 address.
    fn try_from(addr: SocketAddr) -> Result<Self, AddressError> {
        if addr.port() == 0 {
            return Err(AddressError::Port(addr));
        }
        if matches!(addr, SocketAddr::V6(v6) if v6.scope_id() != 0) {
            return Err(AddressError::Zone(addr));
        }
        let ip = addr.ip().to_canonical();
        if matches!(ip, IpAddr::V6(v6) if is_deprecated(v6)) {
            return Err(AddressError::Deprecated(addr));
        }
        Ok(Self(SocketAddr::new(ip, addr.port())))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse::<SocketAddr>()
            .map_err(|source| AddressError::Text(text.to_owned(), source))?
            .try_into()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether it is an IPv4 address in the last four bytes and nothing else.
fn is_deprecated(ip: Ipv6Addr) -> bool {
    ip.octets()[..12] == [0; 12] && ip != Ipv6Addr::UNSPECIFIED && ip != Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text
            .parse::<Address>()
            .map(|address| address.to_string())
            .map_err(|error: AddressError| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), expected,);
    }

    #[test]
    fn an_address_is_written_in_one_way() {
        check("127.0.0.1:3000", Ok("127.0.0.1:3000"));
        check("[::1]:80", Ok("[::1]:80"));
        check("[::]:80", Ok("[::]:80"));
        check("[2001:DB8:0:0:1:0:0:1]:80", Ok("[2001:db8::1:0:0:1]:80"));
        check("[::ffff:127.0.0.1]:80", Ok("127.0.0.1:80"));
    }

    #[test]
    fn what_nginx_cannot_name_is_refused() {
        check(
            "goapi:80",
            Err("`goapi:80` is not an IP address with a port, as `127.0.0.1:3000` is"),
        );
        check(
            "127.0.0.1:0",
            Err("`127.0.0.1:0` has the port 0, which nobody can connect to"),
        );
        check(
            "[fe80::1%2]:80",
            Err("`[fe80::1%2]:80` has a zone, which nginx cannot name"),
        );
        check(
            "[::7f00:1]:80",
            Err("`[::7f00:1]:80` is of the deprecated range `::/96`; write it as an IPv4 address"),
        );
    }
}

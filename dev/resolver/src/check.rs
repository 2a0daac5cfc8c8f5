//! [`verdict`]: whether a question really reaches hob's resolver. Pure, but
//! for [`ask`], which waits for as long as the C library does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};

use crate::domain::Domain;

/// The first label of the name that only hob's resolver knows.
pub const LABEL: &str = "hob-check";
/// What it answers: loopback, and nobody else's choice.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 83, 53, 54));

/// What came of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// hob's resolver answered.
    Reaches,
    /// Somebody else did.
    Elsewhere(Vec<IpAddr>),
    /// Nobody did, in the system's words.
    Nowhere(String),
}

/// The name to ask for. It ends with a dot, so that no search domain is tried.
#[must_use]
pub fn name(domain: &Domain) -> String {
    format!("{LABEL}.{domain}.")
}

/// Asks the system, as any program would.
///
/// # Errors
/// As getaddrinfo(3).
pub fn ask(name: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = (name, 0).to_socket_addrs()?;
    Ok(addresses.map(|it| it.ip()).collect())
}

/// Who answered.
#[must_use]
pub fn verdict(answer: io::Result<Vec<IpAddr>>) -> Reach {
    match answer {
        Ok(addresses) if addresses.contains(&ADDRESS) => Reach::Reaches,
        Ok(mut addresses) => {
            addresses.dedup();
            Reach::Elsewhere(addresses)
        }
        Err(error) => Reach::Nowhere(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hobs_own_answer_counts() {
        let other = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(verdict(Ok(vec![ADDRESS, ADDRESS])), Reach::Reaches);
        assert_eq!(
            verdict(Ok(vec![other, other])),
            Reach::Elsewhere(vec![other])
        );
        assert_eq!(
            verdict(Err(io::Error::other("Name or service not known"))),
            Reach::Nowhere("Name or service not known".to_owned())
        );
    }

    #[test]
    fn no_search_domain_is_tried() {
        let domain = "test".parse().expect("a domain");
        assert_eq!(name(&domain), "hob-check.test.");
    }
}

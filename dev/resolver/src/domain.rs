//! [`Domain`]: what names end with that hob's resolver answers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The domains that nobody can own on the Internet, so that nothing is hidden
/// by answering them here: RFC 6761, RFC 8375, and ICANN's `internal` of 2024.
const RESERVED: [&str; 5] = ["example", "home.arpa", "internal", "invalid", "test"];

/// A domain in lower case, without a dot at its ends: `test`, `shop.internal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// A text that is no domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no domain")]
pub struct NoDomain(pub String);

impl Domain {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the other, or a part of it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let before = self.0.strip_suffix(other.as_str());
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    /// Whether nobody has names of the Internet there.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        let within = |it: &str| self.is_within(&Self(it.to_owned()));
        RESERVED.iter().any(|it| within(it))
    }

    /// Who takes its names before any resolver is asked: multicast has
    /// `local` (RFC 6762, section 3) and loopback `localhost` (RFC 6761,
    /// section 6.3; see nss-myhostname(8)).
    #[must_use]
    pub fn swallowed_by(&self) -> Option<&'static str> {
        match self.0.rsplit('.').next() {
            Some("local") => Some("multicast DNS, which answers all of `local`"),
            Some("localhost") => Some("the system itself, to which `localhost` is loopback"),
            _ => None,
        }
    }
}

impl FromStr for Domain {
    type Err = NoDomain;

    fn from_str(text: &str) -> Result<Self, NoDomain> {
        let domain = text.trim_matches('.').to_ascii_lowercase();
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let label = |label: &str| {
            (1..64).contains(&label.len())
                && label.chars().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() < 254 && domain.split('.').all(label) {
            Ok(Self(domain))
        } else {
            Err(NoDomain(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Domain {
    type Error = NoDomain;

    fn try_from(text: String) -> Result<Self, NoDomain> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_line_or_a_word_is_no_domain() {
        for good in ["test", "Shop.Internal.", "a-b.c_d"] {
            assert!(good.parse::<Domain>().is_ok(), "{good}");
        }
        for bad in [
            "", ".", "a..b", "te st", "te\nst", "~test", "'", "-a", "a/b", "ä",
        ] {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_is_within_itself_and_what_it_is_below() {
        let check = |a: &str, b: &str, within: bool| {
            let parse = |text: &str| text.parse::<Domain>().expect("a domain");
            assert_eq!(parse(a).is_within(&parse(b)), within, "{a} within {b}");
        };
        check("test", "test", true);
        check("corp.test", "test", true);
        check("test", "corp.test", false);
        check("contest", "test", false);
    }

    #[test]
    fn names_of_the_internet_are_hidden_by_what_is_not_reserved() {
        let parse = |text: &str| text.parse::<Domain>().expect("a domain");
        assert!(parse("test").is_reserved() && parse("a.home.arpa").is_reserved());
        assert!(!parse("dev").is_reserved());
        assert!(parse("shop.local").swallowed_by().is_some());
        assert!(parse("localhost").swallowed_by().is_some());
        assert!(parse("local.test").swallowed_by().is_none());
    }
}

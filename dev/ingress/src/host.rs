//! The names that requests ask for. Pure.
//!
//! Start with [`Host`].

use std::fmt;
use std::str::FromStr;

/// The longest name and the longest label of DNS, in bytes ([RFC 1035], 2.3.4;
/// a name is one less and its final dot less than on the wire).
///
/// [RFC 1035]: https://www.rfc-editor.org/rfc/rfc1035
const NAME_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

/// A host that a site answers for, in lower case: a name of DNS
/// (`goapi.polykube.test`), or a wildcard (`*.polykube.test`).
///
/// A wildcard stands for one label or more, as in DNS and in nginx
/// ([server names]): `*.polykube.test` is also `a.b.polykube.test`, and is not
/// `polykube.test`. A name goes before a wildcard, a longer wildcard before a
/// shorter one.
///
/// [server names]: https://nginx.org/en/docs/http/server_names.html
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

/// Why a text is not a [`Host`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It is longer than DNS takes.
    #[error("a host has at most {NAME_LIMIT} characters, this one has {0}")]
    Long(usize),
    /// A part between dots is no label.
    #[error(
        "`{0}` cannot be a part of a host: 1 to {LABEL_LIMIT} letters, digits and, between them, hyphens"
    )]
    Label(String),
    /// A star stands elsewhere than alone in front.
    #[error("a `*` can only stand alone before the first dot of a host: `*.{0}`")]
    Star(String),
    /// It is an address, or would be read as one.
    #[error("`{0}` ends in a number, so it is an address and no name; a listener has addresses")]
    Number(String),
}

impl Host {
    /// The host in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if text.len() > NAME_LIMIT {
            return Err(HostError::Long(text.len()));
        }
        let host = text.to_ascii_lowercase();
        let name = host.strip_prefix("*.").unwrap_or(&host);
        if name.contains('*') {
            return Err(HostError::Star(name.replace('*', "").replace("..", ".")));
        }
        if let Some(label) = name.split('.').find(|label| !is_label(label)) {
            return Err(HostError::Label(label.to_owned()));
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostError::Number(name.to_owned()));
        }
        Ok(Self(host))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_label(text: &str) -> bool {
    (1..=LABEL_LIMIT).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::{Host, HostError};

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text
            .parse::<Host>()
            .map_err(|error: HostError| error.to_string());
        assert_eq!(
            got.as_ref().map(Host::as_str).map_err(String::as_str),
            expected
        );
    }

    #[test]
    fn a_name_and_a_wildcard_are_kept_in_lower_case() {
        check("GoAPI.polykube.test", Ok("goapi.polykube.test"));
        check("*.Polykube.test", Ok("*.polykube.test"));
        check("localhost", Ok("localhost"));
        check("xn--bcher-kva.3d.test", Ok("xn--bcher-kva.3d.test"));
    }

    #[test]
    fn a_part_that_dns_does_not_take_is_named() {
        let told = |part: &str| {
            format!(
                "`{part}` cannot be a part of a host: 1 to 63 letters, digits and, between them, hyphens"
            )
        };
        for (text, part) in [
            ("", ""),
            ("a..b", ""),
            ("a.test.", ""),
            ("-a.test", "-a"),
            ("a-.test", "a-"),
            ("a_b.test", "a_b"),
            ("a b.test", "a b"),
            ("a.test; return 200", "test; return 200"),
            ("bücher.test", "bücher"),
            ("a.test\n", "test\n"),
        ] {
            check(text, Err(&told(part)));
        }
        let long = "a".repeat(64);
        check(&format!("{long}.test"), Err(&told(&long)));
    }

    #[test]
    fn a_star_stands_alone_in_front_or_nowhere() {
        let told = "a `*` can only stand alone before the first dot of a host: `*.a.test`";
        for text in ["a.*.test", "*a.test", "*.*.a.test"] {
            let got = text.parse::<Host>();
            assert!(matches!(got, Err(HostError::Star(_))), "{text}: {got:?}");
        }
        check("*a.test", Err(told));
    }

    #[test]
    fn an_address_is_no_host() {
        for text in ["127.0.0.1", "a.1", "*.0"] {
            let got = text.parse::<Host>();
            assert!(matches!(got, Err(HostError::Number(_))), "{text}: {got:?}");
        }
    }

    #[test]
    fn the_longest_name_is_253_characters() {
        let label = "a".repeat(61);
        let name = format!("{label}.{label}.{label}.{label}.abcde");
        assert_eq!(name.len(), 253);
        check(&name, Ok(&name));
        check(
            &format!("{name}f"),
            Err("a host has at most 253 characters, this one has 254"),
        );
    }
}

//! The name of an image, as engines and registries write it. Pure.
//!
//! Start with [`ImageName`].

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What `ARG BASE` gets when nothing else is said.
const BASE: &str = "debian:trixie-slim";
/// The longest name without tag and digest, in bytes, that engines take.
const NAME_LIMIT: usize = 255;
/// The longest tag.
const TAG_LIMIT: usize = 128;

/// The name of an image: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, as in
/// `debian:trixie-slim`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName(String);

/// Why a text is not the name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// There is no name.
    #[error("the name of an image cannot be empty")]
    Empty,
    /// It is longer than engines take.
    #[error("the name of an image has at most {NAME_LIMIT} characters, this one has {0}")]
    Long(usize),
    /// A part of the path is nothing that an engine takes.
    #[error(
        "`{0}` cannot be a part of an image's name: `a` to `z`, `0` to `9`, and between them `.`, `_` or `-`"
    )]
    Part(String),
    /// What stands before the first `/` is no host.
    #[error("`{0}` is not the host of a registry")]
    Host(String),
    /// What follows `:` is no tag.
    #[error(
        "`{0}` is not a tag: at most {TAG_LIMIT} letters, digits, `_`, `.` or `-`, the first one a letter, a digit or `_`"
    )]
    Tag(String),
    /// What follows `@` is no digest.
    #[error("`{0}` is not a digest: `sha256:` and 64 hexadecimal digits")]
    Digest(String),
}

impl ImageName {
    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ImageName {
    /// The slim image of Debian trixie.
    fn default() -> Self {
        Self(BASE.to_owned())
    }
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<Self, ImageNameError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A `:` before the last `/` belongs to a port.
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[last..].split_once(':') {
            Some((part, tag)) => (&rest[..last + part.len()], Some(tag)),
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(ImageNameError::Empty);
        }
        if name.len() > NAME_LIMIT {
            return Err(ImageNameError::Long(name.len()));
        }
        let path = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                if !is_host(host) {
                    return Err(ImageNameError::Host(host.to_owned()));
                }
                path
            }
            _ => name,
        };
        if let Some(part) = path.split('/').find(|part| !is_part(part)) {
            return Err(ImageNameError::Part(part.to_owned()));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ImageNameError::Tag(tag.to_owned()));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(ImageNameError::Digest(digest.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for ImageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Words of lower-case letters and digits with `.`, `_`, `__` or hyphens
/// between them.
fn is_part(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut gap = String::new();
    for c in text.chars() {
        if word(c) {
            gap.clear();
        } else {
            gap.push(c);
            let hyphens = gap.chars().all(|c| c == '-');
            if !hyphens && !matches!(gap.as_str(), "." | "_" | "__") {
                return false;
            }
        }
    }
    text.starts_with(word) && gap.is_empty()
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty()
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_LIMIT
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    let hex = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.chars().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_take_is_a_name() {
        let digest = format!("a/b@sha256:{}", "0a".repeat(32));
        for name in [
            "debian",
            "debian:trixie-slim",
            "docker.io/library/redis:7",
            "localhost/a",
            "localhost:5000/a/b__c.d--e:V_1.0-x",
            "registry.example:443/a:1",
            "a:5000",
            &digest,
            &digest.replace('@', ":1@"),
        ] {
            let parsed = name.parse::<ImageName>().map(|it| it.to_string());
            assert_eq!(parsed.as_deref(), Ok(name));
        }
    }

    #[track_caller]
    fn refused(name: &str, expected: ImageNameError) {
        assert_eq!(name.parse::<ImageName>(), Err(expected), "{name:?}");
    }

    #[test]
    fn everything_else_is_told_by_its_part() {
        use ImageNameError::{Digest, Empty, Host, Long, Part, Tag};
        refused("", Empty);
        refused(":1", Empty);
        refused(&"a".repeat(256), Long(256));
        for part in ["Debian", "a b", "-a", "a-", "a..b", "a___b", "a._b", "ü"] {
            refused(part, Part(part.to_owned()));
        }
        refused("a//b", Part(String::new()));
        refused("a/b/", Part(String::new()));
        refused("Me/a", Part("Me".to_owned()));
        for host in ["-a.b", "a.b:", "a.b:x", "a.b:0", "a..b", "a:1:2"] {
            refused(&format!("{host}/a"), Host(host.to_owned()));
        }
        for tag in ["", "-a", ".a", "a b", "a:b"] {
            refused(&format!("a:{tag}"), Tag(tag.to_owned()));
        }
        let long = "a".repeat(129);
        refused(&format!("a:{long}"), Tag(long));
        for digest in ["", "sha256:", "sha256:0A", "md5:00"] {
            refused(&format!("a@{digest}"), Digest(digest.to_owned()));
        }
    }
}

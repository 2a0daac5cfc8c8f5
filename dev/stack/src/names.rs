//! Names, ports and ids that are valid by construction.
//!
//! Owns the rules of what a name may look like and the words that say so.
//! Never reads files and never knows where a name stood: the caller adds the
//! place. Start with [`ServiceId`].

use std::fmt;
use std::num::NonZeroU16;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest label of a DNS name, in bytes (RFC 1035, section 2.3.4).
pub const LABEL_LIMIT: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("a name cannot be empty")]
    Empty,
    /// It is longer than [`LABEL_LIMIT`].
    #[error("a name has at most {LABEL_LIMIT} characters, this one has {0}")]
    Long(usize),
    /// It begins with something else than a letter.
    #[error("a name begins with a letter from `a` to `z`, not with `{0}`")]
    Start(char),
    /// It ends with a hyphen.
    #[error("a name cannot end with `-`")]
    End,
    /// It holds something that a DNS label cannot hold.
    #[error("a name holds only `a` to `z`, `0` to `9` and `-`, not `{0}`")]
    Character(char),
    /// It is not of the form `stack/service`.
    #[error("`{0}` is not of the form `stack/service`")]
    Service(String),
    /// An environment variable cannot be called so.
    #[error(
        "`{0}` cannot be the name of a variable: letters, digits, `_`, `-` and `.` only, no digit first"
    )]
    Variable(String),
}

/// A DNS label as Kubernetes wants it for services (RFC 1035: a letter first).
fn check_label(text: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(wrong) = text.chars().find(|&c| !inside(c)) {
        return Err(NameError::Character(wrong));
    }
    if !first.is_ascii_lowercase() {
        return Err(NameError::Start(first));
    }
    if text.ends_with('-') {
        return Err(NameError::End);
    }
    if text.len() > LABEL_LIMIT {
        return Err(NameError::Long(text.len()));
    }
    Ok(())
}

/// The nearest valid name to a text that is none, for a hint.
pub(crate) fn as_label(text: &str) -> Option<String> {
    let mut label = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() => label.push(c),
            c if c.is_ascii_digit() && !label.is_empty() => label.push(c),
            _ if !label.is_empty() && !label.ends_with('-') => label.push('-'),
            _ => {}
        }
    }
    label.truncate(LABEL_LIMIT);
    let label = label.trim_end_matches('-').to_owned();
    (!label.is_empty()).then_some(label)
}

/// Whether an environment variable may be called so, by the rule of
/// Kubernetes, which also Docker and every shell-less program accept.
///
/// # Errors
/// It may not.
pub fn check_variable(text: &str) -> Result<(), NameError> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if first.is_ascii_digit() || !text.chars().all(inside) {
        return Err(NameError::Variable(text.to_owned()));
    }
    Ok(())
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Upper case with `_` for `-`, as environment variables have it.
            #[must_use]
            pub fn as_variable(&self) -> String {
                self.0.to_ascii_uppercase().replace('-', "_")
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check_label(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        text_serde!($name);
    };
}

/// Serde through `Display` and `FromStr`.
macro_rules! text_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

label! {
    /// The name of a stack: a DNS label, the same as its folder's name.
    StackName
}
label! {
    /// The name of a service: a DNS label, unique in its stack.
    ServiceName
}
label! {
    /// The name of a volume: a DNS label, unique in its service.
    VolumeName
}

/// A service of a project, written `stack/service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    /// Its stack.
    pub stack: StackName,
    /// Its name there.
    pub service: ServiceName,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.stack, self.service))
    }
}

impl FromStr for ServiceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (stack, service) = text
            .split_once('/')
            .ok_or_else(|| NameError::Service(text.to_owned()))?;
        Ok(Self {
            stack: stack.parse()?,
            service: service.parse()?,
        })
    }
}

text_serde!(ServiceId);

/// A TCP port that can be listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port; none for 0.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }

    /// The port that lies so far above; none past 65535.
    #[must_use]
    pub fn offset(self, by: u16) -> Option<Self> {
        self.0.checked_add(by).map(Self)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A project's id: 12 hexadecimal digits of the BLAKE3 hash of its folder's
/// canonical path, so that two checkouts never collide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(String);

impl ProjectId {
    /// The id of the project in this folder, whose path is canonical.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let hash = blake3::hash(root.as_os_str().as_encoded_bytes());
        Self(hash.to_hex()[..12].to_owned())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<(), NameError>) {
        assert_eq!(name.parse::<ServiceName>().map(drop), expected, "{name:?}");
    }

    #[test]
    fn a_name_is_a_dns_label_with_a_letter_first() {
        check("a", Ok(()));
        check("go-api-2", Ok(()));
        check(&"a".repeat(63), Ok(()));
        check("", Err(NameError::Empty));
        check(&"a".repeat(64), Err(NameError::Long(64)));
        check("2a", Err(NameError::Start('2')));
        check("-a", Err(NameError::Start('-')));
        check("a-", Err(NameError::End));
        check("a_b", Err(NameError::Character('_')));
        check("aB", Err(NameError::Character('B')));
        check("a.b", Err(NameError::Character('.')));
        check("grün", Err(NameError::Character('ü')));
    }

    #[test]
    fn a_hint_is_always_a_name() {
        for text in ["My Stack", "1a", "--", "", "Ü", "a_", &"Ab_".repeat(40)] {
            if let Some(label) = as_label(text) {
                assert_eq!(check_label(&label), Ok(()), "{text:?}");
            }
        }
        assert_eq!(as_label("My  Stack!").as_deref(), Some("my-stack"));
        assert_eq!(as_label("!"), None);
    }

    #[test]
    fn a_variable_is_what_kubernetes_takes() {
        for name in ["A", "_a", "a.b-c", "A1"] {
            assert_eq!(check_variable(name), Ok(()), "{name}");
        }
        for name in ["", "1A", "A B", "A=B", "Ä", "A\0"] {
            assert!(check_variable(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_id_is_the_text_that_it_is_written_as() {
        let id: ServiceId = "poly-kube/goapi".parse().unwrap();
        assert_eq!(id.to_string(), "poly-kube/goapi");
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"poly-kube/goapi\"");
        assert_eq!(serde_json::from_str::<ServiceId>(&json).unwrap(), id);
        for text in ["a", "a/", "/a", "a/b/c", "A/b"] {
            assert!(text.parse::<ServiceId>().is_err(), "{text}");
            assert!(
                serde_json::from_value::<ServiceId>(text.into()).is_err(),
                "{text}"
            );
        }
        assert_eq!(id.stack.as_variable(), "POLY_KUBE");
    }

    #[test]
    fn a_port_is_never_0_nor_past_the_last() {
        assert_eq!(Port::new(0), None);
        let port = Port::new(65530).unwrap();
        assert_eq!(port.offset(5).map(Port::get), Some(65535));
        assert_eq!(port.offset(6), None);
    }

    #[test]
    fn two_checkouts_have_two_ids() {
        let (a, b) = (
            ProjectId::of(Path::new("/a")),
            ProjectId::of(Path::new("/b")),
        );
        assert_ne!(a, b);
        assert_eq!(a, ProjectId::of(Path::new("/a")));
        assert!(a.as_str().len() == 12 && a.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
    }
}

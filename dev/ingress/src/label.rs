//! Names that hob gives: of stacks and services, of versions, of accounts.
//! Pure.
//!
//! Start with [`Label`] and [`Version`].

use std::fmt;
use std::str::FromStr;

/// The longest label, as of a label of DNS.
const LABEL_LIMIT: usize = 63;
/// The longest version.
const VERSION_LIMIT: usize = 64;
/// The longest account's name (`useradd(8)`).
const ACCOUNT_LIMIT: usize = 32;

/// The name of a stack or a service: `a` to `z`, `0` to `9` and hyphens,
/// beginning with a letter, as in stack files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// What a version of a service is called, as in `v2`, `1.4.0` or a commit's
/// id: letters, digits, `.`, `_` and `-`, beginning with a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

/// The name of a user or a group of the machine that nginx runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// Why a text is not a [`Label`], a [`Version`] or an [`AccountName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// It names no stack or service.
    #[error(
        "{0:?} names no stack or service: at most {LABEL_LIMIT} of `a` to `z`, `0` to `9` and, between them, `-`, the first one a letter"
    )]
    Label(String),
    /// It is no version.
    #[error(
        "{0:?} is no version: at most {VERSION_LIMIT} letters, digits, `.`, `_` and `-`, the first one a letter or a digit"
    )]
    Version(String),
    /// It names no account.
    #[error(
        "{0:?} names no account: at most {ACCOUNT_LIMIT} of `a` to `z`, `0` to `9`, `_` and `-`, the first one a letter or `_`"
    )]
    Account(String),
}

/// Text in, text out, for a newtype around a validated [`String`].
macro_rules! text {
    ($name:ident, $error:expr, $is_valid:expr) => {
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = LabelError;

            fn from_str(text: &str) -> Result<Self, LabelError> {
                if $is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($error(text.to_owned()))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text!(Label, LabelError::Label, is_label);
text!(Version, LabelError::Version, is_version);
text!(AccountName, LabelError::Account, is_account);

fn is_label(text: &str) -> bool {
    text.len() <= LABEL_LIMIT
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(is_lower)
}

fn is_version(text: &str) -> bool {
    text.len() <= VERSION_LIMIT
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_account(text: &str) -> bool {
    text.len() <= ACCOUNT_LIMIT
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|byte| is_lower(byte) || byte == b'_')
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::{AccountName, Label, LabelError, Version};

    const HOSTILE: [&str; 8] = ["", "-a", "a b", "a;", "$host", "a\"", "a\nb", "é"];

    #[test]
    fn a_label_is_one_of_stack_files() {
        for text in ["a", "polykube", "go-api2", &"a".repeat(63)] {
            assert_eq!(text.parse::<Label>().map(|label| label.0), Ok(text.into()));
        }
        for text in ["A", "2a", "a-", "a_b", "a.b", &"a".repeat(64)] {
            assert_eq!(text.parse::<Label>(), Err(LabelError::Label(text.into())));
        }
        for text in HOSTILE {
            assert_eq!(text.parse::<Label>(), Err(LabelError::Label(text.into())));
        }
    }

    #[test]
    fn a_version_is_what_people_call_versions() {
        for text in ["v1", "1.4.0-rc.1", "e617427", "2026_11", &"a".repeat(64)] {
            assert_eq!(
                text.parse::<Version>().map(|label| label.0),
                Ok(text.into())
            );
        }
        for text in HOSTILE.into_iter().chain([".a", "_a", "a+b"]) {
            assert_eq!(
                text.parse::<Version>(),
                Err(LabelError::Version(text.into()))
            );
        }
    }

    #[test]
    fn an_account_is_what_useradd_takes() {
        for text in ["root", "www-data", "_apt"] {
            assert_eq!(
                text.parse::<AccountName>().map(|name| name.0),
                Ok(text.into())
            );
        }
        for text in HOSTILE.into_iter().chain(["0", "Root", "a.b"]) {
            assert_eq!(
                text.parse::<AccountName>(),
                Err(LabelError::Account(text.into()))
            );
        }
    }
}

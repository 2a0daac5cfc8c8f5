//! Names of what a registry holds, valid by construction.
//!
//! The grammars are those of the [distribution specification] (repositories
//! and tags) and of the [image specification] (digests).
//!
//! [distribution specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
//! [image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests

use std::fmt;
use std::str::FromStr;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {reason}")]
pub struct NameError {
    /// What it was to be, such as `tag`.
    pub what: &'static str,
    /// The text.
    pub text: String,
    /// Why it is none.
    pub reason: &'static str,
}

/// What the names have in common: a checked text.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::NameError;

            fn from_str(text: &str) -> Result<Self, $crate::NameError> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err($crate::NameError {
                        what: $what,
                        text: text.to_owned(),
                        reason,
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

pub(crate) use name;

name! {
    /// A repository: parts of `a-z`, `0-9` and single separators (`.`, `_`,
    /// `__` or any number of `-`) with `/` between them; at most
    /// [`Repository::LONGEST`] characters.
    Repository, "repository", check_repository
}

name! {
    /// A tag: letters, digits, `_`, `.` and `-`, the last two not in front; at
    /// most [`Tag::LONGEST`] characters.
    Tag, "tag", check_tag
}

name! {
    /// A digest, as `ALGORITHM:ENCODED`; of `sha256` and `sha512` the whole
    /// hexadecimal number in lower case.
    Digest, "digest", check_digest
}

impl Repository {
    /// How many characters a repository's name has at most.
    pub const LONGEST: usize = 255;
}

impl Tag {
    /// How many characters a tag has at most.
    pub const LONGEST: usize = 128;
}

impl Digest {
    /// The algorithm and the first twelve characters, for a table.
    pub fn short(&self) -> &str {
        let colon = self.0.find(':').unwrap_or_default();
        self.0.get(..colon + 13).unwrap_or(&self.0)
    }
}

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// By a name that may move to another manifest.
    Tag(Tag),
    /// By what it is.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = NameError;

    /// A tag has no colon and a digest has one.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(':') {
            text.parse().map(Self::Digest)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

fn check_repository(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > Repository::LONGEST {
        return Err("it has more than 255 characters");
    }
    text.split('/').try_for_each(check_part)
}

/// One part of a repository's name, between two slashes.
fn check_part(part: &str) -> Result<(), &'static str> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if part.is_empty() {
        return Err("there is nothing before or after a `/`");
    }
    if part.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("it has upper case letters");
    }
    if part.contains(|c| !word(c) && !matches!(c, '.' | '_' | '-')) {
        return Err("it has more than a-z, 0-9, `.`, `_`, `-` and `/`");
    }
    if !part.starts_with(word) || !part.ends_with(word) {
        return Err("a part of it begins or ends with a separator");
    }
    let single = |run: &str| matches!(run, "." | "_" | "__") || run.bytes().all(|c| c == b'-');
    if !part.split(word).all(single) {
        return Err("separators stand side by side");
    }
    Ok(())
}

fn check_tag(text: &str) -> Result<(), &'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > Tag::LONGEST {
        return Err("it has more than 128 characters");
    }
    if text.contains(|c| !word(c) && !matches!(c, '.' | '-')) {
        return Err("it has more than letters, digits, `_`, `.` and `-`");
    }
    if !text.starts_with(word) {
        return Err("it begins with a separator");
    }
    Ok(())
}

fn check_digest(text: &str) -> Result<(), &'static str> {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return Err("it has no `:` after its algorithm");
    };
    let word = |part: &str| {
        let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        !part.is_empty() && part.bytes().all(inside)
    };
    if !algorithm.split(['+', '.', '_', '-']).all(word) {
        return Err("its algorithm is none");
    }
    let hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => {
            let inside = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'=' | b'_' | b'-');
            return if !encoded.is_empty() && encoded.bytes().all(inside) {
                Ok(())
            } else {
                Err("nothing of an encoding stands after the `:`")
            };
        }
    };
    if encoded.len() != length {
        return Err("it has another length than its algorithm's");
    }
    if !encoded.bytes().all(hex) {
        return Err("it is not hexadecimal in lower case");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line is a text and what is wrong with it, if anything.
    fn check<T: FromStr<Err = NameError> + fmt::Display>(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            match text.parse::<T>() {
                Ok(name) => {
                    assert_eq!(*expected, "", "{text} is none");
                    assert_eq!(name.to_string(), *text);
                }
                Err(error) => assert_eq!(error.reason, *expected, "{error}"),
            }
        }
    }

    #[test]
    fn a_repository_is_parts_of_words_and_single_separators() {
        let part = "it has more than a-z, 0-9, `.`, `_`, `-` and `/`";
        let side = "separators stand side by side";
        let edge = "a part of it begins or ends with a separator";
        let longest = "a".repeat(255);
        let longer = "a".repeat(256);
        check::<Repository>(&[
            ("a", ""),
            ("0", ""),
            ("polykube/goapi", ""),
            ("a.b/c_d/e__f/g---h", ""),
            (&longest, ""),
            (&longer, "it has more than 255 characters"),
            ("", "it is empty"),
            ("/a", "there is nothing before or after a `/`"),
            ("a/", "there is nothing before or after a `/`"),
            ("a//b", "there is nothing before or after a `/`"),
            ("Goapi", "it has upper case letters"),
            ("a:b", part),
            ("a b", part),
            ("é", part),
            ("../a", edge),
            ("a/-b", edge),
            ("a_", edge),
            ("a..b", side),
            ("a___b", side),
            ("a.-b", side),
        ]);
    }

    #[test]
    fn a_tag_is_a_word_with_dots_and_hyphens_in_it() {
        let longest = "a".repeat(128);
        let longer = "a".repeat(129);
        check::<Tag>(&[
            ("latest", ""),
            ("_", ""),
            ("V1.0-rc.1__2", ""),
            (&longest, ""),
            (&longer, "it has more than 128 characters"),
            ("", "it is empty"),
            (".a", "it begins with a separator"),
            ("-a", "it begins with a separator"),
            ("a/b", "it has more than letters, digits, `_`, `.` and `-`"),
            ("a+b", "it has more than letters, digits, `_`, `.` and `-`"),
        ]);
    }

    #[test]
    fn a_digest_is_as_long_as_its_algorithm_says() {
        let of = |algorithm: &str, letter: &str, length| {
            format!("{algorithm}:{}", letter.repeat(length))
        };
        let length = "it has another length than its algorithm's";
        check::<Digest>(&[
            (&of("sha256", "a", 64), ""),
            (&of("sha512", "0", 128), ""),
            (
                "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
                "",
            ),
            (&of("sha256", "a", 63), length),
            (&of("sha512", "a", 64), length),
            (
                &of("sha256", "A", 64),
                "it is not hexadecimal in lower case",
            ),
            (
                &of("sha256", "g", 64),
                "it is not hexadecimal in lower case",
            ),
            (&of("", "a", 64), "its algorithm is none"),
            (&of("SHA256", "a", 64), "its algorithm is none"),
            ("b3:", "nothing of an encoding stands after the `:`"),
            ("b3:a/b", "nothing of an encoding stands after the `:`"),
            ("latest", "it has no `:` after its algorithm"),
        ]);
    }

    #[test]
    fn a_reference_with_a_colon_is_a_digest() {
        assert!(matches!("latest".parse(), Ok(Reference::Tag(_))));
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(digest.parse(), Ok(Reference::Digest(_))));
        let error = "a:b/c".parse::<Reference>().expect_err("neither");
        assert_eq!(
            error.to_string(),
            "\"a:b/c\" is no digest: nothing of an encoding stands after the `:`"
        );
    }

    #[test]
    fn a_short_digest_fits_into_a_table() {
        let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().expect("one");
        assert_eq!(digest.short(), "sha256:abababababab");
        let digest: Digest = "b3:abc".parse().expect("one");
        assert_eq!(digest.short(), "b3:abc");
    }
}

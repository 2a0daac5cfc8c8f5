//! The paths that routes answer for. Pure.
//!
//! Start with [`PathPrefix`].

use std::fmt;
use std::str::FromStr;

/// The longest prefix, in bytes. nginx has no limit but that of a word of its
/// configuration; nobody routes by more.
const LIMIT: usize = 255;

/// The beginning of a URL's path, in whole segments: `/greeting` is for
/// `/greeting` and `/greeting/x` and not for `/greetings`; `/` is for all.
///
/// It is so in an Ingress of Kubernetes ([path types], `Prefix`), and as there
/// a slash at the end says nothing: `/greeting/` is `/greeting`. Of several
/// that match, the longest answers. The service gets the path as the client
/// sent it, with the prefix.
///
/// A prefix is written as it is meant, without `%`: nginx decodes a request's
/// path before it looks for the prefix. So it consists of what a URL never
/// needs to encode ([RFC 3986], 2.3): letters, digits, `-`, `.`, `_` and `~`.
///
/// [path types]: https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types
/// [RFC 3986]: https://www.rfc-editor.org/rfc/rfc3986
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPrefix(String);

/// Why a text is not a [`PathPrefix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathPrefixError {
    /// It does not begin with a slash.
    #[error("a path begins with `/`, and `{0}` does not")]
    Relative(String),
    /// It is too long.
    #[error("a path has at most {LIMIT} characters, this one has {0}")]
    Long(usize),
    /// Two slashes stand side by side: nginx makes one of them before it looks.
    #[error("`{0}` has an empty part between two slashes")]
    Empty(String),
    /// `.` and `..` are resolved by clients and by nginx, so none arrives.
    #[error("`{0}` has a part `.` or `..`, which no request has")]
    Dots(String),
    /// It has a character that is not to be had.
    #[error("{0:?} cannot stand in a path: letters, digits, `-`, `.`, `_` and `~` can")]
    Character(char),
}

impl PathPrefix {
    /// The prefix, which ends with a slash only when it is `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all paths begin with it.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }
}

impl FromStr for PathPrefix {
    type Err = PathPrefixError;

    fn from_str(text: &str) -> Result<Self, PathPrefixError> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PathPrefixError::Relative(text.to_owned()));
        };
        if text.len() > LIMIT {
            return Err(PathPrefixError::Long(text.len()));
        }
        if rest.is_empty() {
            return Ok(Self(text.to_owned()));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        for segment in rest.split('/') {
            if segment.is_empty() {
                return Err(PathPrefixError::Empty(text.to_owned()));
            }
            if segment == "." || segment == ".." {
                return Err(PathPrefixError::Dots(text.to_owned()));
            }
            if let Some(c) = segment.chars().find(|c| !is_unreserved(*c)) {
                return Err(PathPrefixError::Character(c));
            }
        }
        Ok(Self(format!("/{rest}")))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

#[cfg(test)]
mod tests {
    use super::{PathPrefix, PathPrefixError};

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text
            .parse::<PathPrefix>()
            .map_err(|error: PathPrefixError| error.to_string());
        assert_eq!(
            got.as_ref().map(PathPrefix::as_str).map_err(String::as_str),
            expected
        );
    }

    #[test]
    fn a_slash_at_the_end_says_nothing() {
        check("/", Ok("/"));
        check("/greeting", Ok("/greeting"));
        check("/greeting/", Ok("/greeting"));
        check("/a/.well-known/~b_C", Ok("/a/.well-known/~b_C"));
        check("/helloworld.Greeter", Ok("/helloworld.Greeter"));
    }

    #[test]
    fn what_no_request_has_is_refused() {
        check("", Err("a path begins with `/`, and `` does not"));
        check("a", Err("a path begins with `/`, and `a` does not"));
        check("//", Err("`//` has an empty part between two slashes"));
        check(
            "/a//b",
            Err("`/a//b` has an empty part between two slashes"),
        );
        check(
            "/a/../b",
            Err("`/a/../b` has a part `.` or `..`, which no request has"),
        );
        check(
            &format!("/{}", "a".repeat(255)),
            Err("a path has at most 255 characters, this one has 256"),
        );
    }

    #[test]
    fn what_could_mean_something_to_nginx_is_refused() {
        for c in "{};\"'\\$ #%?*\n\t\0é".chars() {
            let got = format!("/a{c}b").parse::<PathPrefix>();
            assert_eq!(got, Err(PathPrefixError::Character(c)));
        }
    }
}

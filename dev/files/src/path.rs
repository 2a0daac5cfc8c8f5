//! From a request's path to the place under the root that it names.
//!
//! Owns the rules that keep a request inside the root and away from hidden
//! files; they are nginx's, whose answers the built-in server gives too.
//! Never looks at the disk. Start with [`Place::parse`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::ENV_PATH;

/// What a `Location` must not hold literally.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The one hidden folder that is served, see RFC 8615.
const WELL_KNOWN: &[u8] = b".well-known";

/// A place under the root: its segments, none of them empty, `.`, `..` or
/// with a slash or a zero byte in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    segments: Vec<Vec<u8>>,
    folder: bool,
}

/// Why a path names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is malformed, or leads out of the root.
    Malformed,
    /// A segment of it begins with a dot.
    Hidden,
}

impl Place {
    /// Reads the path of a URI, without its query.
    ///
    /// Escapes are decoded first and dots and slashes understood afterwards,
    /// so that `%2e%2e%2f` is no way around.
    ///
    /// # Errors
    /// If it names no place that is served.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let decoded = decode(path).ok_or(Refusal::Malformed)?;
        let Some((b'/', rest)) = decoded.split_first() else {
            return Err(Refusal::Malformed);
        };
        let mut segments: Vec<Vec<u8>> = Vec::new();
        let mut folder = true;
        for segment in rest.split(|byte| *byte == b'/') {
            folder = matches!(segment, b"" | b"." | b"..");
            match segment {
                b"" | b"." => {}
                b".." => {
                    segments.pop().ok_or(Refusal::Malformed)?;
                }
                name => segments.push(name.to_vec()),
            }
        }
        let place = Self { segments, folder };
        if place.is_hidden() && !place.is_env() {
            return Err(Refusal::Hidden);
        }
        Ok(place)
    }

    /// Whether it is [`ENV_PATH`], which is no file.
    #[must_use]
    pub fn is_env(&self) -> bool {
        let path = [b"/".as_slice(), &self.segments.join(&b'/')].concat();
        !self.folder && path == ENV_PATH.as_bytes()
    }

    fn is_hidden(&self) -> bool {
        self.segments
            .iter()
            .any(|name| name.starts_with(b".") && name != WELL_KNOWN)
    }

    /// Whether the path asks for a folder: it ends with a slash.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.folder
    }

    /// The path relative to the root.
    #[must_use]
    pub fn relative(&self) -> PathBuf {
        self.segments
            .iter()
            .map(|name| OsStr::from_bytes(name))
            .collect()
    }

    /// The path of the same place as a folder, for a redirect: it begins with
    /// one slash, so it never names another host.
    #[must_use]
    pub fn folder_location(&self) -> String {
        let mut location = String::from("/");
        for name in &self.segments {
            location.extend(percent_encode(name, ESCAPED));
            location.push('/');
        }
        location
    }
}

/// Undoes the percent escapes; none if one is broken or hides a zero byte.
fn decode(path: &str) -> Option<Vec<u8>> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            16 * hex(bytes.next()?)? + hex(bytes.next()?)?
        } else {
            byte
        };
        if byte == 0 {
            return None;
        }
        decoded.push(byte);
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::Place;

    /// What a path comes to: the place, with a slash at a folder's end, or
    /// the refusal.
    fn check(path: &str, expected: &str) {
        let actual = match Place::parse(path) {
            Ok(place) => {
                let mut text = place.relative().to_string_lossy().into_owned();
                if place.is_folder() {
                    text.push('/');
                }
                text
            }
            Err(refusal) => format!("{refusal:?}"),
        };
        assert_eq!(actual, expected, "{path}");
    }

    #[test]
    fn paths_name_places_under_the_root() {
        check("/", "/");
        check("/a.html", "a.html");
        check("/a/b/", "a/b/");
        check("//a///b", "a/b");
        check("/a/./b/../c", "a/c");
        check("/a/b/..", "a/");
        check("/a/.", "a/");
    }

    #[test]
    fn escapes_are_decoded_before_anything_is_decided() {
        check("/a%20b", "a b");
        check("/%C3%A9%3f%23%25", "é?#%");
        check("/a%2fb", "a/b");
        check("/a/%2e%2e/%2E%2E/etc", "Malformed");
        check("/%2egit/config", "Hidden");
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        check("/..", "Malformed");
        check("/../etc/passwd", "Malformed");
        check("/a/../../etc/passwd", "Malformed");
        check("/..%2fetc", "Malformed");
    }

    #[test]
    fn malformed_paths_are_refused() {
        check("", "Malformed");
        check("a", "Malformed");
        check("/%", "Malformed");
        check("/%4", "Malformed");
        check("/%zz", "Malformed");
        check("/%+1", "Malformed");
        check("/a%00.html", "Malformed");
    }

    #[test]
    fn dot_files_are_hidden_but_for_well_known() {
        check("/.env", "Hidden");
        check("/a/.git/config", "Hidden");
        check("/...", "Hidden");
        check("/.well-known/security.txt", ".well-known/security.txt");
        check("/.well-known2/x", "Hidden");
        check("/.git/../a", "a");
        check("/.hob/env.json", ".hob/env.json");
        check("/.hob/env.json/", "Hidden");
        check("/.hob/other.json", "Hidden");
    }

    #[test]
    fn a_redirect_stays_on_its_own_host() {
        let place = Place::parse("//example.com/a b%0d%0a").expect("it is a place");
        assert_eq!(place.folder_location(), "/example.com/a%20b%0D%0A/");
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_place_is_below_the_root(path in "/?((%2[eEfF]|[./a]|%2|%0{2}|é){0,4}/?){0,4}") {
            if let Ok(place) = Place::parse(&path) {
                let relative = place.relative();
                prop_assert!(relative.components().all(|part| matches!(part, Component::Normal(_))), "{relative:?}");
                let again = Place::parse(&place.folder_location());
                prop_assert_eq!(again.map(|again| again.relative()), Ok(relative));
            }
        }
    }
}

//! Paths that can stand in nginx's configuration. Pure: no disk is looked at.
//!
//! Start with [`FilePath`].

use std::fmt;
use std::path::{Path, PathBuf};

/// The longest path, in bytes: below a word of nginx's configuration and
/// Linux's `PATH_MAX`, with room for names inside of a folder.
const LIMIT: usize = 1024;

/// The absolute path of a file or folder, as UTF-8 without control characters
/// and without `$`, which begins a variable in nginx's configuration and
/// cannot be escaped there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

/// Why a path is not a [`FilePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilePathError {
    /// It depends on a folder that nginx does not know.
    #[error("{} is not absolute", .0.display())]
    Relative(PathBuf),
    /// It is no text.
    #[error("{} is not UTF-8, which nginx's configuration cannot name", .0.display())]
    NotText(PathBuf),
    /// It has a character that nginx's configuration cannot hold.
    #[error("{} has {found:?} in it, which nginx's configuration cannot name", .path.display())]
    Character {
        /// The path.
        path: PathBuf,
        /// The first such character.
        found: char,
    },
    /// It is too long.
    #[error("{} is longer than {LIMIT} bytes", .0.display())]
    Long(PathBuf),
}

impl FilePath {
    /// Takes a path as it is.
    ///
    /// # Errors
    /// If nginx's configuration cannot name it.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, FilePathError> {
        let path = path.into();
        if !path.is_absolute() {
            return Err(FilePathError::Relative(path));
        }
        let Some(text) = path.to_str() else {
            return Err(FilePathError::NotText(path));
        };
        if let Some(found) = text.chars().find(|c| c.is_control() || *c == '$') {
            return Err(FilePathError::Character { path, found });
        }
        if text.len() > LIMIT {
            return Err(FilePathError::Long(path));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path as a word of nginx's configuration. The escapes are those of
    /// its lexer (`ngx_conf_read_token`).
    pub(crate) fn quoted(&self) -> String {
        quoted(&self.0)
    }

    /// A name of letters in this folder, as a word of nginx's configuration.
    pub(crate) fn quoted_join(&self, name: &str) -> String {
        quoted(&format!("{}/{name}", self.0.trim_end_matches('/')))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use super::{FilePath, FilePathError};

    fn check(path: &Path, expected: Result<&str, &str>) {
        let got = FilePath::new(path)
            .map(|path| path.quoted())
            .map_err(|error: FilePathError| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn a_path_keeps_every_character() {
        check(Path::new("/tmp/a b"), Ok(r#""/tmp/a b""#));
        check(Path::new(r#"/é/"x"\y{};'#"#), Ok(r#""/é/\"x\"\\y{};'#""#));
    }

    #[test]
    fn a_name_in_a_folder_follows_one_slash() {
        for folder in ["/a/", "/a"] {
            let folder = FilePath::new(folder).map(|folder| folder.quoted_join("b"));
            assert_eq!(folder.as_deref(), Ok("\"/a/b\""));
        }
    }

    #[test]
    fn what_nginx_cannot_name_is_refused() {
        check(Path::new("nginx.pid"), Err("nginx.pid is not absolute"));
        check(
            Path::new("/a/$pid"),
            Err("/a/$pid has '$' in it, which nginx's configuration cannot name"),
        );
        check(
            Path::new("/a\nb"),
            Err("/a\nb has '\\n' in it, which nginx's configuration cannot name"),
        );
        check(
            Path::new(OsStr::from_bytes(b"/a\xff")),
            Err("/a\u{fffd} is not UTF-8, which nginx's configuration cannot name"),
        );
        let long = format!("/{}", "a".repeat(1024));
        check(
            Path::new(&long),
            Err(&format!("{long} is longer than 1024 bytes")),
        );
    }
}

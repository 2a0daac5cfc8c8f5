//! The files and folders that a stack names: made absolute, and looked at.
//!
//! Never reads contents.

use std::path::{Component, Path, PathBuf};

use crate::near::nearest;

/// The absolute path that a text names from a folder. A path with `..` is
/// followed through symbolic links where it exists, as the system would.
pub(crate) fn resolve(base: &Path, text: &str) -> PathBuf {
    let joined = base.join(text);
    let climbs = |path: &Path| path.components().any(|c| c == Component::ParentDir);
    if climbs(&joined) {
        if let Ok(real) = joined.canonicalize() {
            return real;
        }
    }
    let mut plain = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A path that was looked for and not found: what was probably meant.
pub(crate) fn suggestion(path: &Path, text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix('~') {
        return Some(format!("`~` means nothing here: write `${{HOME}}{rest}`"));
    }
    let wanted = path.file_name()?.to_str()?;
    let names: Vec<String> = path
        .parent()?
        .read_dir()
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(wanted, names.iter().map(String::as_str))?;
    Some(format!("did you mean `{near}`?"))
}

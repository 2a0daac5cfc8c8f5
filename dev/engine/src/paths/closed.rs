//! Files that are put in place as a whole, for their owner's eyes alone.

#![expect(clippy::disallowed_methods, reason = "it writes the files of others")]

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file that its owner alone may read, whole or not at all. What stands
/// in its place, a link that somebody else made included, is replaced and never
/// followed.
pub(crate) fn write_closed(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let new = file.with_extension(format!("new-{}", std::process::id()));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let mut written = open.open(&new)?;
    let placed = written
        .write_all(bytes)
        .and_then(|()| fs::rename(&new, file));
    if placed.is_err() {
        // What is half a file is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    placed
}

/// Whether a file is one that somebody was killed over while writing it
/// ([`write_closed`]), or is just being written.
pub(super) fn is_half_written(name: &str) -> bool {
    let ends = name.rsplit_once(".new-").map(|(_, number)| number);
    ends.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

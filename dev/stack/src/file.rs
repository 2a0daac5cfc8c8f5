//! Reading a text file, with a clear word for each way in which that fails.
//!
//! Owns the only calls that read contents. Never parses.

use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// No file that people write for hob is longer, in bytes.
pub(crate) const SIZE_LIMIT: u64 = 1 << 20;

/// Whether there is anything of this name, a broken symbolic link included.
pub(crate) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The path as people read it in the project of this root.
pub(crate) fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The file's text, or what is wrong with it.
pub(crate) fn read(
    root: &Path,
    path: &Path,
    private: bool,
) -> Result<Arc<SourceFile>, Box<Diagnostic>> {
    let shown = shown(root, path);
    let file = |text: String| {
        Arc::new(SourceFile {
            path: path.to_owned(),
            shown: shown.clone(),
            text,
            private,
        })
    };
    let whole = || Place {
        file: file(String::new()),
        span: None,
    };
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(reason) => {
            let message = format!("cannot read `{shown}`: {reason}");
            return Err(Box::new(Diagnostic::error(message, whole())));
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(file(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let span = Some(at..at + char::REPLACEMENT_CHARACTER.len_utf8());
            let place = Place {
                file: file(text),
                span,
            };
            let told = Diagnostic::error(format!("`{shown}` is not UTF-8"), place)
                .label("this byte begins no character")
                .hint("save the file as UTF-8");
            Err(Box::new(told))
        }
    }
}

/// Never blocks on a pipe or a device, never reads without a limit.
fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let words = |error: io::Error| match error.kind() {
        ErrorKind::NotFound if is_there(path) => {
            "it is a symbolic link to something that is not there".to_owned()
        }
        _ => error.to_string(),
    };
    let kind = path.metadata().map_err(words)?.file_type();
    if kind.is_dir() {
        return Err("it is a folder, not a file".to_owned());
    }
    if !kind.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(words)?;
    file.take(SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(words)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(format!("it is larger than {} KiB", SIZE_LIMIT >> 10));
    }
    Ok(bytes)
}

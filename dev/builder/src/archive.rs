//! A context as a tar archive, written while the engine reads it: what is in
//! memory is a few pieces, however large the context is.

use std::fs::File;
use std::io::{self, Read as _, Write};

use hyper::body::Bytes;
use tar::{EntryType, Header};
use tokio::sync::mpsc;

use crate::context::{Context, Entry, What};

/// Pieces that wait for the engine, of [`PIECE`] bytes each.
pub(crate) const WAITING: usize = 8;
const PIECE: usize = 256 << 10;

/// Writes the whole archive into `pieces`, on a thread that may block. Ends
/// with [`io::ErrorKind::BrokenPipe`] when nobody reads on.
///
/// Times are 0 and everything belongs to root, so the same content makes the
/// same bytes.
pub(crate) fn write(context: &Context, pieces: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let written = archive(
        context,
        Sender {
            pieces: pieces.clone(),
            piece: Vec::new(),
        },
    );
    if let Err(error) = &written {
        // The engine must not take half of a context for a whole one.
        let broken = io::Error::new(error.kind(), error.to_string());
        let _ = pieces.blocking_send(Err(broken));
    }
    written
}

fn archive(context: &Context, sender: Sender) -> io::Result<()> {
    let mut tar = tar::Builder::new(sender);
    for entry in &context.entries {
        append(&mut tar, context, entry)?;
    }
    if let Some(content) = &context.brought {
        let mut header = header(EntryType::Regular, 0o644, content.len() as u64);
        tar.append_data(&mut header, &context.dockerfile, content.as_slice())?;
    }
    tar.into_inner()?.flush()
}

fn append(tar: &mut tar::Builder<Sender>, context: &Context, entry: &Entry) -> io::Result<()> {
    let named = |error: io::Error| {
        let path = context.root.join(&entry.path);
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    match &entry.what {
        What::Folder => {
            let mut header = header(EntryType::Directory, 0o755, 0);
            tar.append_data(&mut header, &entry.path, io::empty())
        }
        What::Link { target } => {
            let mut header = header(EntryType::Symlink, 0o777, 0);
            tar.append_link(&mut header, &entry.path, target)
        }
        What::File { executable, .. } => {
            let file = File::open(context.root.join(&entry.path)).map_err(named)?;
            // Its length now: what is appended later waits for the next build.
            let length = file.metadata().map_err(named)?.len();
            let mode = if *executable { 0o755 } else { 0o644 };
            let mut header = header(EntryType::Regular, mode, length);
            let mut exact = Exact {
                file: file.take(length),
                left: length,
            };
            tar.append_data(&mut header, &entry.path, &mut exact)
                .map_err(named)
        }
    }
}

fn header(kind: EntryType, mode: u32, length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(length);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A file that has to give as many bytes as its header promised.
struct Exact {
    file: io::Take<File>,
    left: u64,
}

impl io::Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.left -= read as u64;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter while it was sent"));
        }
        Ok(read)
    }
}

/// Collects what the archive writes into pieces.
struct Sender {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece);
        self.pieces
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine reads no more"))
    }
}

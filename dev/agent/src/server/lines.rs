//! Lines as clients send them.

use std::io;

use hob_wire::LINE_LIMIT;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

pub(super) type Reader = Box<dyn AsyncBufRead + Send + Unpin>;

pub(super) async fn read_line(read: &mut Reader) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    Ok(read_into(read, &mut line).await?.then_some(line))
}

/// Reads up to a line break into `line`, which may hold the beginning of a
/// line already: dropping this future loses nothing. False at the end.
pub(super) async fn read_into(read: &mut Reader, line: &mut Vec<u8>) -> io::Result<bool> {
    let room = (LINE_LIMIT + 1).saturating_sub(line.len()) as u64;
    read.take(room).read_until(b'\n', line).await?;
    if line.len() > LINE_LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the line is too long",
        ));
    }
    Ok(line.last() == Some(&b'\n'))
}

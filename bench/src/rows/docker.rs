//! The rows of containers: the same work on hob's Docker engine, beside it on
//! its host engine or by Docker Compose, and the engine's API alone.

pub mod exec;
pub mod failed;
pub mod fifty;
pub mod image;
pub mod save;

use crate::docker::MISSING;
use crate::report::Row;

/// A row that says why it is empty.
fn skipped(name: &'static str, what: &str) -> Row {
    let mut row = Row::new(name, what);
    row.note(MISSING);
    row
}

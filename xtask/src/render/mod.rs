//! How things look in a terminal: pure functions from values to lines.

pub mod data;
mod event;
mod line;
mod progress;
mod status;
mod table;

pub use event::{Look, describe, waterfall};
pub use line::{Names, log_line};
pub use progress::{Steps, obstacles_lines};
pub use status::{Seen, address, lost_version, note, status_table};
pub use table::{aligned, bytes, time_since};

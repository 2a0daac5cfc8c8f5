//! [`uninstall`]: what puts every byte back, unless somebody else has changed
//! it since. Pure.

use hob_changes::{Changed, Undo};

use crate::facts::Facts;
use crate::record::Record;

/// Decides what to put back.
///
/// # Errors
/// Somebody else has changed a file since.
pub fn uninstall(record: &Record, facts: &Facts) -> Result<Undo, Changed> {
    record.made().undo(|path| facts.entry(path).clone())
}

//! Kills at an exact place: as soon as hob's record of what it does has a
//! given line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::session::Session;
use crate::wait::LIMIT;

/// The ledgers of the projects below a state home.
fn files(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("hob"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .map(|entry| entry.path().join("ledger.jsonl"))
        .filter(|path| path.is_file())
        .collect()
}

/// How many lines the ledger of the only project has; none without one.
#[must_use]
pub fn lines(state: &Path) -> usize {
    let count = |path: PathBuf| fs::read_to_string(path).map_or(0, |text| text.lines().count());
    files(state).into_iter().map(count).sum()
}

/// Kills `hob` as soon as the ledger has `line` lines more than `before`, or
/// lets it end. Returns whether it was killed.
///
/// # Panics
/// Neither happened within the limit.
#[track_caller]
pub fn kill_at(state: &Path, before: usize, line: usize, mut hob: Session) -> bool {
    let end = Instant::now() + LIMIT;
    while lines(state) < before + line {
        if !crate::processes::is_alive(hob.pid()) {
            // Whatever it wrote last is there by now.
            hob.end();
            return false;
        }
        assert!(
            Instant::now() < end,
            "the ledger never had line {line}\n{}",
            hob.transcript()
        );
        // No pause: a step may take less than a millisecond.
        std::thread::yield_now();
    }
    hob.kill();
    true
}

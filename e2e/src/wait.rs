//! Waiting for conditions that nobody tells of.

use std::time::{Duration, Instant};

/// How long any wait may take before its test fails: far beyond what is
/// expected, for machines that are busy with other things.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(3);

/// Looks until `condition` holds; `what` is said when it never does.
///
/// # Panics
/// It did not hold within [`LIMIT`].
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    until_within(LIMIT, what, condition);
}

/// The same for what may take longer than anything else.
///
/// # Panics
/// It did not hold within `limit`.
#[track_caller]
pub fn until_within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    look_for(limit, what, || condition().then_some(()));
}

/// Looks until `look` finds something.
///
/// # Panics
/// It found nothing within [`LIMIT`].
#[track_caller]
pub fn until_some<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(LIMIT, what, look)
}

#[track_caller]
fn look_for<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(LOOK);
    }
}

//! The paths of a root that something happened to and that have not been
//! looked at yet, each with the time when a look makes sense.
//!
//! Owns the times and no file. Start with [`Queue::note`].

use std::collections::{BTreeSet, HashMap};
use std::time::{Instant, SystemTime};

use crate::event::Options;
use crate::table::Place;

/// A place in one of the trees.
pub(crate) type Key = (u32, Place);

/// The moment at which something was first noticed, by both clocks.
pub(crate) type Moment = (Instant, SystemTime);

/// What happened to a path, as far as it matters for when to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Closed after writing, or renamed to this: complete.
    Complete,
    /// A new file was closed: perhaps a temporary one.
    CompleteNew,
    /// Written to and not closed yet.
    Open,
    /// Owner, mode, times: nothing else may follow.
    Attributes,
    /// Found, and perhaps still being written.
    Settling,
    /// Gone, and perhaps back at once.
    Gone,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    due: Instant,
    noticed: Moment,
    /// When the file was first written to without a close.
    opened: Option<Instant>,
    reread: bool,
}

/// What to look at, and how.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) key: Key,
    pub(crate) noticed: Moment,
    /// Read it even if its stamp is what it was.
    pub(crate) reread: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    slots: HashMap<Key, Slot>,
    order: BTreeSet<(Instant, Key)>,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// When the next look is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.order.first().map(|(due, _)| *due)
    }

    /// Takes what is due at `now`, the earliest first.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Due> {
        if self.next_due()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        let slot = self.slots.remove(&key)?;
        Some(Due {
            key,
            noticed: slot.noticed,
            reread: slot.reread,
        })
    }

    /// Makes everything due.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.order.clear();
        for (key, slot) in &mut self.slots {
            slot.due = slot.due.min(now);
            self.order.insert((slot.due, key.clone()));
        }
    }

    /// Something happened to `key`; a later event changes the time of the
    /// look that an earlier one asked for.
    pub(crate) fn note(&mut self, key: Key, hint: Hint, noticed: Moment, options: &Options) {
        let now = noticed.0;
        let old = self.slots.get(&key).copied();
        let opened = match hint {
            Hint::Open => Some(old.and_then(|slot| slot.opened).unwrap_or(now)),
            Hint::Attributes | Hint::Settling => old.and_then(|slot| slot.opened),
            _ => None,
        };
        let due = match (hint, old) {
            (Hint::Complete, _) => now,
            (Hint::CompleteNew, _) => now + options.created,
            // A writer that never closes is looked at in the end.
            (Hint::Open, _) => {
                let first = opened.unwrap_or(now);
                (now + options.open_file).min(first + options.open_file * 5)
            }
            (Hint::Attributes, Some(slot)) => slot.due,
            (Hint::Attributes, None) => now,
            (Hint::Settling, Some(slot)) => slot.due.min(now + options.quiet),
            (Hint::Settling | Hint::Gone, _) => now + options.quiet,
        };
        let slot = Slot {
            due,
            noticed: old.map_or(noticed, |slot| slot.noticed),
            opened,
            reread: !matches!(hint, Hint::Attributes | Hint::Settling)
                || old.is_some_and(|slot| slot.reread),
        };
        if let Some(old) = old {
            self.order.remove(&(old.due, key.clone()));
        }
        self.order.insert((due, key.clone()));
        self.slots.insert(key, slot);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;
    use std::time::Duration;

    /// The milliseconds after which a path with these events is looked at.
    fn check(events: &[(u64, Hint)]) -> u64 {
        let options = Options::default();
        let start = Instant::now();
        let mut queue = Queue::default();
        for (time, hint) in events {
            let moment = (start + Duration::from_millis(*time), SystemTime::now());
            queue.note((0, crate::table::base()), *hint, moment, &options);
        }
        assert_eq!(queue.len(), 1);
        let due = queue.next_due().unwrap();
        assert!(queue.take(due - Duration::from_nanos(1)).is_none());
        assert_eq!(queue.take(due).unwrap().noticed.0, start);
        assert!(queue.next_due().is_none());
        (due - start).as_millis() as u64
    }

    #[test]
    fn a_closed_file_is_looked_at_at_once() {
        assert_eq!(check(&[(0, Hint::Open), (2, Hint::Complete)]), 2);
    }

    #[test]
    fn a_truncated_file_waits_for_its_content() {
        assert_eq!(check(&[(0, Hint::Open), (1, Hint::Attributes)]), 100);
    }

    #[test]
    fn a_file_that_is_never_closed_is_looked_at_in_the_end() {
        let writes: Vec<_> = (0..20).map(|nth| (nth * 90, Hint::Open)).collect();
        assert_eq!(check(&writes[..2]), 190);
        assert_eq!(check(&writes), 500);
    }

    #[test]
    fn a_vanished_file_may_come_back() {
        assert_eq!(check(&[(0, Hint::Gone)]), 15);
        assert_eq!(check(&[(0, Hint::Gone), (3, Hint::Complete)]), 3);
        assert_eq!(check(&[(0, Hint::Complete), (3, Hint::Gone)]), 18);
    }

    #[test]
    fn a_new_file_may_be_a_temporary_one() {
        assert_eq!(check(&[(0, Hint::Open), (2, Hint::CompleteNew)]), 7);
    }

    #[test]
    fn hurry_makes_everything_due() {
        let options = Options::default();
        let moment = (Instant::now(), SystemTime::now());
        let mut queue = Queue::default();
        queue.note((1, crate::table::base()), Hint::Open, moment, &options);
        queue.note((2, crate::table::base()), Hint::Gone, moment, &options);
        assert!(queue.take(moment.0).is_none());
        queue.hurry(moment.0);
        assert_eq!(queue.take(moment.0).unwrap().key.0, 1);
        assert_eq!(queue.take(moment.0).unwrap().key.0, 2);
        assert!(queue.take(moment.0).is_none());
    }
}

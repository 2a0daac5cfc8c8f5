//! When a batch is sent: at once for the first change, after quiet in a
//! storm, and never in the middle of git's work.
//!
//! Owns the decision and no clock: every time is given. Start with
//! [`Pace::due`].

use std::time::{Duration, Instant};

use crate::event::Options;

/// The rhythm of one root.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// How many batches this burst of events has given.
    burst: u32,
    last_event: Option<Instant>,
    first_change: Option<Instant>,
    last_change: Option<Instant>,
}

impl Pace {
    /// Something happened in the root. `idle`: nothing was waiting to be
    /// looked at or told.
    pub(crate) fn event(&mut self, now: Instant, idle: bool, options: &Options) {
        let rested = self
            .last_event
            .is_none_or(|last| now.saturating_duration_since(last) >= options.quiet);
        if idle && rested {
            self.burst = 0;
        }
        self.last_event = Some(now);
    }

    /// A file was found to be different.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.first_change.get_or_insert(now);
        self.last_change = Some(now);
    }

    /// Git let go of its lock: more of its work may follow.
    pub(crate) fn released(&mut self, now: Instant) {
        self.burst = self.burst.max(BURST_OF_STORM);
        self.last_event = Some(now);
        self.first_change = Some(now);
    }

    /// When what was found may be told. `waiting`: paths not looked at yet.
    ///
    /// The first batch of a burst goes at once. Each further one waits for
    /// twice as much quiet as the one before, so that a save of five files
    /// gives a second batch soon and three thousand files do not give three
    /// thousand.
    pub(crate) fn due(&self, waiting: usize, options: &Options) -> Option<Instant> {
        let first = self.first_change?;
        let quiet = if waiting > options.storm_paths {
            options.quiet
        } else if self.burst == 0 {
            return Some(first);
        } else {
            let doubled = Duration::from_millis(1 << self.burst.min(BURST_OF_STORM));
            options.quiet.min(doubled)
        };
        // Behind a long queue the last event is long ago: what still comes to
        // light is no quiet either.
        let last = self.last_event.max(self.last_change).unwrap_or(first);
        Some((last + quiet).min(first + options.storm_limit))
    }

    /// When git's lock is no longer respected, if nothing else happens.
    pub(crate) fn lock_limit(&self, seen: Instant, options: &Options) -> Instant {
        self.last_event.map_or(seen, |last| last.max(seen)) + options.git_lock_limit
    }

    /// A batch was told, or there was nothing to tell after all.
    pub(crate) fn sent(&mut self) {
        self.burst = self.burst.saturating_add(1);
        self.first_change = None;
    }

    /// What had changed is as it was before.
    pub(crate) fn calmed(&mut self) {
        self.first_change = None;
    }
}

const BURST_OF_STORM: u32 = 5;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;

    /// Runs events (`e`), changes (`c`), and whatever is due, at millisecond
    /// times; tells when batches went out.
    fn check(steps: &[(u64, char)], waiting: usize, end: u64) -> Vec<u64> {
        let options = Options::default();
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut sent = Vec::new();
        for now in 0..=end {
            let at = start + Duration::from_millis(now);
            for (_, step) in steps.iter().filter(|(time, _)| *time == now) {
                pace.event(at, pace.first_change.is_none(), &options);
                if *step == 'c' {
                    pace.changed(at);
                }
            }
            if pace.due(waiting, &options).is_some_and(|due| due <= at) {
                pace.sent();
                sent.push(now);
            }
        }
        sent
    }

    #[test]
    fn the_first_change_goes_at_once() {
        assert_eq!(check(&[(3, 'c')], 0, 50), [3]);
    }

    #[test]
    fn saves_apart_go_at_once_each() {
        assert_eq!(check(&[(0, 'c'), (15, 'c'), (40, 'c')], 0, 80), [0, 15, 40]);
    }

    #[test]
    fn what_follows_soon_waits_for_a_little_quiet() {
        assert_eq!(
            check(&[(0, 'c'), (1, 'c'), (2, 'c'), (3, 'c')], 0, 50),
            [0, 5]
        );
    }

    #[test]
    fn many_waiting_paths_hold_even_the_first() {
        assert_eq!(check(&[(0, 'c'), (8, 'e')], 21, 50), [23]);
    }

    #[test]
    fn an_endless_storm_is_told_of_at_the_limit() {
        let storm: Vec<_> = (0..1000).map(|time| (time, 'c')).collect();
        let sent = check(&storm, 0, 1000);
        assert_eq!(sent, [0, 251, 502, 753]);
    }

    #[test]
    fn a_released_lock_asks_for_full_quiet() {
        let options = Options::default();
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.event(start, true, &options);
        pace.changed(start);
        let later = start + Duration::from_millis(100);
        pace.released(later);
        assert_eq!(pace.due(0, &options).unwrap(), later + options.quiet);
    }
}

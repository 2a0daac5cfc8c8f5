//! [`Hold`]: one request's patience.
//!
//! Owns how long a request has waited in all, for the gate to open and for a
//! process to accept, and how long it pauses between tries. Never sends
//! anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::backend::Flight;
use crate::gate::{Failure, Gate, Pick};

/// The first pause after a refused connection; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What to do with the request.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send it there.
    Go(Flight),
    /// Nothing serves.
    Failed(Arc<Failure>),
    /// It waited for the limit; the reason.
    Expired(String),
    /// The front is ending.
    Shut,
}

/// The waiting of one request. Only time spent in it counts, not the time
/// that a process takes to answer.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    gate: &'a Gate,
    left: Duration,
    pause: Duration,
    reason: Option<String>,
}

impl<'a> Hold<'a> {
    pub(crate) fn new(gate: &'a Gate, limit: Duration) -> Self {
        Self {
            gate,
            left: limit,
            pause: FIRST_PAUSE,
            reason: None,
        }
    }

    /// The target, as soon as there is one.
    pub(crate) async fn target(&mut self) -> Step {
        // The usual case costs no subscription.
        match self.gate.pick() {
            Pick::Go(_) if self.left.is_zero() => return self.expired(None),
            Pick::Go(flight) => return Step::Go(flight),
            Pick::Failed(failure) => return Step::Failed(failure),
            Pick::Shut => return Step::Shut,
            Pick::Wait(_) => {}
        }
        let mut changes = self.gate.changes();
        loop {
            let reason = match self.gate.pick() {
                Pick::Go(flight) => return Step::Go(flight),
                Pick::Failed(failure) => return Step::Failed(failure),
                Pick::Shut => return Step::Shut,
                Pick::Wait(reason) => reason,
            };
            let began = Instant::now();
            let changed = timeout(self.left, changes.changed()).await;
            self.left = self.left.saturating_sub(began.elapsed());
            match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Step::Shut,
                Err(_) => return self.expired(Some(&reason)),
            }
        }
    }

    /// Waits a little after the target did not take the request, or until the
    /// gate changes.
    pub(crate) async fn pause(&mut self, reason: String) {
        let mut changes = self.gate.changes();
        let began = Instant::now();
        // Either way the next step looks at the gate again.
        let _ = timeout(self.pause.min(self.left), changes.changed()).await;
        self.left = self.left.saturating_sub(began.elapsed());
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.reason = Some(reason);
    }

    fn expired(&self, held: Option<&str>) -> Step {
        let reason = held.or(self.reason.as_deref());
        Step::Expired(reason.unwrap_or("no process accepts it").to_owned())
    }
}

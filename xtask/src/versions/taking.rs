//! The right to update services, taken by whoever takes them down or undoes an
//! update: who is at that is interrupted. An update of other services goes on.

use std::time::Duration;

use hob_engine::{Engine, EngineError, Holding, LockError, ProjectLock, Scope};

use super::{UPDATE, known, locked_error};
use crate::change::engine_error;
use crate::error::Result;
use crate::peer::Interrupting;
use crate::stage::Stage;

/// How long an update that is interrupted may take to undo what it did. What
/// it leaves then is undone by whoever comes after it.
const HEARD: Duration = Duration::from_secs(10);

/// Between two looks at who has the right.
const LOOK: Duration = Duration::from_millis(25);

/// Nobody updates services of a scope.
#[must_use]
pub struct Taken {
    /// None while somebody updates other services: there are no versions of
    /// these.
    lock: Option<ProjectLock>,
    /// Whether somebody was interrupted for it.
    pub from_another: bool,
}

impl Taken {
    /// Gives the right up.
    pub fn release(self) {
        if let Some(lock) = self.lock {
            lock.remove();
        }
    }
}

/// Sees to it that nobody updates services of a scope.
///
/// # Errors
/// Somebody does, and does not come to an end.
pub async fn taken(engine: &Engine, stage: &Stage, scope: &Scope) -> Result<Taken> {
    let end = tokio::time::Instant::now() + UPDATE;
    let (mut interrupting, mut said) = (None, false);
    loop {
        let waiting = |_: Holding| {};
        let holder = match engine.lock_updates(Duration::ZERO, waiting).await {
            Ok(lock) => {
                return Ok(Taken {
                    lock: Some(lock),
                    from_another: interrupting.is_some(),
                });
            }
            Err(EngineError::Lock(LockError::Held { holder, .. })) => holder,
            Err(error) => return Err(engine_error(error)),
        };
        let rollouts = known(engine)?;
        let is_under_way = rollouts.within(scope).any(|(_, it)| it.step().is_some());
        let others_is = rollouts.iter().any(|(_, it)| it.step().is_some());
        if is_under_way {
            if let Some(pid) = holder.pid.filter(|_| interrupting.is_none()) {
                let engine = engine.clone();
                let updates = move || engine.is_updated_by(pid);
                interrupting = Some(Interrupting::begin(pid, HEARD, updates));
            }
        } else if others_is && rollouts.within(scope).next().is_none() {
            return Ok(Taken {
                lock: None,
                from_another: false,
            });
        } else if others_is && !said {
            stage.say(format!(
                "{holder} updates a service of this project; waiting for it"
            ));
            said = true;
        }
        if tokio::time::Instant::now() >= end {
            return Err(locked_error(holder, UPDATE));
        }
        tokio::time::sleep(LOOK).await;
    }
}

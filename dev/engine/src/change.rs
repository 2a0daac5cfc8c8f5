//! [`Work`]: one change of one engine, from the lock to the tidying up.
//!
//! Owns the order of it: lock, look, plan, apply, tidy, unlock; and what it
//! needs of an engine for that, [`Lower`]. Knows no engine.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::EngineError;
use crate::ledger::{Entry, Journal as _, Ledger, Stage};
use crate::lock::{Holding, LOCK_FILE, LockError, ProjectLock};
use crate::paths::{Paths, PathsError};
use crate::plan::{Plan, plan};
use crate::resource::{DesiredSet, Kind, Observed, Scope, Verb};
use crate::want::Want;
use crate::world::{Failure, World};

/// Between two looks for what is still coming.
const LOOK: Duration = Duration::from_millis(100);

/// What a change needs of an engine beside a [`World`].
pub(crate) trait Lower: World<Question = Want> {
    /// What is wanted, in resources. Pure.
    fn lower(&self, want: &Want, found: &Observed<Self::Facts>) -> DesiredSet<Self::Spec>;

    /// The project's folder and folders.
    fn place(&self) -> (&std::path::Path, &Paths, u32);

    /// The kinds of resources that are its own. Those of other engines in the
    /// ledger are theirs.
    fn kinds(&self) -> &'static [Kind];

    /// For how long what was asked of it may still come to be when whoever asked
    /// was killed.
    fn lingers(&self) -> Duration;

    /// Takes away what is no resource and of no use any more: dead sockets of
    /// sessions, empty folders. Called under the lock.
    fn tidy(&self);
}

/// The plan for `want` as things are, and what was found.
pub(crate) async fn planned<W: Lower>(
    world: &W,
    want: &Want,
) -> Result<(Plan<W::Spec>, Observed<W::Facts>), Failure> {
    let found = world.observe(want).await?;
    let wanted = world.lower(want, &found);
    Ok((plan(&wanted, &found), found))
}

/// One change of one engine, under the project's lock.
#[derive(Debug)]
pub(crate) struct Work<W: World> {
    pub(crate) world: Arc<W>,
    pub(crate) plan: Plan<W::Spec>,
    pub(crate) ledger: Arc<Ledger>,
    lock: ProjectLock,
    /// Whose kept logs go with it.
    logs: Option<Scope>,
    /// Whether nothing of the project is to be up.
    down: bool,
}

impl<W: Lower> Work<W> {
    /// Locks, looks and plans.
    pub(crate) async fn prepare(
        world: &Arc<W>,
        want: &Want,
        limit: Duration,
        waiting: impl FnMut(Holding),
    ) -> Result<Self, EngineError> {
        let lock = locked(&**world, limit, waiting).await?;
        let ledger = Arc::new(Ledger::open(&world.place().1.state)?);
        let (mut plan, mut found) = planned(&**world, want).await?;
        let end = tokio::time::Instant::now() + world.lingers();
        while is_coming(&ledger, &**world, &found) && tokio::time::Instant::now() < end {
            tokio::time::sleep(LOOK).await;
            (plan, found) = planned(&**world, want).await?;
        }
        forget(&ledger, world.kinds(), &found).await;
        Ok(Self {
            world: Arc::clone(world),
            plan,
            ledger,
            lock,
            logs: want.volumes.then(|| want.scope.clone()),
            down: want.project.is_none() && matches!(want.scope, Scope::Project),
        })
    }

    /// Gives the lock up; without anything left, the project's folders go.
    pub(crate) fn close(self) {
        let empty = self.ledger.records().is_empty();
        drop(self.ledger);
        if let Some(scope) = &self.logs {
            self.world.place().1.forget_logs(scope);
        }
        self.world.tidy();
        let (_, paths, _) = self.world.place();
        if !empty {
            // What is kept is in the state folder, and has no sockets.
            if self.down {
                paths.take_away_runtime();
            }
            return;
        }
        paths.take_away_notes();
        self.lock.remove();
        paths.take_away();
    }
}

/// Makes the project's folders and locks it. Its last holder may take the
/// folders away between the two, so it is tried again then.
async fn locked<W: Lower>(
    world: &W,
    limit: Duration,
    mut waiting: impl FnMut(Holding),
) -> Result<ProjectLock, EngineError> {
    let (root, paths, uid) = world.place();
    let end = tokio::time::Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        let attempt = match paths.make(root, uid) {
            Ok(()) => {
                let lock = ProjectLock::acquire(&paths.state, LOCK_FILE, left, &mut waiting).await;
                lock.map_err(EngineError::from)
            }
            Err(error) => Err(error.into()),
        };
        match attempt {
            Err(
                EngineError::Lock(LockError::Io { why, .. })
                | EngineError::Paths(PathsError::Io { why, .. }),
            ) if why.kind() == std::io::ErrorKind::NotFound && !left.is_zero() => {
                tokio::task::yield_now().await;
            }
            Ok(lock) => {
                // The runtime folder goes after the lock does.
                paths.make(root, uid)?;
                return Ok(lock);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether something is not there yet that a hob which was killed had asked for.
fn is_coming<W: Lower>(ledger: &Ledger, world: &W, found: &Observed<W::Facts>) -> bool {
    let coming = ledger.in_flight(world.lingers());
    let mut coming = coming.iter().filter(|id| world.kinds().contains(&id.kind));
    coming.any(|id| !found.resources.contains_key(id))
}

/// Strikes what was begun and never came to be, or went by itself: observing
/// is complete, so what it did not find is not there.
async fn forget<F>(ledger: &Ledger, kinds: &[Kind], found: &Observed<F>) {
    for id in ledger.records().into_keys() {
        if kinds.contains(&id.kind) && !found.resources.contains_key(&id) {
            let gone = Entry::new(Stage::Done, Verb::Remove, id);
            // On a full disk the next one strikes it; what has to be written
            // is written before each step.
            let _ = ledger.write(gone).await;
        }
    }
}

//! [`Bases`]: a base image that is made on this machine is made once, however
//! many services stand on it.
//!
//! Two that make one at once end up with two images: the one that is ready
//! last gets the name, and what was built on the other stands on an image that
//! nobody can name. Services of one hob wait in memory; hobs of one user and
//! engine by a file in the user's runtime folder. Whoever waited looks again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::lock::{LockError, ProjectLock};
use crate::world::{Failure, Says};

/// One base: held by who makes it, with how the last try ended.
type Making<E> = Arc<tokio::sync::Mutex<Option<E>>>;

/// The bases that services of this hob wait for, each by its name, and why
/// there is none where making it failed.
#[derive(Debug)]
pub(super) struct Bases<E>(Mutex<BTreeMap<String, Making<E>>>);

/// A base, and what keeps others from making it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    /// Its name.
    pub(super) image: &'a str,
    /// The engine that it is for, as all of the user's hobs name it.
    pub(super) engine: &'a str,
    /// The user's runtime folder, which is there.
    pub(super) home: &'a Path,
    /// How long it is waited for.
    pub(super) limit: Duration,
}

/// Takes its file away, also when the making is interrupted.
struct Held(Option<ProjectLock>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(lock) = self.0.take() {
            lock.remove();
        }
    }
}

impl<E> Default for Bases<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E: Clone> Bases<E> {
    /// Has `make` see to it that the base is there, while nobody else does.
    /// Where somebody else of this hob has just failed to, that is the answer:
    /// a mirror that cannot be reached is not asked by each service in turn.
    ///
    /// # Errors
    /// Why there is none: no turn within the limit, or else what `make` says.
    pub(super) async fn once(
        &self,
        turn: Turn<'_>,
        says: &Says,
        make: impl Future<Output = Result<(), E>>,
    ) -> Result<Result<(), E>, Failure> {
        let image = turn.image;
        let making = self.of(image);
        let mut last = match making.try_lock() {
            Ok(mut last) => {
                *last = None;
                last
            }
            Err(_) => making.lock().await,
        };
        if let Some(error) = &*last {
            return Ok(Err(error.clone()));
        }
        let waits = |holder| says.line(format!("waits for {holder}"));
        let lock = ProjectLock::acquire(turn.home, &turn.file(), turn.limit, waits).await;
        let _held = Held(Some(lock.map_err(|error| turn.missed(&error))?));
        let made = make.await;
        *last = made.as_ref().err().cloned();
        Ok(made)
    }

    fn of(&self, image: &str) -> Making<E> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(image.to_owned()).or_default())
    }
}

impl Turn<'_> {
    /// The name of the file.
    fn file(&self) -> String {
        let of = format!("{} {}", self.engine, self.image);
        format!("base-{}.lock", &blake3::hash(of.as_bytes()).to_hex()[..16])
    }

    fn missed(&self, error: &LockError) -> Failure {
        Failure::operation(match error {
            LockError::Held { holder, limit } => format!(
                "{holder} sees to `{}`; it was not done within {} s",
                self.image,
                limit.as_secs()
            ),
            LockError::Io { .. } => error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests;

//! What is no resource and of no use any more: programs that no container runs
//! from, sockets of dead sessions, empty folders.
//!
//! Called under the project's lock. Start with
//! [`DockerEngine::take_away_dead`].

use std::sync::PoisonError;

use super::{DockerEngine, program};
use crate::paths::take_away_dead;

impl DockerEngine {
    /// Takes all of that away. A program stays while anything of the project is
    /// in the engine: the next container runs from it again.
    pub(super) fn take_away_dead(&self) {
        let paths = &self.setup.paths;
        take_away_dead(paths, &[crate::paths::CONTAINERS]);
        let used = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let now = program::find(paths, &self.setup.executable);
        let now = now.ok().filter(|_| paths.containers().is_dir());
        let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        program::take_away_unused(paths, |key| {
            let is_now = now.as_ref().is_some_and(|it| it.key == key);
            let is_now = is_now || built.as_deref() == Some(key);
            paths.containers().is_dir() && (is_now || used.contains(key))
        });
    }
}

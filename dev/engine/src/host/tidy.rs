//! What is no resource and of no use any more on this engine: what is in the
//! project's folders, and notes of agents that are gone.
//! Start with [`HostEngine::take_away_dead`].

use super::HostEngine;
use crate::paths::take_away_dead;

impl HostEngine {
    /// Takes all of that away.
    pub(super) fn take_away_dead(&self) {
        take_away_dead(&self.setup.paths, &["services", "volumes"]);
        self.forget_leaders();
    }
}

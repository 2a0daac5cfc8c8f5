//! The names that images have in the engine only while they are pushed: noted
//! before, and taken away after, by the next hob if need be.

use std::collections::BTreeSet;

use hob_engine::docker::DockerEngine;
use hob_platform::{Home, Named, PushNote};

use crate::change::engine_error;
use crate::error::Result;
use crate::platform::home_error;

/// The names of one push.
pub struct Names {
    note: PushNote,
}

impl Names {
    /// Notes those of `wanted` that nobody else has.
    ///
    /// # Errors
    /// The engine could not look, or the note cannot be written.
    pub async fn note(
        home: &Home,
        containers: &DockerEngine,
        wanted: impl IntoIterator<Item = String>,
    ) -> Result<Self> {
        let engine = containers.endpoint();
        let given = home.names_pushed(&engine);
        let mut names = BTreeSet::new();
        for name in wanted {
            let known = containers.has_image(&name).await;
            let known = known.map_err(|failure| engine_error(failure.into()))?;
            if !known || given.contains(&name) {
                names.insert(name);
            }
        }
        let note = home.note_push(Named { engine, names });
        Ok(Self {
            note: note.map_err(home_error)?,
        })
    }

    /// Whether somebody else has this one, and keeps it.
    pub fn keeps(&self, name: &str) -> bool {
        !self.note.named().names.contains(name)
    }

    /// Takes them away. Those of an engine that does not do it stay noted.
    pub async fn take_away(self, containers: &DockerEngine) -> Result {
        take_away(self.note, containers).await
    }
}

/// Takes away what pushes that were killed have left.
///
/// # Errors
/// The engine does not do it.
pub async fn take_away_left(home: &Home, containers: &DockerEngine) -> Result {
    for note in home.pushes_left(&containers.endpoint()) {
        take_away(note, containers).await?;
    }
    Ok(())
}

async fn take_away(note: PushNote, containers: &DockerEngine) -> Result {
    for name in &note.named().names {
        let unnamed = containers.unname(name).await;
        unnamed.map_err(|failure| engine_error(failure.into()))?;
    }
    note.done().map_err(home_error)
}

//! [`uninstall`]: what puts every byte back, unless somebody else has changed
//! it since. Pure.

use std::path::{Path, PathBuf};

use crate::entry::Entry;
use crate::facts::Facts;
use crate::plan::{Edit, Undo, diff};
use crate::record::Record;

/// What is neither as hob left it nor as it was before. Nothing is put back
/// then, and the record stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("changed by somebody since: {}", names(files))]
pub struct Changed {
    /// The files: as hob left them before, as they are now after.
    pub files: Vec<Edit>,
}

impl Changed {
    /// What was changed in each, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.files.iter().map(diff).collect()
    }
}

/// Decides what to put back.
///
/// # Errors
/// Somebody else has changed a file since.
pub fn uninstall(record: &Record, facts: &Facts) -> Result<Undo, Changed> {
    Ok(Undo {
        first: record.undo_first.clone(),
        restores: restores(&record.edits, |path| facts.entry(path).clone())?,
        folders: record.folders.iter().rev().cloned().collect(),
        after: record.undo_after.clone(),
    })
}

/// What puts files back to what stood there before, by what stands there now.
///
/// # Errors
/// Somebody else has changed one since.
pub fn restores(
    edits: &[Edit],
    there: impl Fn(&Path) -> Entry,
) -> Result<Vec<(PathBuf, Entry)>, Changed> {
    let mut files = Vec::new();
    let mut restores: Vec<(PathBuf, Entry)> = Vec::new();
    for edit in edits {
        let there = there(&edit.path);
        // What is as it was is put there again: nothing happens to it, and
        // what a kill left beside it goes.
        if there.is_same(&edit.before) || there.is_same(&edit.after) {
            restores.push((edit.path.clone(), edit.before.clone()));
        } else {
            files.push(Edit {
                path: edit.path.clone(),
                before: edit.after.clone(),
                after: there,
            });
        }
    }
    if !files.is_empty() {
        return Err(Changed { files });
    }
    Ok(restores)
}

fn names(files: &[Edit]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|it| it.path.display().to_string())
        .collect();
    names.join(", ")
}

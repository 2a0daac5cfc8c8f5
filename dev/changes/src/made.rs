//! [`Made`]: what hob has changed, noted before it was, and [`Undo`]: what
//! puts every byte back, unless somebody else has changed it since. Pure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::changes::{Changes, Command, Edit, Step, diff};
use crate::entry::Entry;

/// All that putting it back takes. How it is written down is up to whoever
/// knows what it was for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The files, with what stood there before.
    pub edits: Vec<Edit>,
    /// The folders that were made, the outermost first.
    pub folders: Vec<PathBuf>,
    /// What is run before it is put back.
    pub undo_first: Vec<Command>,
    /// What is run after.
    pub undo_after: Vec<Command>,
}

/// What puts it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// What is run before.
    pub first: Vec<Command>,
    /// The files, to what they were.
    pub restores: Vec<(PathBuf, Entry)>,
    /// The folders that hob made, the innermost first; they go if nothing is
    /// in them.
    pub folders: Vec<PathBuf>,
    /// What is run after.
    pub after: Vec<Command>,
}

/// What is neither as hob left it nor as it was before. Nothing is put back
/// then, and the note stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("changed by somebody since: {}", names(files))]
pub struct Changed {
    /// The files: as hob left them before, as they are now after.
    pub files: Vec<Edit>,
}

impl Made {
    /// What is to be noted before these changes are made; `earlier` is what was
    /// noted of others. What stood there before hob's first change counts,
    /// whatever is changed now; and since a machine may have got another way
    /// meanwhile, by an update, what undoes the earlier ones is still to be
    /// done.
    #[must_use]
    pub fn by(changes: &Changes, earlier: Option<&Self>) -> Self {
        let mut made = Self {
            edits: changes.edits.clone(),
            folders: changes.folders.clone(),
            undo_first: changes.undo_first.clone(),
            undo_after: changes.undo_after.clone(),
        };
        let Some(earlier) = earlier else { return made };
        for edit in &earlier.edits {
            match made.edits.iter_mut().find(|it| it.path == edit.path) {
                Some(own) => own.before = edit.before.clone(),
                None => made.edits.push(edit.clone()),
            }
        }
        keep(&mut made.undo_first, &earlier.undo_first);
        keep(&mut made.undo_after, &earlier.undo_after);
        // In the order of their names what is above comes first.
        let folders = made.folders.into_iter();
        let folders: BTreeSet<PathBuf> = folders.chain(earlier.folders.clone()).collect();
        made.folders = folders.into_iter().collect();
        made
    }

    /// What takes it back, by what stands at its files now.
    ///
    /// # Errors
    /// Somebody else has changed one since.
    pub fn undo(self, there: impl Fn(&Path) -> Entry) -> Result<Undo, Changed> {
        Ok(Undo {
            first: self.undo_first,
            restores: restores(self.edits, there)?,
            folders: self.folders.into_iter().rev().collect(),
            after: self.undo_after,
        })
    }
}

impl Undo {
    /// In order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let first = self.first.iter().cloned().map(Step::Run);
        let restores = self.restores.iter();
        let puts = restores.map(|(path, entry)| Step::Put(path.clone(), entry.clone()));
        let folders = self.folders.iter().cloned().map(Step::RemoveFolder);
        let after = self.after.iter().cloned().map(Step::Run);
        let steps = first.chain(puts).chain(folders).chain(after);
        steps.chain([Step::Forget]).collect()
    }
}

impl Changed {
    /// What was changed in each, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.files.iter().map(diff).collect()
    }
}

fn restores(
    edits: Vec<Edit>,
    there: impl Fn(&Path) -> Entry,
) -> Result<Vec<(PathBuf, Entry)>, Changed> {
    let mut files = Vec::new();
    let mut restores = Vec::new();
    for edit in edits {
        let there = there(&edit.path);
        // What is as it was is put there again: nothing happens to it, and
        // what a kill left beside it goes.
        if there.is_same(&edit.before) || there.is_same(&edit.after) {
            restores.push((edit.path, edit.before));
        } else {
            files.push(Edit {
                path: edit.path,
                before: edit.after,
                after: there,
            });
        }
    }
    if !files.is_empty() {
        return Err(Changed { files });
    }
    Ok(restores)
}

fn keep(commands: &mut Vec<Command>, earlier: &[Command]) {
    for command in earlier {
        if !commands.contains(command) {
            commands.push(command.clone());
        }
    }
}

fn names(files: &[Edit]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|it| it.path.display().to_string())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, before: Entry, after: &str) -> Edit {
        Edit {
            path: path.into(),
            before,
            after: Entry::text(after),
        }
    }

    fn commands(all: &[&str]) -> Vec<Command> {
        let commands = all.iter().map(|it| Command::new(it, &[it]));
        commands.collect()
    }

    #[test]
    fn what_stood_there_before_the_first_change_counts_and_earlier_ones_are_undone_too() {
        let theirs = Entry::text("somebody's\n");
        let earlier = Made {
            edits: vec![
                edit("/etc/a", theirs.clone(), "first"),
                edit("/etc/z/b", Entry::Absent, "first"),
            ],
            folders: vec!["/etc/z".into()],
            undo_first: commands(&["stop"]),
            undo_after: commands(&["again", "reload"]),
        };
        let changes = Changes {
            edits: vec![
                edit("/etc/a", Entry::text("first"), "second"),
                edit("/etc/c/d", Entry::Absent, "second"),
            ],
            folders: vec!["/etc/c".into()],
            undo_after: commands(&["reload"]),
            ..Changes::default()
        };
        let made = Made::by(&changes, Some(&earlier));
        let expected = Made {
            edits: vec![
                edit("/etc/a", theirs, "second"),
                edit("/etc/c/d", Entry::Absent, "second"),
                edit("/etc/z/b", Entry::Absent, "first"),
            ],
            folders: vec!["/etc/c".into(), "/etc/z".into()],
            undo_first: commands(&["stop"]),
            undo_after: commands(&["reload", "again"]),
        };
        assert_eq!(made, expected);
        // The same once more changes nothing of it.
        assert_eq!(Made::by(&changes, Some(&made)), made);
    }
}

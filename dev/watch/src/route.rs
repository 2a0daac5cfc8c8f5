//! Whom an event concerns and when a look makes sense.
//!
//! Part of the [`Worker`]: owns the way from a raw event to a note in a
//! root's queue. Looks at no content. Start with [`Worker::see`].

use std::ffi::OsStr;
use std::path::Path;

use crate::queue::{Hint, Key, Moment};
use crate::rules::is_ignore_file;
use crate::source::{Seen, What};
use crate::table::{Place, base};
use crate::watches::Purpose;
use crate::worker::Worker;

impl Worker {
    /// Routes an event to whoever watches the folder that it happened in.
    pub(crate) fn see(&mut self, seen: &Seen) {
        if seen.what == What::Lost {
            self.lost = Some(seen.at.0.max(self.next_rescan));
            return;
        }
        let path = seen.path.as_path();
        if let What::From(_) | What::Removed = seen.what {
            self.folder_lost(path, seen.at);
        }
        let Some(folder) = path.parent() else { return };
        let mut was_file = false;
        for purpose in self.watches.purposes(folder).to_vec() {
            match purpose {
                Purpose::Walked(tree) => was_file |= self.see_in_tree(tree, path, seen),
                Purpose::Guard(tree) => self.see_near(tree, path, seen),
                Purpose::Target(_) => self.see_target(path, seen),
            }
        }
        if let What::From(number) = seen.what {
            self.renamed = Some((number, was_file));
        }
    }

    /// An event in a folder that is walked. Whether it concerned a file that
    /// counts.
    fn see_in_tree(&mut self, tree: u32, path: &Path, seen: &Seen) -> bool {
        let Some(known) = self.trees.get(&tree) else {
            return false;
        };
        let Ok(place) = path.strip_prefix(&known.base) else {
            return false;
        };
        let place: Place = place.as_os_str().into();
        let is_file = known.table.get(&place).is_some();
        let is_folder = known.folders.contains(&place);
        let counts = is_file
            || is_folder
            || is_ignore_file(crate::table::name_of(&place))
            || match seen.what {
                What::Removed | What::From(_) => false,
                What::NewFolder => !known.rules.ignored(&place, true),
                // A folder, perhaps.
                What::To(_) | What::Attributes => {
                    !known.rules.ignored(&place, false) || !known.rules.ignored(&place, true)
                }
                _ => !known.rules.ignored(&place, false),
            };
        if !counts {
            return false;
        }
        let hint = self.hint(path, seen.what, is_file, is_folder);
        self.note((tree, place), hint, seen.at);
        is_file
    }

    pub(crate) fn hint(&self, path: &Path, what: What, is_file: bool, is_folder: bool) -> Hint {
        match what {
            What::NewFolder => Hint::Complete,
            What::NewFile => match path.symlink_metadata() {
                // Neither a link nor a second name of a file gets closed.
                Ok(metadata) if metadata.is_symlink() => Hint::Complete,
                Ok(metadata) if is_linked(&metadata) => Hint::Complete,
                _ => Hint::Open,
            },
            What::Written | What::Lost => Hint::Open,
            What::Closed if is_file => Hint::Complete,
            What::Closed => Hint::CompleteNew,
            What::Attributes => Hint::Attributes,
            What::From(_) if is_folder => Hint::Complete,
            What::From(_) | What::Removed => Hint::Gone,
            // One file under another name: both sides in one batch.
            What::To(number) if self.renamed == Some((number, true)) => Hint::Gone,
            What::To(_) => Hint::Complete,
        }
    }

    /// An event in a folder that a base is in, or will be below.
    fn see_near(&mut self, tree: u32, path: &Path, seen: &Seen) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        let at_base = path == known.base || path == known.given;
        if at_base {
            let is_file = known.table.get(OsStr::new("")).is_some();
            // A folder's own attributes change with every file in it.
            if is_file || !matches!(seen.what, What::Attributes) {
                let hint = self.hint(path, seen.what, is_file, false);
                self.note((tree, base()), hint, seen.at);
            }
        } else if known.base.starts_with(path) {
            self.note((tree, base()), Hint::Complete, seen.at);
        } else if path.file_name().is_some_and(is_ignore_file)
            && path
                .parent()
                .is_some_and(|above| known.base.starts_with(above))
            && !matches!(seen.what, What::Written | What::NewFile)
        {
            self.reload(tree, seen.at);
        }
    }

    /// Something happened to a path that counts.
    pub(crate) fn note(&mut self, key: Key, hint: Hint, at: Moment) {
        let owner = self.owner.get(&key.0);
        if let Some(group) = owner.and_then(|root| self.groups.get_mut(root)) {
            group.event(at, &self.options);
            group.queue.note(key, hint, at, &self.options);
        }
    }

    /// A watched folder was deleted or renamed away: nothing below it is
    /// watched any more, whatever appears under its name.
    fn folder_lost(&mut self, path: &Path, at: Moment) {
        let purposes = self.watches.lost(path);
        let watched = !purposes.is_empty();
        for purpose in purposes {
            match purpose {
                Purpose::Walked(tree) => {
                    let place = self.trees.get(&tree).and_then(|known| {
                        let place = path.strip_prefix(&known.base).ok()?;
                        Some(Place::from(place.as_os_str()))
                    });
                    if let Some(place) = place {
                        self.leave_folder(tree, &place);
                        // Perhaps another one stands there already.
                        self.note((tree, place), Hint::Gone, at);
                    }
                }
                Purpose::Guard(tree) => {
                    self.guard(tree);
                    self.note((tree, base()), Hint::Gone, at);
                }
                Purpose::Target(_) => {}
            }
        }
        if watched {
            self.targets_lost(path, at);
        }
    }
}

fn is_linked(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

//! What a look at a path does: compare it with what is known, remember it,
//! and say whether it changed.
//!
//! Part of the [`Worker`]: owns the file tables' contents and the choice of
//! what to watch. Tells nobody. Start with [`Worker::examine`].

#![expect(clippy::disallowed_methods, reason = "notes when something was found")]

use std::ffi::OsStr;
use std::time::{Instant, SystemTime};

use crate::content::{self, Look, Stamp};
use crate::event::Note;
use crate::queue::{Due, Hint, Key, Moment};
use crate::rules::{folders_above, is_ignore_file};
use crate::table::{Entry, Place, base, folder_of, name_of};
use crate::watches::Purpose;
use crate::worker::Worker;

impl Worker {
    /// Walks a tree for the first time: what is found is how it was.
    pub(crate) fn begin(&mut self, tree: u32) {
        self.guard(tree);
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        known.identity = known.identify();
        match content::look(&known.base) {
            Look::Folder => {
                let mut folders = vec![base()];
                while let Some(folder) = folders.pop() {
                    let Some(known) = self.trees.get_mut(&tree) else {
                        return;
                    };
                    // The watch comes first, so that nothing falls between.
                    self.watches
                        .add(&known.path(&folder), Purpose::Walked(tree), false);
                    let Some(found) = known.read_folder(&folder) else {
                        continue;
                    };
                    known.folders.insert(folder, ());
                    folders.extend(found.folders);
                    for (place, stamp) in found.new {
                        self.remember(tree, place, stamp);
                    }
                }
            }
            Look::Item(stamp) => self.remember(tree, base(), stamp),
            Look::Missing | Look::Other => self.missing(tree, true),
        }
        self.unhashed.push_back((tree, None));
    }

    fn remember(&mut self, tree: u32, place: Place, stamp: Stamp) {
        if let Some(known) = self.trees.get_mut(&tree) {
            let entry = Entry {
                stamp,
                leaf: None,
                racy: content::is_racy(&stamp),
            };
            known.table.set(place.clone(), entry);
        }
        if stamp.is_link() {
            let at = (Instant::now(), SystemTime::now());
            self.follow(tree, &place, at);
        }
    }

    /// Watches the folders above a tree: the nearest one that exists, to see
    /// the base come and go, and those whose ignore files count.
    pub(crate) fn guard(&mut self, tree: u32) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        let given = known
            .given
            .parent()
            .and_then(|folder| folder.canonicalize().ok());
        let existing = known
            .base
            .ancestors()
            .skip(1)
            .find(|folder| folder.is_dir());
        let mut folders: Vec<_> = given.into_iter().collect();
        folders.extend(existing.map(ToOwned::to_owned));
        folders.extend(
            folders_above(&known.base)
                .into_iter()
                .map(ToOwned::to_owned),
        );
        for folder in folders {
            self.watches.add(&folder, Purpose::Guard(tree), false);
        }
    }

    /// Looks at all of these trees; with `renew` also sets every watch anew.
    pub(crate) fn rescan(&mut self, trees: &[u32], renew: bool) {
        let at = (Instant::now(), SystemTime::now());
        for &tree in trees {
            if let Some(known) = self.trees.get_mut(&tree) {
                known.reload();
            }
            self.guard(tree);
            self.note_base(tree, at);
            if self
                .trees
                .get(&tree)
                .is_some_and(|known| known.base.is_dir())
            {
                self.scan_with(tree, base(), true, Hint::Complete, at, renew);
            }
            self.look_at_links(tree, at);
            if let Some(&root) = self.owner.get(&tree) {
                self.find_locks(root);
            }
        }
    }

    fn note_base(&mut self, tree: u32, at: Moment) {
        self.queue_only((tree, base()), Hint::Complete, at);
    }

    /// Ignore files above a tree changed.
    pub(crate) fn reload(&mut self, tree: u32, at: Moment) {
        if let Some(known) = self.trees.get_mut(&tree) {
            known.reload();
        }
        self.scan(tree, base(), true, Hint::Complete, at);
    }

    /// Looks at a base if it is another one than was walked.
    pub(crate) fn look_at_base(&mut self, tree: u32, at: Moment) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        let is_file = known.table.get(OsStr::new("")).is_some();
        if is_file || known.identify() != known.identity {
            self.queue_only((tree, base()), Hint::Attributes, at);
        }
    }

    /// As [`Worker::note`], for what no event told of.
    pub(crate) fn queue_only(&mut self, key: Key, hint: Hint, at: Moment) {
        let owner = self.owner.get(&key.0);
        if let Some(group) = owner.and_then(|root| self.groups.get_mut(root)) {
            group.queue.note(key, hint, at, &self.options);
        }
    }

    /// Compares a folder with what is known of it and notes the differences;
    /// goes into folders that are new, and with `deep` into all. New files
    /// are looked at as `hint` says.
    pub(crate) fn scan(&mut self, tree: u32, start: Place, deep: bool, hint: Hint, at: Moment) {
        self.scan_with(tree, start, deep, hint, at, false);
    }

    fn scan_with(
        &mut self,
        tree: u32,
        start: Place,
        deep: bool,
        hint: Hint,
        at: Moment,
        renew: bool,
    ) {
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            let Some(known) = self.trees.get_mut(&tree) else {
                return;
            };
            self.watches
                .add(&known.path(&folder), Purpose::Walked(tree), renew);
            let Some(found) = known.read_folder(&folder) else {
                self.leave_folder(tree, &folder);
                self.note((tree, folder), Hint::Gone, at);
                continue;
            };
            known.folders.insert(folder, ());
            for place in &found.folders {
                if deep || !known.folders.contains(place) {
                    folders.push(place.clone());
                }
            }
            // What an event is going to tell of is looked at in its own time.
            for (place, _) in found.new {
                self.note((tree, place), hint, at);
            }
            for place in found.changed.into_iter().chain(found.gone) {
                self.note((tree, place), Hint::Attributes, at);
            }
            for place in found.gone_folders {
                self.leave_folder(tree, &place);
                self.note((tree, place), Hint::Attributes, at);
            }
        }
    }

    /// Nothing in this folder is watched or walked any more. Its files stay
    /// in the table until someone looks.
    pub(crate) fn leave_folder(&mut self, tree: u32, folder: &OsStr) {
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        let mut folders = known.folders.below(folder);
        folders.push(folder.into());
        for place in folders {
            known.folders.remove(&place);
            known.rules.leave(&place);
            self.watches
                .release(&known.path(&place), Purpose::Walked(tree));
        }
    }

    /// Looks at one path.
    pub(crate) fn examine(&mut self, root: usize, due: Due) {
        let Due {
            key: (tree, place),
            noticed,
            reread,
        } = due;
        if place.is_empty() {
            self.examine_base(tree, noticed);
        }
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        let walked = folder_of(&place).is_none_or(|folder| known.folders.contains(folder));
        if walked && is_ignore_file(name_of(&place)) {
            let folder = folder_of(&place).unwrap_or(OsStr::new("")).into();
            self.scan(tree, folder, true, Hint::Complete, noticed);
        }
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        let look = if walked {
            content::look(&known.path(&place))
        } else {
            Look::Missing
        };
        match look {
            Look::Folder if !known.rules.ignored(&place, true) => {
                self.gone(root, (tree, place.clone()), noticed);
                let is_new = self
                    .trees
                    .get(&tree)
                    .is_some_and(|known| !known.folders.contains(&place));
                // Also when only its mode changed: it may be readable now.
                self.scan(tree, place, is_new, Hint::Settling, noticed);
            }
            Look::Item(stamp) if !known.rules.ignored(&place, false) => {
                self.gone_below(root, tree, &place, noticed);
                self.compare(root, (tree, place), stamp, reread, noticed);
            }
            _ => {
                self.gone_below(root, tree, &place, noticed);
                self.gone(root, (tree, place), noticed);
            }
        }
    }

    /// A base that came, went or was replaced.
    fn examine_base(&mut self, tree: u32, noticed: Moment) {
        if self
            .trees
            .get(&tree)
            .is_some_and(|known| known.identity.is_none())
        {
            // A nearer folder above it may be there by now.
            self.guard(tree);
        }
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        let identity = known.identify();
        if identity == known.identity {
            return;
        }
        let old = known.base.clone();
        known.identity = identity;
        self.leave_folder(tree, OsStr::new(""));
        if let Some(known) = self.trees.get_mut(&tree) {
            known.reload();
            if known.base != old {
                self.watches.forget_tree(tree);
            }
        }
        self.guard(tree);
        self.missing(tree, identity.is_none());
        if let Some(&root) = self.owner.get(&tree) {
            self.find_locks(root);
        }
        if identity.is_some() {
            // Between the look and the guard it may have changed once more.
            self.note_base(tree, noticed);
        }
    }

    fn missing(&mut self, tree: u32, missing: bool) {
        let Some(&root) = self.owner.get(&tree) else {
            return;
        };
        let Some(group) = self.groups.get_mut(&root) else {
            return;
        };
        if group.trees.first() == Some(&tree) && group.missing != missing {
            group.missing = missing;
            self.tell_note(
                root,
                if missing {
                    Note::RootMissing
                } else {
                    Note::RootBack
                },
            );
        }
    }
}

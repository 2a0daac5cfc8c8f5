//! What a file is against what was known of it: gone, the same, or changed.
//!
//! Part of the [`Worker`]: changes the file tables and says what changed to
//! the group. Walks nothing. Start with [`Worker::compare`].

use crate::content::{self, Hashed, Stamp};
use crate::group::Before;
use crate::queue::{Key, Moment};
use crate::table::{Entry, Place};
use crate::worker::Worker;

impl Worker {
    pub(crate) fn gone_below(&mut self, root: usize, tree: u32, place: &Place, noticed: Moment) {
        let Some(known) = self.trees.get(&tree) else {
            return;
        };
        let files = known.table.files().below(place);
        if known.folders.contains(place) {
            self.leave_folder(tree, place);
        }
        for file in files {
            self.gone(root, (tree, file), noticed);
        }
    }

    pub(crate) fn gone(&mut self, root: usize, key: Key, noticed: Moment) {
        let removed = self
            .trees
            .get_mut(&key.0)
            .and_then(|known| known.table.remove(&key.1));
        self.unfollow(key.0, &key.1);
        if let (Some(entry), Some(group)) = (removed, self.groups.get_mut(&root)) {
            group.reading.remove(&key);
            group.changed(key, before(Some(&entry)), noticed);
        }
    }

    pub(crate) fn compare(
        &mut self,
        root: usize,
        key: Key,
        stamp: Stamp,
        reread: bool,
        noticed: Moment,
    ) {
        if stamp.is_link() {
            self.follow(key.0, &key.1, noticed);
        } else {
            self.unfollow(key.0, &key.1);
        }
        let Some(known) = self.trees.get(&key.0) else {
            return;
        };
        if let Some(entry) = known.table.get(&key.1) {
            let racy = entry.racy && entry.leaf.is_some();
            if entry.stamp == stamp && !reread && !racy {
                return;
            }
        }
        if self.read_elsewhere(root, &key, stamp.size, noticed) {
            return;
        }
        let Some(known) = self.trees.get(&key.0) else {
            return;
        };
        let hashed = content::hash(&known.path(&key.1), known.number, &key.1);
        self.learn(root, key, hashed, noticed);
    }

    /// Takes in what was read of a file.
    pub(crate) fn learn(&mut self, root: usize, key: Key, hashed: Option<Hashed>, noticed: Moment) {
        let Some(hashed) = hashed else {
            self.gone(root, key, noticed);
            return;
        };
        let Some(known) = self.trees.get_mut(&key.0) else {
            return;
        };
        let entry = Entry {
            stamp: hashed.stamp,
            leaf: Some(hashed.leaf),
            racy: hashed.racy,
        };
        let old = known.table.set(key.1.clone(), entry);
        let same = match &old {
            None => false,
            // Never hashed: an old stamp that did not change says enough.
            Some(old) if old.leaf.is_none() => old.stamp == hashed.stamp && !old.racy,
            Some(old) => old.leaf == Some(hashed.leaf),
        };
        if !same {
            if let Some(group) = self.groups.get_mut(&root) {
                group.changed(key, before(old.as_ref()), noticed);
            }
        }
    }
}

fn before(old: Option<&Entry>) -> Before {
    match old {
        None => Before::Absent,
        Some(entry) => entry.leaf.map_or(Before::Unknown, Before::Known),
    }
}

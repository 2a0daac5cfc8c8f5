//! What is told, and when.
//!
//! Part of the [`Worker`]: owns the outgoing events. Looks at no file but
//! git's lock. Start with [`Worker::deliver`].

#![expect(clippy::disallowed_methods, reason = "measures when events were seen")]

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use crate::event::{Batch, Changed, Event, Kind, Note, Synced};
use crate::group::{Before, Leave};
use crate::queue::Key;
use crate::table::Sum;
use crate::worker::{Polling, Worker};

impl Worker {
    /// Tells every root's changes that are due, and sets when to ask again.
    pub(crate) fn deliver(&mut self, now: Instant) {
        let roots: Vec<usize> = self.groups.keys().copied().collect();
        let limits_changed = self.watches.limits_changed();
        for root in roots {
            if limits_changed {
                self.tell_polling(root);
            }
            let wake = self.deliver_root(root, now);
            if let Some(group) = self.groups.get_mut(&root) {
                group.wake = wake;
            }
        }
    }

    fn deliver_root(&mut self, root: usize, now: Instant) -> Option<Instant> {
        let group = self.groups.get_mut(&root)?;
        let settled = group.settled();
        if !group.changed.is_empty() {
            let asked = settled && !group.syncs.is_empty();
            let due = if asked {
                now
            } else {
                group.pace.due(group.queue.len(), &self.options)?
            };
            if due > now {
                return Some(due);
            }
            let (leave, note) = group.leave(now, &self.options);
            if let Some(note) = note {
                self.tell_note(root, note);
            }
            if let Leave::NotBefore(again) = leave {
                return Some(again);
            }
            self.drop_unchanged(root);
            self.tell_batch(root);
        } else {
            group.rest();
        }
        self.tell_digest(root);
        let digest = self.digest(root);
        let group = self.groups.get_mut(&root)?;
        if settled {
            let changed = group.sync_changed;
            for done in group.syncs.drain(..) {
                let synced = Synced {
                    root,
                    digest: digest.clone(),
                    changed,
                };
                // Whoever asked may have gone meanwhile.
                let _ = done.send(synced);
            }
        }
        None
    }

    /// Forgets changes that were taken back before they were told.
    fn drop_unchanged(&mut self, root: usize) {
        let Some(group) = self.groups.get_mut(&root) else {
            return;
        };
        let trees = &self.trees;
        group.changed.retain(|key, before| {
            let entry = trees.get(&key.0).and_then(|tree| tree.table.get(&key.1));
            match (before, entry) {
                (Before::Absent, None) => false,
                (Before::Known(leaf), Some(entry)) => entry.leaf != Some(*leaf),
                _ => true,
            }
        });
        if group.changed.is_empty() {
            group.first = None;
            group.pace.calmed();
        }
    }

    fn tell_batch(&mut self, root: usize) {
        let digest = self.digest(root);
        let Some(group) = self.groups.get_mut(&root) else {
            return;
        };
        if group.changed.is_empty() {
            return;
        }
        let changed = std::mem::take(&mut group.changed);
        let first = group.first.take();
        let (first_event, first_event_at) =
            first.unwrap_or_else(|| (Instant::now(), SystemTime::now()));
        group.pace.sent();
        group.sync_changed = true;
        group.digest_told = digest.is_some();
        let mut changed: Vec<Changed> = changed
            .iter()
            .filter_map(|(key, before)| self.changed(key, *before))
            .collect();
        changed.sort();
        // A file that two trees of a root hold is told once.
        changed.dedup_by(|one, other| one.path == other.path);
        self.tell(Event::Batch(Batch {
            root,
            first_event,
            first_event_at,
            changed,
            digest,
        }));
    }

    fn changed(&self, key: &Key, before: Before) -> Option<Changed> {
        let tree = self.trees.get(&key.0)?;
        let kind = match (before, tree.table.get(&key.1)) {
            (_, None) => Kind::Removed,
            (Before::Absent, Some(_)) => Kind::Created,
            (_, Some(_)) => Kind::Modified,
        };
        let path = if tree.number == 0 {
            PathBuf::from(&*key.1)
        } else {
            let path = tree.path(&key.1);
            let group = self.groups.get(self.owner.get(&key.0)?)?;
            let own = self.trees.get(group.trees.first()?)?;
            path.strip_prefix(&own.base)
                .map(ToOwned::to_owned)
                .unwrap_or(path)
        };
        Some(Changed { path, kind })
    }

    fn tell_digest(&mut self, root: usize) {
        let told = self.groups.get(&root).is_none_or(|group| group.digest_told);
        if told {
            return;
        }
        if let (Some(digest), Some(group)) = (self.digest(root), self.groups.get_mut(&root)) {
            group.digest_told = true;
            self.tell(Event::Digest { root, digest });
        }
    }

    /// Of what is known; `None` while something was never hashed.
    fn digest(&self, root: usize) -> Option<String> {
        let mut sum = Sum::default();
        for tree in &self.groups.get(&root)?.trees {
            let table = &self.trees.get(tree)?.table;
            if table.unhashed() > 0 {
                return None;
            }
            sum.join(table.sum());
        }
        Some(sum.digest())
    }

    /// Says once that folders are polled, and once that they no longer are.
    fn tell_polling(&mut self, root: usize) {
        let Some(group) = self.groups.get_mut(&root) else {
            return;
        };
        if self.polling == Polling::Asked {
            return;
        }
        let (polled, all) = self.watches.share(&group.trees);
        if (polled > 0) == group.degraded {
            return;
        }
        group.degraded = polled > 0;
        if polled == 0 {
            self.tell_note(root, Note::Recovered);
            return;
        }
        let path = group.root.path.display();
        let message = match self.polling {
            Polling::Instances => format!(
                "the system gives no more file watchers (fs.inotify.max_user_instances), so {path} \
                 is polled; to raise the limit: `sudo sysctl fs.inotify.max_user_instances=1024`"
            ),
            _ => format!(
                "the system watches no more folders (fs.inotify.max_user_watches), so {polled} of \
                 {all} folders of {path} are polled; to raise the limit: `sudo sysctl \
                 fs.inotify.max_user_watches=524288`"
            ),
        };
        self.tell(Event::Degraded { root, message });
    }

    /// Finds the lock files of the repositories that a root is in.
    pub(crate) fn find_locks(&mut self, root: usize) {
        let trees = &self.trees;
        if let Some(group) = self.groups.get_mut(&root) {
            let numbers = group.trees.clone();
            let known = numbers.iter().filter_map(|tree| trees.get(tree));
            group.find_locks(known.map(|tree| tree.base.as_path()));
        }
    }

    pub(crate) fn tell_note(&self, root: usize, note: Note) {
        self.tell(Event::Note { root, note });
    }

    fn tell(&self, event: Event) {
        // The loop ends by itself when nobody listens.
        let _ = self.out.send(event);
    }
}

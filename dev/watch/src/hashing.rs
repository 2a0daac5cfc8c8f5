//! Reading files in other threads: all of them once at the start, and large
//! ones when they change.
//!
//! Part of the [`Worker`]: owns what is ordered and what to do with the
//! answers. The threads are in `hasher`. Start with [`Worker::hash_more`].

#![expect(clippy::disallowed_methods, reason = "notes when something was found")]

use std::time::{Instant, SystemTime};

use crate::content::Hashed;
use crate::hasher::{Answer, Hasher, Order};
use crate::queue::{Hint, Key, Moment};
use crate::table::{Entry, Place};
use crate::worker::{Message, Worker};

/// A changed file of more bytes than this is read by another thread.
const LARGE: u64 = 4 << 20;
/// How much one order of the first hashing holds at most.
const ORDER_FILES: usize = 256;
const ORDER_BYTES: u64 = 16 << 20;

impl Worker {
    /// Has a large file read by its own thread; `false` when it is small, or
    /// when there is no thread.
    pub(crate) fn read_elsewhere(
        &mut self,
        root: usize,
        key: &Key,
        size: u64,
        noticed: Moment,
    ) -> bool {
        if size <= LARGE {
            return false;
        }
        if self.large_hasher.is_none() {
            self.large_hasher = self.hasher();
        }
        let (Some(hasher), Some(known)) = (&self.large_hasher, self.trees.get(&key.0)) else {
            return false;
        };
        let Some(group) = self.groups.get_mut(&root) else {
            return false;
        };
        self.tickets += 1;
        group.reading.insert(key.clone(), (self.tickets, noticed));
        hasher.ask(Order {
            tree: key.0,
            number: known.number,
            base: known.base.clone(),
            places: vec![key.1.clone()],
            ticket: self.tickets,
        });
        true
    }

    fn hasher(&self) -> Option<Hasher> {
        let sender = self.sender.clone();
        Hasher::start(move |answer| sender.send(Message::Read(answer)).is_ok()).ok()
    }

    /// Answers of the hashing threads.
    pub(crate) fn read(&mut self, answer: Answer) {
        let Some(&root) = self.owner.get(&answer.tree) else {
            self.hashing &= answer.ticket != 0;
            return;
        };
        if answer.ticket == 0 {
            self.hashing = false;
            for (place, hashed) in answer.files {
                self.learn_first(answer.tree, place, hashed);
            }
            self.hash_more();
            return;
        }
        for (place, hashed) in answer.files {
            let key = (answer.tree, place);
            let Some(group) = self.groups.get_mut(&root) else {
                return;
            };
            // A later look at the same file has another ticket.
            let Some(&(ticket, noticed)) = group.reading.get(&key) else {
                continue;
            };
            if ticket == answer.ticket {
                group.reading.remove(&key);
                self.learn(root, key, hashed, noticed);
            }
        }
    }

    fn learn_first(&mut self, tree: u32, place: Place, hashed: Option<Hashed>) {
        let Some(known) = self.trees.get_mut(&tree) else {
            return;
        };
        let Some(entry) = known.table.get(&place).filter(|entry| entry.leaf.is_none()) else {
            return;
        };
        match hashed {
            Some(hashed) if hashed.stamp == entry.stamp => {
                let entry = Entry {
                    stamp: hashed.stamp,
                    leaf: Some(hashed.leaf),
                    racy: hashed.racy,
                };
                known.table.set(place, entry);
            }
            // It changed since the walk; usually its event is on its way.
            _ => {
                let at = (Instant::now(), SystemTime::now());
                self.queue_only((tree, place), Hint::Settling, at);
            }
        }
    }

    /// Gives the hashing thread its next order, if it has none.
    pub(crate) fn hash_more(&mut self) {
        while !self.hashing {
            let Some((tree, reached)) = self.unhashed.pop_front() else {
                self.first_hasher = None;
                return;
            };
            let Some(known) = self.trees.get(&tree) else {
                continue;
            };
            let mut places = Vec::new();
            let mut bytes = 0;
            for (place, entry) in known.table.files().after(reached.as_deref()) {
                if entry.leaf.is_none() {
                    bytes += entry.stamp.size;
                    places.push(place.clone());
                    if places.len() == ORDER_FILES || bytes > ORDER_BYTES {
                        break;
                    }
                }
            }
            let Some(last) = places.last().cloned() else {
                continue;
            };
            let order = Order {
                tree,
                number: known.number,
                base: known.base.clone(),
                places,
                ticket: 0,
            };
            if self.first_hasher.is_none() {
                self.first_hasher = self.hasher();
            }
            let Some(hasher) = &self.first_hasher else {
                // No thread: digests stay unknown until the next try.
                self.unhashed.push_front((tree, reached));
                return;
            };
            hasher.ask(order);
            self.hashing = true;
            self.unhashed.push_front((tree, Some(last)));
        }
    }
}

//! A thread that reads files, so that the one that hears events never waits
//! for a disk.
//!
//! Owns its thread and nothing else; it ends when the [`Hasher`] is dropped.
//! Decides nothing about what it found. Start with [`Hasher::ask`].

use std::path::PathBuf;
use std::sync::mpsc;

use crate::content::{Hashed, hash};
use crate::table::{Place, on_disk};

/// Files of one tree to read.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) tree: u32,
    pub(crate) number: u32,
    pub(crate) base: PathBuf,
    pub(crate) places: Vec<Place>,
    /// Given back with the answer; 0 for the first hashing of a tree.
    pub(crate) ticket: u64,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) tree: u32,
    pub(crate) ticket: u64,
    /// `None` for what is no file (any more).
    pub(crate) files: Vec<(Place, Option<Hashed>)>,
}

/// See the module.
pub(crate) struct Hasher(mpsc::Sender<Order>);

impl Hasher {
    /// Starts the thread; answers go to `done`, and the thread ends when that
    /// says that nobody listens.
    pub(crate) fn start(done: impl Fn(Answer) -> bool + Send + 'static) -> std::io::Result<Hasher> {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("hob-watch-hash".to_owned())
            .spawn(move || {
                for order in orders {
                    let read = |place: Place| {
                        let path = on_disk(&order.base, &place);
                        let hashed = hash(&path, order.number, &place);
                        (place, hashed)
                    };
                    let answer = Answer {
                        tree: order.tree,
                        ticket: order.ticket,
                        files: order.places.into_iter().map(read).collect(),
                    };
                    if !done(answer) {
                        break;
                    }
                }
            })?;
        Ok(Hasher(sender))
    }

    /// Asks for files to be read; orders are worked off one after another.
    pub(crate) fn ask(&self, order: Order) {
        // The thread ends only after we do.
        let _ = self.0.send(order);
    }
}

//! Which folders are watched, for whom, and which of them the system refused.
//!
//! Owns the book of watches over a [`Source`]; a folder that two trees walk
//! has one watch. Looks at no file. Start with [`Watches::add`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::source::{Refused, Source};

/// Why a folder is watched, with the tree that wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its files count.
    Walked(u32),
    /// The tree's base, or an ignore file that concerns it, is in it or will
    /// be below it.
    Guard(u32),
    /// The target of a link is in it.
    Target(u32),
}

impl Purpose {
    pub(crate) fn tree(self) -> u32 {
        match self {
            Purpose::Walked(tree) | Purpose::Guard(tree) | Purpose::Target(tree) => tree,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    /// To be polled.
    Limited,
    /// Gone or unreadable; tried again with the next look at it.
    Refused,
}

#[derive(Debug)]
struct Watched {
    state: State,
    purposes: Vec<Purpose>,
}

/// See the module.
pub(crate) struct Watches {
    source: Box<dyn Source>,
    watched: HashMap<PathBuf, Watched>,
    limited: usize,
    limits_changed: bool,
}

impl Watches {
    pub(crate) fn new(source: Box<dyn Source>) -> Watches {
        Watches {
            source,
            watched: HashMap::new(),
            limited: 0,
            limits_changed: false,
        }
    }

    /// Watches `folder` from now on. With `renew` also when it is believed to
    /// be watched already: it may be another folder by the same name.
    pub(crate) fn add(&mut self, folder: &Path, purpose: Purpose, renew: bool) {
        if let Some(watched) = self.watched.get_mut(folder) {
            if !watched.purposes.contains(&purpose) {
                watched.purposes.push(purpose);
            }
            if watched.state == State::Live && !renew {
                return;
            }
            let old = watched.state;
            let new = state(self.source.watch(folder));
            watched.state = new;
            self.count(old, new);
        } else {
            let new = state(self.source.watch(folder));
            self.count(State::Live, new);
            let purposes = vec![purpose];
            self.watched.insert(
                folder.to_path_buf(),
                Watched {
                    state: new,
                    purposes,
                },
            );
        }
    }

    /// One purpose less; the last one ends the watch.
    pub(crate) fn release(&mut self, folder: &Path, purpose: Purpose) {
        let Some(watched) = self.watched.get_mut(folder) else {
            return;
        };
        watched.purposes.retain(|other| *other != purpose);
        if watched.purposes.is_empty() {
            self.lost(folder);
        }
    }

    /// The folder went away: nothing watches it any more. Gives the purposes
    /// that it had.
    pub(crate) fn lost(&mut self, folder: &Path) -> Vec<Purpose> {
        let Some(watched) = self.watched.remove(folder) else {
            return Vec::new();
        };
        self.count(watched.state, State::Live);
        if watched.state == State::Live {
            self.source.unwatch(folder);
        }
        watched.purposes
    }

    /// Ends every watch of a tree.
    pub(crate) fn forget_tree(&mut self, tree: u32) {
        let of_tree: Vec<(PathBuf, Purpose)> = self
            .watched
            .iter()
            .flat_map(|(folder, watched)| {
                let purposes = watched.purposes.iter();
                purposes.map(|purpose| (folder.clone(), *purpose))
            })
            .filter(|(_, purpose)| purpose.tree() == tree)
            .collect();
        for (folder, purpose) in of_tree {
            self.release(&folder, purpose);
        }
    }

    /// Why `folder` is watched; empty when it is not.
    pub(crate) fn purposes(&self, folder: &Path) -> &[Purpose] {
        self.watched
            .get(folder)
            .map_or(&[], |watched| &watched.purposes)
    }

    /// Whether any folder has to be polled.
    pub(crate) fn any_limited(&self) -> bool {
        self.limited > 0
    }

    /// Whether other folders have to be polled than at the last question.
    pub(crate) fn limits_changed(&mut self) -> bool {
        std::mem::take(&mut self.limits_changed)
    }

    /// The folders to poll.
    pub(crate) fn limited(&self) -> Vec<PathBuf> {
        let limited = self.watched.iter();
        limited
            .filter(|(_, watched)| watched.state == State::Limited)
            .map(|(folder, _)| folder.clone())
            .collect()
    }

    /// How many folders of these trees are polled, and how many there are.
    pub(crate) fn share(&self, trees: &[u32]) -> (usize, usize) {
        let mut share = (0, 0);
        for watched in self.watched.values() {
            let mut purposes = watched.purposes.iter();
            if purposes.any(|purpose| trees.contains(&purpose.tree())) {
                share.0 += usize::from(watched.state == State::Limited);
                share.1 += 1;
            }
        }
        share
    }

    /// Asks the system again about a folder that is polled; whether it is
    /// watched now.
    pub(crate) fn retry(&mut self, folder: &Path) -> bool {
        let Some(watched) = self.watched.get_mut(folder) else {
            return false;
        };
        let old = watched.state;
        if old != State::Limited {
            return old == State::Live;
        }
        let new = state(self.source.watch(folder));
        watched.state = new;
        self.count(old, new);
        new == State::Live
    }

    fn count(&mut self, old: State, new: State) {
        self.limits_changed |= (old == State::Limited) != (new == State::Limited);
        self.limited -= usize::from(old == State::Limited);
        self.limited += usize::from(new == State::Limited);
    }
}

fn state(answer: Result<(), Refused>) -> State {
    match answer {
        Ok(()) => State::Live,
        Err(Refused::Limit) => State::Limited,
        Err(Refused::Folder) => State::Refused,
    }
}

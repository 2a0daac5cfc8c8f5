//! The thread that hears events and tells batches.
//!
//! Owns the loop and what is done by the clock. Whom an event concerns is in
//! `route`, what a look at a path does in `examine`, what is told and when in
//! `deliver`. Start with [`Worker::run`].

#![expect(clippy::disallowed_methods, reason = "the loop goes by the clock")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::event::{Event, Options, Root, Synced};
use crate::group::Group;
use crate::hasher::{Answer, Hasher};
use crate::queue::{Hint, Key};
use crate::source::Seen;
use crate::table::{Place, base};
use crate::tree::Tree;
use crate::watches::{Purpose, Watches};

/// A root and its trees, not yet walked.
pub(crate) type Plan = (Root, Vec<Tree>);

/// What the thread is told.
pub(crate) enum Message {
    Seen(Seen),
    Read(Answer),
    Sync(usize, oneshot::Sender<Synced>),
    /// Other roots from now on; answered when all watches are set.
    Roots(Vec<Plan>, mpsc::Sender<()>),
    Stop,
}

/// Why folders may have to be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polling {
    /// The limit of watches, should it be reached.
    Watches,
    /// The system gave no instance at all.
    Instances,
    /// The caller asked for it.
    Asked,
}

/// See the module.
pub(crate) struct Worker {
    pub(crate) options: Options,
    pub(crate) polling: Polling,
    pub(crate) out: UnboundedSender<Event>,
    pub(crate) watches: Watches,
    pub(crate) trees: BTreeMap<u32, Tree>,
    pub(crate) groups: BTreeMap<usize, Group>,
    /// Which root a tree belongs to.
    pub(crate) owner: HashMap<u32, usize>,
    /// The links that lead through a path.
    pub(crate) targets: HashMap<PathBuf, Vec<Key>>,
    /// Reads the trees for the first time.
    pub(crate) first_hasher: Option<Hasher>,
    /// Reads large files that changed.
    pub(crate) large_hasher: Option<Hasher>,
    /// Trees to hash for the first time, each with the place reached.
    pub(crate) unhashed: VecDeque<(u32, Option<Place>)>,
    pub(crate) hashing: bool,
    pub(crate) sender: mpsc::Sender<Message>,
    pub(crate) tickets: u64,
    inbox: mpsc::Receiver<Message>,
    /// The number for the next tree.
    next_tree: u32,
    /// Events were lost; everything has to be looked at at this time.
    pub(crate) lost: Option<Instant>,
    /// Not before this: a storm that overflows the system's queue again and
    /// again must not keep us from everything else.
    pub(crate) next_rescan: Instant,
    /// The last rename away from somewhere: its number and whether a file
    /// that counts went.
    pub(crate) renamed: Option<(usize, bool)>,
    next_poll: Option<Instant>,
    next_check: Instant,
    next_missing: Option<Instant>,
}

/// How often it is checked that a root's folder is still the one watched:
/// renaming a folder above it makes no event.
const CHECK: Duration = Duration::from_secs(5);
/// How often a missing root is looked for, besides events.
const MISSING: Duration = Duration::from_millis(200);
/// Events are heard again after this much looking at files.
const SLICE: Duration = Duration::from_millis(2);

impl Worker {
    pub(crate) fn new(
        options: Options,
        polling: Polling,
        watches: Watches,
        out: UnboundedSender<Event>,
        sender: mpsc::Sender<Message>,
        inbox: mpsc::Receiver<Message>,
    ) -> Worker {
        Worker {
            options,
            polling,
            out,
            watches,
            trees: BTreeMap::new(),
            groups: BTreeMap::new(),
            owner: HashMap::new(),
            targets: HashMap::new(),
            first_hasher: None,
            large_hasher: None,
            unhashed: VecDeque::new(),
            hashing: false,
            sender,
            tickets: 0,
            inbox,
            next_tree: 0,
            lost: None,
            next_rescan: Instant::now(),
            renamed: None,
            next_poll: None,
            next_check: Instant::now() + CHECK,
            next_missing: None,
        }
    }

    /// Until [`Message::Stop`], or until nobody listens.
    pub(crate) fn run(mut self) {
        loop {
            let now = Instant::now();
            let wait = self.next_wake().saturating_duration_since(now);
            let mut message = match self.inbox.recv_timeout(wait) {
                Ok(message) => Some(message),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            };
            while let Some(next) = message {
                match next {
                    Message::Stop => return,
                    next => self.hear(next),
                }
                message = self.inbox.try_recv().ok();
            }
            if self.out.is_closed() {
                return;
            }
            self.work();
            self.deliver(Instant::now());
        }
    }

    fn next_wake(&self) -> Instant {
        let groups = self.groups.values();
        groups
            .flat_map(|group| [group.queue.next_due(), group.wake])
            .chain([self.next_poll, self.next_missing, self.lost])
            .flatten()
            .fold(self.next_check, Instant::min)
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Seen(seen) => self.see(&seen),
            Message::Read(answer) => self.read(answer),
            Message::Sync(root, done) => {
                if let Some(group) = self.groups.get_mut(&root) {
                    if group.syncs.is_empty() {
                        group.sync_changed = false;
                    }
                    group.syncs.push(done);
                    let trees = group.trees.clone();
                    self.rescan(&trees, false);
                }
            }
            Message::Roots(plans, done) => {
                self.set_roots(plans);
                // Whoever asked may have gone meanwhile.
                let _ = done.send(());
            }
            Message::Stop => {}
        }
    }

    /// Looks at what is due, for a short while, and at the rest by the clock.
    fn work(&mut self) {
        let now = Instant::now();
        if self.lost.is_some_and(|lost| lost <= now) {
            self.lost = None;
            let all: Vec<u32> = self.trees.keys().copied().collect();
            self.rescan(&all, true);
            self.next_rescan = Instant::now() + now.elapsed();
        }
        let now = Instant::now();
        if self.next_check <= now {
            self.next_check = now + CHECK;
            self.check_bases(now);
        }
        if self.next_missing.is_some_and(|next| next <= now) {
            self.check_missing(now);
        }
        if self.next_poll.is_some_and(|next| next <= now) {
            self.poll();
        }
        let roots: Vec<usize> = self.groups.keys().copied().collect();
        for root in roots {
            let slice = Instant::now() + SLICE;
            while let Some(group) = self.groups.get_mut(&root) {
                let now = Instant::now();
                if now >= slice {
                    break;
                }
                match group.queue.take(now) {
                    Some(due) => self.examine(root, due),
                    // Who asks for the truth waits for nothing.
                    None if !group.syncs.is_empty() && group.queue.len() > 0 => {
                        group.queue.hurry(now);
                    }
                    None => break,
                }
            }
        }
        self.hash_more();
        let missing = self.groups.values().any(|group| group.missing);
        if missing && self.next_missing.is_none() {
            self.next_missing = Some(Instant::now() + MISSING);
        }
        if self.watches.any_limited() && self.next_poll.is_none() {
            self.next_poll = Some(Instant::now() + self.options.poll.0);
        }
    }

    /// Takes over another set of roots; one that is the same stays untouched.
    fn set_roots(&mut self, plans: Vec<Plan>) {
        let keep = |root: &Root| plans.iter().any(|(planned, _)| planned == root);
        let gone: Vec<usize> = self
            .groups
            .values()
            .filter(|group| !keep(&group.root))
            .map(|group| group.root.id)
            .collect();
        for root in gone {
            for tree in self.groups.remove(&root).map_or(Vec::new(), |g| g.trees) {
                self.drop_tree(tree);
            }
        }
        for (root, trees) in plans {
            if self.groups.contains_key(&root.id) {
                continue;
            }
            let id = root.id;
            let mut numbers = Vec::new();
            for tree in trees {
                self.trees.insert(self.next_tree, tree);
                self.owner.insert(self.next_tree, id);
                numbers.push(self.next_tree);
                self.next_tree += 1;
            }
            self.groups.insert(id, Group::new(root, numbers.clone()));
            for tree in numbers {
                self.begin(tree);
            }
            self.find_locks(id);
        }
        self.hash_more();
        self.work();
        self.deliver(Instant::now());
    }

    fn drop_tree(&mut self, tree: u32) {
        self.watches.forget_tree(tree);
        self.trees.remove(&tree);
        self.owner.remove(&tree);
        self.targets.retain(|_, links| {
            links.retain(|key| key.0 != tree);
            !links.is_empty()
        });
        self.unhashed.retain(|(waiting, _)| *waiting != tree);
    }

    fn check_bases(&mut self, now: Instant) {
        let moved: Vec<u32> = self
            .trees
            .iter()
            .filter(|(_, tree)| tree.identify() != tree.identity)
            .map(|(tree, _)| *tree)
            .collect();
        for tree in moved {
            self.note((tree, base()), Hint::Complete, (now, SystemTime::now()));
        }
    }

    fn check_missing(&mut self, now: Instant) {
        let missing = self.groups.values().filter(|group| group.missing);
        let trees: Vec<u32> = missing
            .filter_map(|group| group.trees.first().copied())
            .collect();
        self.next_missing = (!trees.is_empty()).then(|| now + MISSING);
        for tree in trees {
            if self
                .trees
                .get(&tree)
                .is_some_and(|tree| tree.identify().is_some())
            {
                self.note((tree, base()), Hint::Complete, (now, SystemTime::now()));
            }
        }
    }

    /// Looks at the folders that the system does not watch. The pause until
    /// the next look is twenty times what this one took.
    fn poll(&mut self) {
        let began = Instant::now();
        let at = (began, SystemTime::now());
        let mut refused = false;
        for folder in self.watches.limited() {
            // After one refusal the next would be the same.
            refused = refused || !self.watches.retry(&folder);
            for purpose in self.watches.purposes(&folder).to_vec() {
                match purpose {
                    Purpose::Walked(tree) => {
                        let place = self.trees.get(&tree).and_then(|known| {
                            let place = folder.strip_prefix(&known.base).ok()?;
                            Some(Place::from(place.as_os_str()))
                        });
                        if let Some(place) = place {
                            self.scan(tree, place, false, Hint::Settling, at);
                        }
                    }
                    Purpose::Guard(tree) => self.look_at_base(tree, at),
                    Purpose::Target(tree) => self.look_at_links(tree, at),
                }
            }
        }
        let now = Instant::now();
        let (shortest, longest) = self.options.poll;
        let pause = (now.duration_since(began) * 20).clamp(shortest, longest);
        self.next_poll = self.watches.any_limited().then(|| now + pause);
    }
}

//! File events to batches of really changed paths.
//!
//! Owns the watches, the file table (what each file was when it was last
//! looked at) and the coalescing: touches and identical rewrites are no
//! change, the first change is told at once, a storm is told in few batches,
//! and git is left to finish. It reads files and never writes one. It knows
//! nothing of services, builds or agents.
//!
//! Start with [`Watcher`]. Inside, an event goes through `source` (what the
//! system says), `route` (whom it concerns), `queue` (when to look),
//! `examine` (the look), and `deliver` (what is told, `pace` says when).
//!
//! What the system does not tell: writing through a shared memory map is seen
//! when the file is closed; a change on another machine of a network file
//! system is not seen at all (use [`Options::poll_only`]); links to folders
//! are not followed (a link to a file counts by that file's content, too).

mod compare;
mod content;
mod deliver;
mod digest;
mod event;
mod examine;
mod git;
mod group;
mod hasher;
mod hashing;
mod links;
mod pace;
mod queue;
mod route;
mod rules;
mod source;
mod table;
mod tree;
mod watches;
mod worker;

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc::UnboundedSender, oneshot};

use source::{Nothing, Source, System};
use tree::Tree;
use watches::Watches;
use worker::{Message, Plan, Polling, Worker};

pub use digest::tree_digest;
pub use event::{Batch, Changed, Error, Event, Kind, Note, Options, Root, Synced};

/// Watches roots from its start until it is dropped, which ends its threads
/// and the system's watches.
#[derive(Debug)]
pub struct Watcher {
    sender: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Walks the roots and watches them; returns when all watches are set, so
    /// that every later change is told. A root that does not exist is waited
    /// for. Hashing goes on afterwards; until a file's hash is known, each
    /// write to it counts as a change.
    ///
    /// Blocks for as long as the walk takes: about a second for 100,000
    /// files.
    ///
    /// # Errors
    ///
    /// When an ignore pattern is wrong or the system gives no thread. Limits
    /// of the system's file watches are none: see [`Event::Degraded`].
    pub fn start(
        roots: Vec<Root>,
        options: Options,
        out: UnboundedSender<Event>,
    ) -> Result<Watcher, Error> {
        let make = |sender: mpsc::Sender<Message>| -> (Box<dyn Source>, Polling) {
            if options.poll_only {
                return (Box::new(Nothing), Polling::Asked);
            }
            let told = move |seen| {
                // Events after the end concern nobody.
                let _ = sender.send(Message::Seen(seen));
            };
            match System::new(told) {
                Some(system) => (Box::new(system), Polling::Watches),
                None => (Box::new(Nothing), Polling::Instances),
            }
        };
        Watcher::start_with(roots, options.clone(), out, make)
    }

    fn start_with(
        roots: Vec<Root>,
        options: Options,
        out: UnboundedSender<Event>,
        source: impl FnOnce(mpsc::Sender<Message>) -> (Box<dyn Source>, Polling),
    ) -> Result<Watcher, Error> {
        let plans = plan(roots)?;
        let (sender, inbox) = mpsc::channel();
        let (source, polling) = source(sender.clone());
        let watches = Watches::new(source);
        let worker = Worker::new(options, polling, watches, out, sender.clone(), inbox);
        let thread = std::thread::Builder::new()
            .name("hob-watch".to_owned())
            .spawn(move || worker.run())
            .map_err(Error::Thread)?;
        let watcher = Watcher {
            sender,
            thread: Some(thread),
        };
        watcher.set(plans);
        Ok(watcher)
    }

    /// Watches these roots from now on. Those that are equal to what is
    /// watched already go on undisturbed, the others begin anew.
    ///
    /// # Errors
    ///
    /// As [`Watcher::start`]; then everything stays as it was.
    pub fn update_roots(&self, roots: Vec<Root>) -> Result<(), Error> {
        self.set(plan(roots)?);
        Ok(())
    }

    fn set(&self, plans: Vec<Plan>) {
        let (done, set) = mpsc::channel();
        // An ended thread (nobody listens any more) has nothing to set.
        if self.sender.send(Message::Roots(plans, done)).is_ok() {
            let _ = set.recv();
        }
    }

    /// Looks at the whole root on disk, whatever the events said, and sends
    /// what it finds as a [`Batch`] before it answers `done`. While git holds
    /// its lock both wait, up to the limit. For an unknown root `done` is
    /// dropped.
    pub fn sync(&self, root: usize, done: oneshot::Sender<Synced>) {
        // An ended thread drops `done`, which tells the caller.
        let _ = self.sender.send(Message::Sync(root, done));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn plan(roots: Vec<Root>) -> Result<Vec<Plan>, Error> {
    roots
        .into_iter()
        .map(|root| Ok((root.clone(), Tree::of(&root)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
    use super::*;
    use source::Refused;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::{Duration, Instant, SystemTime};
    use tokio::sync::mpsc::UnboundedReceiver;

    fn root(path: &Path) -> Root {
        Root {
            id: 1,
            path: path.to_path_buf(),
            extra: vec![],
            ignore: vec![],
        }
    }

    /// Until a digest of what is on disk is told.
    fn wait_for_truth(told: &mut UnboundedReceiver<Event>, root: &Root) -> Vec<Changed> {
        let truth = tree_digest(root).unwrap();
        let mut changed = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        loop {
            let next = async { tokio::time::timeout(Duration::from_secs(60), told.recv()).await };
            let digest = match runtime.block_on(next).unwrap().unwrap() {
                Event::Batch(batch) => {
                    changed.extend(batch.changed);
                    batch.digest
                }
                Event::Digest { digest, .. } => Some(digest),
                _ => None,
            };
            if digest.as_ref() == Some(&truth) {
                return changed;
            }
        }
    }

    /// Tells nothing by itself and remembers what it was asked to watch.
    struct Silent(Arc<Mutex<Vec<PathBuf>>>);

    impl Source for Silent {
        fn watch(&mut self, folder: &Path) -> Result<(), Refused> {
            self.0.lock().unwrap().push(folder.to_path_buf());
            Ok(())
        }

        fn unwatch(&mut self, _: &Path) {}
    }

    #[test]
    fn lost_events_lead_to_a_look_at_everything_and_to_new_watches() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().canonicalize().unwrap();
        fs::create_dir_all(path.join("old/gone")).unwrap();
        fs::write(path.join("old/a"), "1").unwrap();
        fs::write(path.join("old/gone/b"), "1").unwrap();
        let (out, mut told) = tokio::sync::mpsc::unbounded_channel();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let silent = Silent(asked.clone());
        let watcher = Watcher::start_with(vec![root(&path)], Options::default(), out, |_| {
            (Box::new(silent), Polling::Watches)
        })
        .unwrap();
        wait_for_truth(&mut told, &root(&path));
        fs::remove_dir_all(path.join("old/gone")).unwrap();
        fs::create_dir_all(path.join("new/deep")).unwrap();
        fs::write(path.join("new/deep/c"), "1").unwrap();
        fs::write(path.join("old/a"), "2").unwrap();
        asked.lock().unwrap().clear();
        let lost = source::Seen {
            path: PathBuf::new(),
            what: source::What::Lost,
            at: (Instant::now(), SystemTime::now()),
        };
        watcher.sender.send(Message::Seen(lost)).unwrap();
        let mut changed = wait_for_truth(&mut told, &root(&path));
        changed.sort();
        let changed: Vec<_> = changed
            .iter()
            .map(|changed| (changed.path.to_str().unwrap(), changed.kind))
            .collect();
        assert_eq!(
            changed,
            [
                ("new/deep/c", Kind::Created),
                ("old/a", Kind::Modified),
                ("old/gone/b", Kind::Removed)
            ]
        );
        let asked = asked.lock().unwrap();
        for folder in ["", "old", "new", "new/deep"] {
            let folder = if folder.is_empty() {
                path.clone()
            } else {
                path.join(folder)
            };
            assert!(
                asked.contains(&folder),
                "{} is not watched",
                folder.display()
            );
        }
    }

    #[test]
    fn a_real_overflow_of_the_systems_queue_loses_nothing() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().canonicalize().unwrap();
        fs::create_dir(path.join("sub")).unwrap();
        let (out, mut told) = tokio::sync::mpsc::unbounded_channel();
        // While this is shut, nobody takes events from the system.
        let gate = Arc::new((Mutex::new(true), Condvar::new()));
        let overflows = Arc::new(Mutex::new(0));
        let make = {
            let (gate, overflows) = (gate.clone(), overflows.clone());
            move |sender: mpsc::Sender<Message>| -> (Box<dyn Source>, Polling) {
                let told = move |seen: source::Seen| {
                    let (open, opened) = &*gate;
                    drop(
                        opened
                            .wait_while(open.lock().unwrap(), |open| !*open)
                            .unwrap(),
                    );
                    *overflows.lock().unwrap() += usize::from(seen.what == source::What::Lost);
                    let _ = sender.send(Message::Seen(seen));
                };
                (Box::new(System::new(told).unwrap()), Polling::Watches)
            }
        };
        let watcher =
            Watcher::start_with(vec![root(&path)], Options::default(), out, make).unwrap();
        wait_for_truth(&mut told, &root(&path));
        *gate.0.lock().unwrap() = false;
        let queue = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let queue: usize = queue.trim().parse().unwrap();
        // A new file makes four events.
        for nth in 0..queue / 4 + 100 {
            fs::write(path.join("sub").join(format!("{nth}")), "x").unwrap();
        }
        fs::create_dir(path.join("late")).unwrap();
        fs::write(path.join("late/file"), "x").unwrap();
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        wait_for_truth(&mut told, &root(&path));
        assert!(*overflows.lock().unwrap() > 0, "the queue did not overflow");
        fs::write(path.join("late/file"), "watched").unwrap();
        wait_for_truth(&mut told, &root(&path));
        drop(watcher);
    }
}

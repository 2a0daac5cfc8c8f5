//! A folder on the real file system with a watcher on it, and questions
//! about what the watcher told.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]
// Each test program uses a part of this.
#![allow(dead_code, reason = "tests")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hob_watch::{Batch, Event, Kind, Note, Options, Root, Synced, Watcher, tree_digest};
use tokio::sync::{mpsc, oneshot};

/// Generous: the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Bed {
    top: tempfile::TempDir,
    root: Root,
    runtime: tokio::runtime::Runtime,
    watch: Option<(Watcher, mpsc::UnboundedReceiver<Event>)>,
    /// All that was told, oldest first.
    pub told: Vec<Event>,
}

impl Bed {
    /// An empty root; nothing is watched yet.
    pub fn new() -> Bed {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().canonicalize().unwrap().join("top/root");
        fs::create_dir_all(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        Bed {
            root: Root {
                id: 7,
                path,
                extra: vec![],
                ignore: vec![],
            },
            top,
            runtime,
            watch: None,
            told: vec![],
        }
    }

    /// Watches a root with these files, and knows their hashes.
    pub fn with(files: &[(&str, &str)]) -> Bed {
        let mut bed = Bed::new();
        for (path, text) in files {
            bed.write(path, text);
        }
        bed.watch();
        bed
    }

    pub fn root(&mut self) -> &mut Root {
        &mut self.root
    }

    /// Outside of the root.
    pub fn outside(&self, path: &str) -> PathBuf {
        self.root.path.parent().unwrap().join(path)
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path.join(path)
    }

    pub fn watch(&mut self) {
        self.watch_with(Options::default());
    }

    /// Starts watching and waits until all hashes are known.
    pub fn watch_with(&mut self, options: Options) {
        self.start(options);
        self.wait("the first digest", |event| match event {
            Event::Digest { digest, .. } => Some(digest.clone()),
            _ => None,
        });
    }

    pub fn start(&mut self, options: Options) {
        let (out, told) = mpsc::unbounded_channel();
        let watcher = Watcher::start(vec![self.root.clone()], options, out).unwrap();
        self.watch = Some((watcher, told));
    }

    pub fn watcher(&self) -> &Watcher {
        &self.watch.as_ref().unwrap().0
    }

    pub fn stop(&mut self) {
        self.watch = None;
    }

    /// Waits for an event that `found` takes.
    pub fn wait<T>(&mut self, what: &str, mut found: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let (_, told) = self.watch.as_mut().unwrap();
            let next = async { tokio::time::timeout(LIMIT, told.recv()).await };
            let event = match self.runtime.block_on(next) {
                Ok(Some(event)) => event,
                Ok(None) => panic!("the watcher ended before {what}; told: {:#?}", self.told),
                Err(_) => panic!("no {what} within {LIMIT:?}; told: {:#?}", self.told),
            };
            self.told.push(event.clone());
            if let Some(found) = found(&event) {
                return found;
            }
        }
    }

    pub fn batch(&mut self) -> Batch {
        self.wait("batch", |event| match event {
            Event::Batch(batch) => Some(batch.clone()),
            _ => None,
        })
    }

    pub fn note(&mut self) -> Note {
        self.wait("note", |event| match event {
            Event::Note { note, .. } => Some(note.clone()),
            _ => None,
        })
    }

    /// Waits for batches until together they tell exactly these changes.
    #[track_caller]
    pub fn expect(&mut self, changes: &[(&str, Kind)]) {
        let mut seen = std::collections::BTreeMap::new();
        while changes
            .iter()
            .any(|(path, kind)| seen.get(Path::new(path)) != Some(kind))
        {
            for changed in self.batch().changed {
                seen.insert(changed.path, changed.kind);
            }
        }
        let expected = changes
            .iter()
            .map(|(path, kind)| (PathBuf::from(path), *kind))
            .collect();
        assert_eq!(seen, expected, "told: {:#?}", self.told);
    }

    /// Has the watcher look at the disk; everything that it knows is told
    /// when this returns.
    pub fn sync(&mut self) -> Synced {
        let asked = self.ask();
        self.synced(asked)
    }

    /// Asks the watcher to look at the disk.
    pub fn ask(&self) -> oneshot::Receiver<Synced> {
        let (done, answer) = oneshot::channel();
        self.watcher().sync(self.root.id, done);
        answer
    }

    /// Waits until it has looked.
    pub fn synced(&mut self, answer: oneshot::Receiver<Synced>) -> Synced {
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(LIMIT, answer).await });
        let answer = answer.expect("no answer to sync").unwrap();
        let (_, told) = self.watch.as_mut().unwrap();
        while let Ok(event) = told.try_recv() {
            self.told.push(event);
        }
        answer
    }

    /// How many batches were told so far.
    pub fn batches(&self) -> usize {
        self.told
            .iter()
            .filter(|event| matches!(event, Event::Batch(_)))
            .count()
    }

    /// Nothing was told by now, and a look at the disk finds nothing either.
    #[track_caller]
    pub fn silent(&mut self) {
        let before = self.batches();
        let synced = self.sync();
        assert_eq!(self.batches(), before, "told: {:#?}", self.told);
        assert!(!synced.changed);
        self.truth();
    }

    /// The last digest told is that of the disk.
    #[track_caller]
    pub fn truth(&self) {
        let last = self.told.iter().rev().find_map(|event| match event {
            Event::Digest { digest, .. } => Some(digest.clone()),
            Event::Batch(batch) => batch.digest.clone(),
            _ => None,
        });
        assert_eq!(last, Some(self.digest()), "told: {:#?}", self.told);
    }

    pub fn digest(&self) -> String {
        tree_digest(&self.root).unwrap()
    }

    /// Waits until the last digest told is that of the disk, without a sync.
    pub fn wait_for_truth(&mut self) {
        let truth = self.digest();
        let last = self.told.iter().rev().find_map(|event| match event {
            Event::Digest { digest, .. } => Some(digest.clone()),
            Event::Batch(batch) => batch.digest.clone(),
            _ => None,
        });
        if last.as_ref() != Some(&truth) {
            self.wait("digest of the disk", |event| match event {
                Event::Digest { digest, .. } => (*digest == truth).then_some(()),
                Event::Batch(batch) => (batch.digest.as_ref() == Some(&truth)).then_some(()),
                _ => None,
            });
        }
    }

    /// Writes in place, as `>` of a shell does.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git in the root, without the settings of whoever runs the tests.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) {
        let output = self.git_command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn git_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@b",
                "-c",
                "gc.auto=0",
            ])
            .args(arguments)
            .current_dir(&self.root.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_EDITOR", "true");
        command
    }
}

pub fn name(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

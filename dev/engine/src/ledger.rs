//! [`Ledger`]: the crash-safe record of everything outside that was made.
//!
//! Owns one append-only file of JSON lines in the project's state folder.
//! Every acting step stands in it before it is begun, so that whatever is
//! killed at whatever instant, the next run knows what may be there. Each
//! batch of entries is on the disk (`fdatasync`) before its steps go on; a
//! torn last line is cut off; a long file is rewritten and renamed into place.
//! It is written only by who holds the [`ProjectLock`](crate::ProjectLock).

#![expect(
    clippy::disallowed_methods,
    reason = "the ledger's file and the time of its entries are this module's own"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc as std_mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::plan::Memory;
use crate::resource::{ResourceId, Verb};

/// The file's name in the project's state folder.
pub const LEDGER_FILE: &str = "ledger.jsonl";

/// A file of more entries than this, and of four times as many as things that
/// are there, is rewritten when it is opened.
const LONG: usize = 256;

/// Where steps are written down.
pub trait Journal: Send + Sync + 'static {
    /// Returns once the entry would survive a crash.
    ///
    /// # Errors
    /// It would not.
    fn write(&self, entry: Entry) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// How far the step is.
    pub stage: Stage,
    /// What is done.
    pub verb: Verb,
    /// What it is done to.
    pub resource: ResourceId,
    /// What is remembered of the resource, with [`Stage::Begin`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Seconds since the Unix epoch, for people who read the file.
    #[serde(default)]
    pub at: u64,
}

impl Entry {
    /// An entry of now.
    #[must_use]
    pub fn new(stage: Stage, verb: Verb, resource: ResourceId) -> Self {
        Self {
            stage,
            verb,
            resource,
            memory: None,
            at: now(),
        }
    }

    /// The same with what is to be remembered of the resource.
    #[must_use]
    pub fn remembering(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is about to be performed.
    Begin,
    /// It was done.
    Done,
    /// It was tried and not done, or only in part.
    Failed,
}

/// What may be there: every resource that something was begun with and whose
/// removal was not done.
pub type Records = BTreeMap<ResourceId, Memory>;

/// The ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("cannot {doing} the ledger {}: {why}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The thread that writes it is gone.
    #[error("the ledger is closed")]
    Closed,
}

/// The ledger of one project, open for writing.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    records: Mutex<Records>,
    /// What was being made when whoever wrote it was killed, and when that
    /// began, in seconds since the Unix epoch.
    cut_off: BTreeMap<ResourceId, u64>,
    entries: Option<std_mpsc::Sender<Pending>>,
    writer: Option<JoinHandle<()>>,
}

/// An entry's line, and who waits for it.
type Pending = (Vec<u8>, oneshot::Sender<io::Result<()>>);

impl Ledger {
    /// Opens the ledger of this state folder, mends its end and shortens it
    /// when it is long. The caller holds the project's lock.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join(LEDGER_FILE);
        let failed = |doing| {
            let path = path.clone();
            move |why| LedgerError::Io { doing, path, why }
        };
        let text = read(&path)?;
        let (records, entries) = fold(&text);
        let cut_off = cut_off(&text);
        if entries > LONG && entries > 4 * records.len() {
            // A long one is as good; on a full disk it stays so.
            if rewrite(folder, &path, &records).is_err() {
                let _ = std::fs::remove_file(shorter(&path));
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed("open"))?;
        let whole = whole_lines(&read(&path)?).len() as u64;
        if file.metadata().map_err(failed("open"))?.len() != whole {
            file.set_len(whole).map_err(failed("mend"))?;
        }
        let (sender, receiver) = std_mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write_all(file, &receiver))
            .map_err(failed("open"))?;
        Ok(Self {
            path,
            records: Mutex::new(records),
            cut_off,
            entries: Some(sender),
            writer: Some(writer),
        })
    }

    /// What the ledger of this folder remembers, without opening it for
    /// writing; nothing when there is none.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn peek(folder: &Path) -> Result<Records, LedgerError> {
        Ok(fold(&read(&folder.join(LEDGER_FILE))?).0)
    }

    /// What was being made, not longer ago than this, by a hob that was killed
    /// over it: an engine may still be at it.
    #[must_use]
    pub fn in_flight(&self, limit: Duration) -> BTreeSet<ResourceId> {
        let cut_off = self.cut_off.iter();
        cut_off
            .filter(|(_, began)| {
                // None for what a clock that was set back puts into the future.
                now()
                    .checked_sub(**began)
                    .is_some_and(|ago| ago < limit.as_secs())
            })
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// What may be there.
    #[must_use]
    pub fn records(&self) -> Records {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Journal for Ledger {
    async fn write(&self, entry: Entry) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(&entry).map_err(|error| LedgerError::Io {
            doing: "write",
            path: self.path.clone(),
            why: error.into(),
        })?;
        line.push(b'\n');
        let (done, written) = oneshot::channel();
        let entries = self.entries.as_ref().ok_or(LedgerError::Closed)?;
        entries
            .send((line, done))
            .map_err(|_| LedgerError::Closed)?;
        let written = written.await.map_err(|_| LedgerError::Closed)?;
        // What was removed is gone, written or not; whoever comes next looks.
        if written.is_ok() || (entry.verb, entry.stage) == (Verb::Remove, Stage::Done) {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            note(&mut records, entry);
        }
        written.map_err(|why| LedgerError::Io {
            doing: "write",
            path: self.path.clone(),
            why,
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        drop(self.entries.take());
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has shown itself to those who waited.
            let _ = writer.join();
        }
    }
}

/// Writes what comes, all that waits in one go: many steps begin at once, and
/// one `fdatasync` serves them all.
fn write_all(mut file: File, receiver: &std_mpsc::Receiver<Pending>) {
    while let Ok((mut lines, first)) = receiver.recv() {
        let mut waiting = vec![first];
        for (line, done) in receiver.try_iter() {
            lines.extend(line);
            waiting.push(done);
        }
        let length = file.metadata().map(|meta| meta.len());
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        if let (Err(_), Ok(length)) = (&written, &length) {
            // A line cut short by a full disk must not run into the next one.
            let _ = file.set_len(*length);
        }
        for done in waiting {
            let result = match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            let _ = done.send(result);
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LedgerError> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|why| LedgerError::Io {
            doing: "read",
            path: path.to_owned(),
            why,
        }),
    }
}

/// The bytes up to and with the last line break.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    &text[..end.map_or(0, |at| at + 1)]
}

/// What the lines say, and how many they are. A line that is none of ours is
/// passed over: what it spoke of is then found by its marks alone.
fn fold(text: &[u8]) -> (Records, usize) {
    let mut records = Records::new();
    let mut entries = 0;
    for line in whole_lines(text).split(|byte| *byte == b'\n') {
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            note(&mut records, entry);
            entries += 1;
        }
    }
    (records, entries)
}

/// What the lines say was begun to be made, and nothing of how that ended.
fn cut_off(text: &[u8]) -> BTreeMap<ResourceId, u64> {
    let mut cut_off = BTreeMap::new();
    for line in whole_lines(text).split(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if (entry.verb, entry.stage) == (Verb::Create, Stage::Begin) => {
                cut_off.insert(entry.resource, entry.at);
            }
            Ok(entry) => drop(cut_off.remove(&entry.resource)),
            Err(_) => {}
        }
    }
    cut_off
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

fn note(records: &mut Records, entry: Entry) {
    match (entry.verb, entry.stage) {
        (Verb::Remove, Stage::Done) => {
            records.remove(&entry.resource);
        }
        (Verb::Remove, _) => {
            records.entry(entry.resource).or_default();
        }
        (_, Stage::Begin) => {
            let memory = entry.memory.unwrap_or_default();
            records.insert(entry.resource, memory);
        }
        (_, Stage::Done | Stage::Failed) => {}
    }
}

/// Where the shorter ledger is written before it takes the place of the long
/// one.
fn shorter(path: &Path) -> PathBuf {
    path.with_extension("jsonl.new")
}

/// Replaces the file by one that says the same in fewer lines. Whoever reads
/// it meanwhile sees the old one or the new one.
fn rewrite(folder: &Path, path: &Path, records: &Records) -> io::Result<()> {
    let mut text = Vec::new();
    for (resource, memory) in records {
        let entry =
            Entry::new(Stage::Begin, Verb::Create, resource.clone()).remembering(memory.clone());
        serde_json::to_writer(&mut text, &entry)?;
        text.push(b'\n');
    }
    let new = shorter(path);
    let mut file = File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;

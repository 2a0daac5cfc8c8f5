//! The service's log: bounded files with a timestamp on each line, and a feed
//! for those who follow.
//!
//! Two files, `log/current.log` and `log/previous.log`, each at most half of
//! the limit. A line is `2026-01-31T08:00:00.123456Z out 3 text`: the time,
//! the stream, the generation and the text. [`read`] works on the files
//! alone, so a log outlives its agent. Values of secrets are masked before a
//! line is kept anywhere. `disk.rs` writes, `stored.rs` reads; this
//! file is what all share.

mod disk;
mod stored;
mod tail;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hob_wire::{LogLine, Micros, Stream};
use tokio::sync::broadcast;

use crate::options::Owner;

use disk::Disk;
pub use stored::{Stored, read};
pub use tail::Tail;

/// Lines that a slow follower may be behind. Times the longest line, it is
/// what they can cost in memory.
const FEED: usize = 2048;
/// Shorter secrets would mask ordinary words.
const MASKABLE: usize = 4;
/// Shorter lines of a secret of several lines would.
const MASKABLE_LINE: usize = 8;
/// A shared handle to one service's log.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    feed: broadcast::Sender<Numbered>,
}

/// A line and its place in the log, counted from the agent's start.
pub type Numbered = (u64, LogLine);

struct Inner {
    disk: Disk,
    count: u64,
    /// Never forgotten: an old process may still speak of an old value.
    secrets: Vec<String>,
}

impl Log {
    /// Opens the log in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// The folder cannot be made or the file not opened.
    pub fn open(folder: &Path, limit_bytes: u64) -> io::Result<Self> {
        Self::open_for(folder, limit_bytes, None)
    }

    /// Opens the log in `folder` and gives folder and files to their owner.
    ///
    /// # Errors
    /// The folder or the file cannot be made, opened or given away.
    pub fn open_for(folder: &Path, limit_bytes: u64, own: Option<Owner>) -> io::Result<Self> {
        let inner = Inner {
            disk: Disk::open(folder, limit_bytes, own)?,
            count: 0,
            secrets: Vec::new(),
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
            feed: broadcast::channel(FEED).0,
        })
    }

    /// Sets the bytes kept on disk.
    pub fn limit(&self, bytes: u64) {
        self.lock().disk.limit(bytes);
    }

    /// Values that must not be seen in the log from now on, whole or, where a
    /// value has several lines, line by line.
    pub fn mask<'a>(&self, values: impl IntoIterator<Item = &'a String>) {
        let mut inner = self.lock();
        for value in values {
            let lines = value.lines().map(str::trim);
            let lines = lines.filter(|line| line.len() >= MASKABLE_LINE);
            let whole = (value.len() >= MASKABLE).then_some(value.as_str());
            for secret in lines.chain(whole) {
                if !inner.secrets.iter().any(|known| known == secret) {
                    inner.secrets.push(secret.to_owned());
                }
            }
        }
        // The longest first: one secret may be a part of another.
        inner
            .secrets
            .sort_by_key(|secret| usize::MAX - secret.len());
    }

    /// A text without the values of secrets.
    pub fn masked(&self, text: String) -> String {
        self.lock().masked(text)
    }

    /// Keeps a line, tells it to those who follow, and gives it back as it may
    /// be shown.
    pub fn write(&self, mut line: LogLine) -> LogLine {
        let mut inner = self.lock();
        line.text = inner.masked(line.text);
        let refusal = inner.disk.keep(&line);
        for line in refusal.into_iter().chain([line.clone()]) {
            inner.count += 1;
            // Nobody may be following.
            let _ = self.feed.send((inner.count, line));
        }
        line
    }

    /// hob's own words about the service.
    pub fn say(&self, generation: u64, text: impl Into<String>) {
        self.write(LogLine {
            at: now(),
            stream: Stream::Hob,
            generation,
            text: text.into(),
        });
    }

    /// What is stored now, and a feed of all that comes after it.
    pub fn follow(&self) -> (Stored, broadcast::Receiver<Numbered>) {
        let inner = self.lock();
        (Stored::open(inner.disk.folder()), self.feed.subscribe())
    }

    /// A feed of all that comes from now on.
    pub fn feed(&self) -> broadcast::Receiver<Numbered> {
        self.feed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn masked(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), "***")
            } else {
                text
            }
        })
    }
}

/// The time in the wire's unit.
#[must_use]
pub fn now() -> Micros {
    micros(SystemTime::now())
}

fn micros(at: SystemTime) -> Micros {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::{self, File, OpenOptions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use hob_wire::LogQuery;

    use super::stored::current;
    use super::*;

    fn line(at: u64, text: &str) -> LogLine {
        LogLine {
            at,
            stream: Stream::Out,
            generation: 7,
            text: text.into(),
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_come_back_from_disk_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        let lines = [
            line(1_000_001, "a  b "),
            line(2_000_000, ""),
            line(3_000_000, "ünï"),
        ];
        for line in &lines {
            log.write(line.clone());
        }
        assert_eq!(read(folder.path(), &LogQuery::default()), lines);
    }

    #[test]
    fn since_and_tail_choose_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        for at in 1..=5 {
            log.write(line(at, &format!("line {at}")));
        }
        let query = LogQuery {
            since: Some(2),
            tail: Some(2),
            follow: false,
        };
        assert_eq!(texts(&read(folder.path(), &query)), ["line 4", "line 5"]);
        let query = LogQuery {
            since: Some(5),
            tail: None,
            follow: false,
        };
        assert_eq!(texts(&read(folder.path(), &query)), ["line 5"]);
    }

    #[test]
    fn the_files_stay_below_the_limit_and_keep_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 20_000).unwrap();
        for at in 0..5_000 {
            log.write(line(at, &format!("line {at}")));
        }
        let size: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= 20_000, "{size} bytes on disk");
        let lines = read(folder.path(), &LogQuery::default());
        assert_eq!(lines.last().unwrap().text, "line 4999");
        assert!(lines.len() > 100, "only {} lines kept", lines.len());
    }

    #[test]
    fn secrets_are_masked_on_disk_in_the_feed_and_in_what_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        let (_, mut feed) = log.follow();
        log.mask(&["hunter22".into(), "ab".into()]);
        let shown = "password=*** about";
        let back = log.write(line(1, "password=hunter22 about"));
        assert_eq!(back.text, shown);
        assert_eq!(texts(&read(folder.path(), &LogQuery::default())), [shown]);
        assert_eq!(feed.try_recv().unwrap().1.text, shown);
    }

    #[test]
    fn a_secret_of_several_lines_an_old_one_and_one_within_another_are_masked() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        let masked = |text: &str| log.masked(text.into());
        log.mask(&["{\n  MIIEvQIBADANBg\n  kqhkiG9w0BAQEFA\n}".into()]);
        log.mask(&["first-value".into()]);
        log.mask(&["first-value-and-more".into()]);
        assert_eq!(masked("key: kqhkiG9w0BAQEFA"), "key: ***");
        assert_eq!(
            masked("{ first-value first-value-and-more }"),
            "{ *** *** }"
        );
    }

    #[test]
    fn what_is_stored_and_the_feed_together_have_each_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 10_000).unwrap();
        for at in 0..50 {
            log.write(line(at, "before"));
        }
        let (mut stored, mut feed) = log.follow();
        // Enough to make a new file before the old one is read.
        for at in 50..200 {
            log.write(line(at, "after"));
        }
        let mut seen = Vec::new();
        stored.each(&LogQuery::default(), |line| {
            seen.push(line.at);
            true
        });
        while let Ok((_, line)) = feed.try_recv() {
            seen.push(line.at);
        }
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_log_that_was_refused_goes_on_when_the_disk_does() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        let mut feed = log.feed();
        log.lock().disk.replace(File::open("/dev/null").ok());
        for at in 1..=3 {
            log.write(line(at, "lost"));
        }
        let told: Vec<_> = std::iter::from_fn(|| feed.try_recv().ok()).collect();
        let told: Vec<_> = told.iter().map(|(_, line)| line.text.as_str()).collect();
        let said = "the log cannot be written to disk: Bad file descriptor (os error 9)";
        assert_eq!(told, [said, "lost", "lost", "lost"]);
        log.lock().disk.replace(None);
        log.write(line(4, "kept"));
        assert_eq!(texts(&read(folder.path(), &LogQuery::default())), ["kept"]);
    }

    #[test]
    fn a_log_whose_folder_was_taken_away_goes_on_in_a_new_one_and_loses_no_line() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/log");
        let log = Log::open(&folder, 1 << 20).unwrap();
        log.write(line(1, "before"));
        fs::remove_dir_all(home.path().join("state")).unwrap();
        log.write(line(2, "after"));
        log.write(line(3, "and more"));
        let stored = read(&folder, &LogQuery::default());
        assert_eq!(texts(&stored), ["after", "and more"]);
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        log.write(line(1, "whole"));
        let mut file = OpenOptions::new()
            .append(true)
            .open(current(folder.path()))
            .unwrap();
        file.write_all(b"2026-01-31T08:00").unwrap();
        assert_eq!(texts(&read(folder.path(), &LogQuery::default())), ["whole"]);
    }
}

//! The service's log: bounded files with a timestamp on each line, the newest
//! lines in memory, and a feed for those who follow.
//!
//! Two files, `log/current.log` and `log/previous.log`, each at most half of
//! the limit. A line is `2026-01-31T08:00:00.123456Z out 3 text`: the time,
//! the stream, the generation and the text. [`read`] works on the files
//! alone, so a log outlives its agent. Values of secrets are masked before a
//! line is kept anywhere.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hob_wire::{LogLine, LogQuery, Micros, Stream};
use tokio::sync::broadcast;

/// Lines kept in memory for problems and error pages.
const RECENT: usize = 200;
/// Shorter secrets would mask ordinary words.
const MASKABLE: usize = 4;

/// A shared handle to one service's log.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    feed: broadcast::Sender<Numbered>,
}

/// A line and its place in the log, counted from the agent's start.
pub type Numbered = (u64, LogLine);

struct Inner {
    folder: PathBuf,
    file: Option<File>,
    written: u64,
    half: u64,
    count: u64,
    recent: VecDeque<LogLine>,
    secrets: Vec<String>,
    /// Whether the disk refused a line, so that it is said once.
    refused: bool,
}

impl Log {
    /// Opens the log in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// The folder cannot be made or the file not opened.
    pub fn open(folder: &Path, limit_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(current(folder))?;
        let inner = Inner {
            folder: folder.to_owned(),
            written: file.metadata()?.len(),
            file: Some(file),
            half: (limit_bytes / 2).max(4096),
            count: 0,
            recent: VecDeque::new(),
            secrets: Vec::new(),
            refused: false,
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
            feed: broadcast::channel(8192).0,
        })
    }

    /// Sets the bytes kept on disk.
    pub fn limit(&self, bytes: u64) {
        self.lock().half = (bytes / 2).max(4096);
    }

    /// Values that must not be seen in the log from now on.
    pub fn mask(&self, secrets: Vec<String>) {
        self.lock().secrets = secrets
            .into_iter()
            .filter(|it| it.len() >= MASKABLE)
            .collect();
    }

    /// Keeps a line and tells it to those who follow.
    pub fn write(&self, mut line: LogLine) {
        let mut inner = self.lock();
        for secret in &inner.secrets {
            if line.text.contains(secret.as_str()) {
                line.text = line.text.replace(secret.as_str(), "***");
            }
        }
        inner.keep(&line);
        inner.count += 1;
        // Nobody may be following.
        let _ = self.feed.send((inner.count, line));
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

    /// The newest `most` lines that pass the filter.
    pub fn tail(&self, most: usize, wanted: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        let inner = self.lock();
        let mut lines: Vec<LogLine> = inner
            .recent
            .iter()
            .rev()
            .filter(|line| wanted(line))
            .take(most)
            .cloned()
            .collect();
        lines.reverse();
        lines
    }

    /// The stored lines that the query asks for, and a feed of all that come
    /// after them.
    pub fn follow(&self, query: &LogQuery) -> (Vec<LogLine>, u64, broadcast::Receiver<Numbered>) {
        let inner = self.lock();
        let lines = read(&inner.folder, query);
        (lines, inner.count, self.feed.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, line: &LogLine) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(line.clone());
        let text = format_line(line);
        if self.written + text.len() as u64 > self.half {
            self.rotate();
        }
        let result = match self.file.as_mut() {
            Some(file) => file.write_all(text.as_bytes()),
            None => Err(io::Error::other("the log file is not open")),
        };
        match result {
            Ok(()) => {
                self.written += text.len() as u64;
                self.refused = false;
            }
            Err(error) if !self.refused => {
                self.refused = true;
                let text = format!("the log cannot be written to disk: {error}");
                let note = LogLine {
                    at: line.at,
                    stream: Stream::Hob,
                    generation: 0,
                    text,
                };
                self.recent.push_back(note);
            }
            Err(_) => {}
        }
    }

    fn rotate(&mut self) {
        // Whatever fails here, the next line tries the new file again.
        let _ = fs::rename(current(&self.folder), previous(&self.folder));
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(current(&self.folder))
            .ok();
        self.written = 0;
    }
}

/// The stored lines in a log's folder that the query asks for, oldest first.
/// Lines that cannot be read are left out.
#[must_use]
pub fn read(folder: &Path, query: &LogQuery) -> Vec<LogLine> {
    let mut lines = VecDeque::new();
    let most = query.tail.map_or(usize::MAX, |tail| {
        usize::try_from(tail).unwrap_or(usize::MAX)
    });
    for path in [previous(folder), current(folder)] {
        let Ok(file) = File::open(path) else { continue };
        let mut reader = BufReader::new(file);
        let mut raw = Vec::new();
        while matches!(reader.read_until(b'\n', &mut raw), Ok(read) if read > 0) {
            let line = parse_line(&String::from_utf8_lossy(&raw));
            raw.clear();
            let Some(line) = line else { continue };
            if query.since.is_some_and(|since| line.at < since) || most == 0 {
                continue;
            }
            if lines.len() == most {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    }
    lines.into()
}

fn current(folder: &Path) -> PathBuf {
    folder.join("current.log")
}

fn previous(folder: &Path) -> PathBuf {
    folder.join("previous.log")
}

fn format_line(line: &LogLine) -> String {
    let at = humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_micros(line.at));
    let stream = match line.stream {
        Stream::Out => "out",
        Stream::Err => "err",
        Stream::Build => "build",
        Stream::Hob => "hob",
    };
    format!("{at} {stream} {} {}\n", line.generation, line.text)
}

fn parse_line(line: &str) -> Option<LogLine> {
    let mut words = line.trim_end_matches('\n').splitn(4, ' ');
    let at = humantime::parse_rfc3339(words.next()?).ok()?;
    let stream = match words.next()? {
        "out" => Stream::Out,
        "err" => Stream::Err,
        "build" => Stream::Build,
        "hob" => Stream::Hob,
        _ => return None,
    };
    let generation = words.next()?.parse().ok()?;
    Some(LogLine {
        at: micros(at),
        stream,
        generation,
        text: words.next()?.to_owned(),
    })
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
    fn secrets_are_masked_on_disk_in_memory_and_in_the_feed() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), 1 << 20).unwrap();
        let (_, _, mut feed) = log.follow(&LogQuery::default());
        log.mask(vec!["hunter22".into(), "ab".into()]);
        log.write(line(1, "password=hunter22 about"));
        let shown = "password=*** about";
        assert_eq!(texts(&read(folder.path(), &LogQuery::default())), [shown]);
        assert_eq!(texts(&log.tail(5, |_| true)), [shown]);
        assert_eq!(feed.try_recv().unwrap().1.text, shown);
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

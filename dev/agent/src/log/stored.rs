//! The log's files: the form of a line on disk, and reading what is there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use hob_wire::{LogLine, LogQuery, Stream};

use super::micros;

/// The file that is written to.
pub(super) fn current(folder: &Path) -> PathBuf {
    folder.join("current.log")
}

/// The file before it.
pub(super) fn previous(folder: &Path) -> PathBuf {
    folder.join("previous.log")
}

/// What was on disk at one moment; lines that come later are not in it.
/// Reading it takes as long as the files are large: not on the agent's thread.
#[derive(Debug, Default)]
pub struct Stored {
    /// Each with its length then, oldest first.
    files: Vec<(File, u64)>,
}

impl Stored {
    /// The files of a log's folder as they are now; those that cannot be
    /// opened are left out.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let open = |path| {
            let file = File::open(path).ok()?;
            let length = file.metadata().ok()?.len();
            Some((file, length))
        };
        Self {
            files: [previous(folder), current(folder)]
                .into_iter()
                .filter_map(open)
                .collect(),
        }
    }

    /// Gives the lines that the query asks for to `take`, oldest first, until
    /// it says no. Keeps one line in memory. What cannot be read is left out.
    pub fn each(&mut self, query: &LogQuery, mut take: impl FnMut(LogLine) -> bool) {
        let mut skip = 0;
        if let Some(tail) = query.tail {
            let mut count: u64 = 0;
            self.scan(query, |_| {
                count += 1;
                true
            });
            skip = count.saturating_sub(tail);
        }
        self.scan(query, |line| {
            if skip > 0 {
                skip -= 1;
                return true;
            }
            take(line)
        });
    }

    fn scan(&mut self, query: &LogQuery, mut take: impl FnMut(LogLine) -> bool) {
        for (file, length) in &mut self.files {
            if file.rewind().is_err() {
                continue;
            }
            let mut reader = BufReader::new(file.take(*length));
            let mut raw = Vec::new();
            while matches!(next(&mut reader, &mut raw), Ok(read) if read > 0) {
                let line = parse_line(&String::from_utf8_lossy(&raw));
                let wanted = |line: &LogLine| query.since.is_none_or(|since| line.at >= since);
                if let Some(line) = line.filter(wanted) {
                    if !take(line) {
                        return;
                    }
                }
            }
        }
    }
}

fn next(reader: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<usize> {
    raw.clear();
    reader.read_until(b'\n', raw)
}

/// The stored lines in a log's folder that the query asks for, oldest first.
/// Lines that cannot be read are left out.
#[must_use]
pub fn read(folder: &Path, query: &LogQuery) -> Vec<LogLine> {
    let mut lines = Vec::new();
    Stored::open(folder).each(query, |line| {
        lines.push(line);
        true
    });
    lines
}

/// A line as it stands on disk.
pub(super) fn format_line(line: &LogLine) -> String {
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
    let mut words = line.strip_suffix('\n')?.splitn(4, ' ');
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

//! The file that is written to, its place taken by a new one when it is full
//! or gone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hob_wire::{LogLine, Stream};
use rustix::fs::OFlags;

use super::stored::{current, format_line, previous};
use crate::home;
use crate::options::Owner;

/// Half of this is the least that a file may hold.
const LEAST: u64 = 8192;

/// One log's files.
pub(super) struct Disk {
    folder: PathBuf,
    /// Whose the files are, when not this process's.
    own: Option<Owner>,
    file: Option<File>,
    written: u64,
    /// The most bytes of one file.
    half: u64,
    /// Whether the disk refused the last line, so that it is said once.
    refused: bool,
}

impl Disk {
    /// Opens the files in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// The folder cannot be made or the file not opened.
    pub(super) fn open(folder: &Path, limit_bytes: u64, own: Option<Owner>) -> io::Result<Self> {
        let file = append(folder, own)?;
        let mut disk = Self {
            folder: folder.to_owned(),
            written: file.metadata()?.len(),
            own,
            file: Some(file),
            half: 0,
            refused: false,
        };
        disk.limit(limit_bytes);
        Ok(disk)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets the bytes of both files.
    pub(super) fn limit(&mut self, bytes: u64) {
        self.half = bytes.max(LEAST) / 2;
    }

    /// Writes a line; the answer is what is to be said when the disk refuses
    /// for the first time.
    pub(super) fn keep(&mut self, line: &LogLine) -> Option<LogLine> {
        let mut text = format_line(line);
        if self.refused {
            // A part of an earlier line may have been written.
            text.insert(0, '\n');
        }
        if self.file.as_ref().is_some_and(is_deleted) {
            self.file = None;
            self.written = 0;
        } else if self.written + text.len() as u64 > self.half {
            self.rotate();
        }
        match self.write(&text) {
            Ok(()) => {
                self.written += text.len() as u64;
                self.refused = false;
                None
            }
            Err(error) => (!std::mem::replace(&mut self.refused, true)).then(|| LogLine {
                at: line.at,
                stream: Stream::Hob,
                generation: 0,
                text: format!("the log cannot be written to disk: {error}"),
            }),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(append(&self.folder, self.own)?),
        };
        file.write_all(text.as_bytes())
    }

    fn rotate(&mut self) {
        // Where it cannot be moved, what is full is given up: the limit holds.
        if fs::rename(current(&self.folder), previous(&self.folder)).is_err() {
            let _ = fs::remove_file(current(&self.folder));
        }
        self.file = append(&self.folder, self.own).ok();
        self.written = 0;
    }

    /// Writes to this file from now on.
    #[cfg(test)]
    pub(super) fn replace(&mut self, file: Option<File>) {
        self.file = file;
    }
}

/// Whether the file has no name any more: somebody took the folder away while
/// the service is up. Next to the write, this look costs little.
fn is_deleted(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.nlink() == 0)
}

/// The file to write to and its folder, closed to others.
fn append(folder: &Path, own: Option<Owner>) -> io::Result<File> {
    home::folder_of(folder, own)?;
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
    home::file(&current(folder), how, own)
}

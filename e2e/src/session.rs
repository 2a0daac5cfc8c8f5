//! [`Session`]: a `hob` that goes on in the background, all that it says
//! collected.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::processes;
use crate::wait::{LIMIT, until_some};

/// A running `hob`. Ended when it is dropped.
#[derive(Debug)]
pub struct Session {
    child: Child,
    heard: Arc<Heard>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// What it said, line by line, as it came.
#[derive(Debug, Default)]
struct Heard {
    lines: Mutex<Vec<(Channel, String)>>,
    more: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Out,
    Err,
}

impl Session {
    /// Starts the command.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let heard = Arc::new(Heard::default());
        let out = child.stdout.take().unwrap();
        let err = child.stderr.take().unwrap();
        let readers = vec![
            heard.listen(Channel::Out, out),
            heard.listen(Channel::Err, err),
        ];
        Self {
            child,
            heard,
            readers,
        }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where the newest line stands: a later wait from here sees only what is
    /// said from now on.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.heard.lines.lock().unwrap().len()
    }

    /// Waits until a line contains `text`; returns the line.
    ///
    /// # Panics
    /// It was not said within [`LIMIT`].
    #[track_caller]
    pub fn wait(&self, text: &str) -> String {
        self.wait_from(0, text)
    }

    /// Waits until a line contains `text`, longer than elsewhere: for images
    /// that are built from nothing.
    ///
    /// # Panics
    /// It was not said within the limit.
    #[track_caller]
    pub fn wait_within(&self, limit: Duration, text: &str) {
        self.find_within(limit, 0, text, |_, line| line.contains(text).then_some(()));
    }

    /// Waits until a line after `mark` contains `text`.
    ///
    /// # Panics
    /// It was not said within [`LIMIT`].
    #[track_caller]
    pub fn wait_from(&self, mark: usize, text: &str) -> String {
        self.find(mark, text, |_, line| {
            line.contains(text).then(|| line.to_owned())
        })
    }

    /// Waits until a JSON line after `mark` is one that `wanted` takes.
    ///
    /// # Panics
    /// There was none within [`LIMIT`].
    #[track_caller]
    pub fn event<T>(&self, mark: usize, what: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        self.find(mark, what, |channel, line| {
            let value = (channel == Channel::Out).then(|| serde_json::from_str(line).ok())??;
            wanted(&value)
        })
    }

    /// Waits until `--json` tells this word of the session: `ready`.
    ///
    /// # Panics
    /// It did not within [`LIMIT`].
    #[track_caller]
    pub fn word(&self, mark: usize, word: &str) {
        self.event(mark, word, |value| (value["session"] == word).then_some(()));
    }

    #[track_caller]
    fn find<T>(&self, mark: usize, what: &str, wanted: impl Fn(Channel, &str) -> Option<T>) -> T {
        self.find_within(LIMIT, mark, what, wanted)
    }

    #[track_caller]
    fn find_within<T>(
        &self,
        limit: Duration,
        mark: usize,
        what: &str,
        wanted: impl Fn(Channel, &str) -> Option<T>,
    ) -> T {
        let end = Instant::now() + limit;
        let mut seen = mark;
        let mut lines = self.heard.lines.lock().unwrap();
        loop {
            for (channel, line) in &lines[seen.min(lines.len())..] {
                if let Some(found) = wanted(*channel, line) {
                    return found;
                }
            }
            seen = seen.max(lines.len());
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(lines);
                panic!("never said: {what}\n{}", self.transcript());
            }
            lines = self.heard.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Whether a line contained `text` so far.
    #[must_use]
    pub fn said(&self, text: &str) -> bool {
        self.heard
            .lines
            .lock()
            .unwrap()
            .iter()
            .any(|(_, line)| line.contains(text))
    }

    /// All lines of standard output.
    #[must_use]
    pub fn out(&self) -> String {
        self.channel(Channel::Out)
    }

    /// All lines of standard error.
    #[must_use]
    pub fn err(&self) -> String {
        self.channel(Channel::Err)
    }

    fn channel(&self, wanted: Channel) -> String {
        let lines = self.heard.lines.lock().unwrap();
        let mut text = String::new();
        for (_, line) in lines.iter().filter(|(channel, _)| *channel == wanted) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// All lines as they came, both streams.
    #[must_use]
    pub fn transcript(&self) -> String {
        let lines = self.heard.lines.lock().unwrap();
        let mut text = String::new();
        for (channel, line) in lines.iter() {
            let _ = writeln!(
                text,
                "{} {line}",
                if *channel == Channel::Out {
                    "out|"
                } else {
                    "err|"
                }
            );
        }
        text
    }

    /// Presses Ctrl-C, as far as a program without a terminal can tell.
    pub fn interrupt(&self) {
        processes::signal(self.pid(), Signal::INT);
    }

    /// Kills it, as the kernel does when memory is short.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ended and everything that it said was heard; its exit
    /// code, or 128 and the signal.
    ///
    /// # Panics
    /// It did not end within [`LIMIT`].
    #[track_caller]
    pub fn end(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let status = until_some("the end of hob", || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }

    /// Ctrl-C, and then [`end`](Self::end).
    #[track_caller]
    pub fn stop(&mut self) -> i32 {
        self.interrupt();
        self.end()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- hob (process {}) said:\n{}---",
                self.pid(),
                self.transcript()
            );
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

impl Heard {
    fn listen(
        self: &Arc<Self>,
        channel: Channel,
        from: impl Read + Send + 'static,
    ) -> std::thread::JoinHandle<()> {
        let heard = Arc::clone(self);
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches('\n')
                    .to_owned();
                line.clear();
                heard.lines.lock().unwrap().push((channel, text));
                heard.more.notify_all();
            }
        })
    }
}

//! Where a running verb shows itself: lines above, one line of progress below
//! while something is under way.
//!
//! A thread of its own does the writing: a terminal that is stopped, or a
//! pager that nobody scrolls, holds up no save.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::fold::fold;
use crate::output::{self, Output};

/// Lines that wait for a slow terminal; what comes on top is only counted.
const QUEUE: usize = 20_000;
/// How long the end of a verb waits for what is not written yet.
const FAREWELL: Duration = Duration::from_secs(2);

/// A shared handle to the terminal of one verb. With the last one, everything
/// that was said is written.
#[derive(Clone)]
pub struct Stage {
    output: Output,
    writer: Arc<Writer>,
}

struct Writer {
    words: Option<SyncSender<Word>>,
    /// Closed when the thread has written everything.
    written: Mutex<Receiver<()>>,
    missed: Arc<AtomicU64>,
}

enum Word {
    Say(String),
    Data(String),
    Value(serde_json::Value),
    Busy(Option<String>),
}

impl Stage {
    pub fn new(output: Output) -> Self {
        let (words, heard) = sync_channel(QUEUE);
        let (done, written) = sync_channel(0);
        let missed = Arc::new(AtomicU64::new(0));
        let thread = Thread {
            output,
            bar: None,
            missed: missed.clone(),
        };
        std::thread::spawn(move || {
            thread.write(&heard);
            drop(done);
        });
        let writer = Writer {
            words: Some(words),
            written: Mutex::new(written),
            missed,
        };
        Self {
            output,
            writer: Arc::new(writer),
        }
    }

    /// A line of talk.
    pub fn say(&self, line: impl Into<String>) {
        self.writer.send(Word::Say(line.into()));
    }

    /// A line of talk that is broken between words where a person's terminal
    /// is too narrow for it; a pipe gets it whole.
    pub fn say_folded(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        self.say(if self.output.watched {
            fold(line, self.output.width)
        } else {
            line.to_owned()
        });
    }

    /// A line of data for people.
    pub fn data(&self, line: impl Into<String>) {
        self.writer.send(Word::Data(line.into()));
    }

    /// A line of data for programs.
    pub fn value(&self, value: serde_json::Value) {
        self.writer.send(Word::Value(value));
    }

    /// What is under way, with its time; none when nothing is. Only a person
    /// at a terminal sees it.
    pub fn busy(&self, what: Option<&str>) {
        if self.output.watched && !self.output.json {
            self.writer.send(Word::Busy(what.map(str::to_owned)));
        }
    }

    pub fn output(&self) -> Output {
        self.output
    }
}

impl Writer {
    fn send(&self, word: Word) {
        let Some(words) = &self.words else { return };
        if let Err(TrySendError::Full(_)) = words.try_send(word) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.words = None;
        if let Ok(written) = self.written.lock() {
            // Either way it is over: written, or the terminal takes nothing.
            let _: Result<(), RecvTimeoutError> = written.recv_timeout(FAREWELL);
        }
    }
}

/// The side that writes.
struct Thread {
    output: Output,
    bar: Option<ProgressBar>,
    missed: Arc<AtomicU64>,
}

impl Thread {
    fn write(mut self, words: &Receiver<Word>) {
        for word in words {
            let missed = self.missed.swap(0, Ordering::Relaxed);
            if missed > 0 {
                self.above(|output| output.say(format!("{missed} lines were too fast to show")));
            }
            match word {
                Word::Say(line) => self.above(|output| output.say(line)),
                // A reader that has gone wants nothing any more.
                Word::Data(line) => self.above(|output| drop(output.data(line))),
                Word::Value(value) => self.above(|output| drop(output.value(&value))),
                Word::Busy(what) => self.busy(what.map(|it| output::shown(&it).into_owned())),
            }
        }
        self.busy(None);
    }

    fn above(&self, write: impl FnOnce(&Output)) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write(&self.output)),
            None => write(&self.output),
        }
    }

    fn busy(&mut self, what: Option<String>) {
        match (what, &self.bar) {
            (Some(what), Some(bar)) => bar.set_message(what),
            (Some(what), None) => {
                let target = ProgressDrawTarget::stderr_with_hz(12);
                let bar = ProgressBar::with_draw_target(None, target);
                let template = "{spinner:.cyan} {wide_msg} {elapsed:.dim}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_message(what);
                bar.enable_steady_tick(Duration::from_millis(100));
                self.bar = Some(bar);
            }
            (None, _) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

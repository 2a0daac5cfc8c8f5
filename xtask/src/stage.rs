//! Where a running verb shows itself: lines above, one line of progress below
//! while something is under way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A shared handle to the terminal of one verb.
#[derive(Clone)]
pub struct Stage {
    output: Output,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Stage {
    pub fn new(output: Output) -> Self {
        Self {
            output,
            bar: Arc::new(Mutex::new(None)),
        }
    }

    /// A line of talk.
    pub fn say(&self, line: impl AsRef<str>) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.suspend(|| self.output.say(line)),
            None => self.output.say(line),
        }
    }

    /// A line of data.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn data(&self, line: impl AsRef<str>) -> std::io::Result<()> {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.suspend(|| self.output.data(line)),
            None => self.output.data(line),
        }
    }

    /// What is under way, with its time; none when nothing is. Only a person
    /// at a terminal sees it.
    pub fn busy(&self, what: Option<&str>) {
        if !self.output.watched || self.output.json {
            return;
        }
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match (what, bar.as_ref()) {
            (Some(what), Some(bar)) => bar.set_message(what.to_owned()),
            (Some(what), None) => {
                let new =
                    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(12));
                if let Ok(style) =
                    ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {elapsed:.dim}")
                {
                    new.set_style(style);
                }
                new.set_message(what.to_owned());
                new.enable_steady_tick(Duration::from_millis(100));
                *bar = Some(new);
            }
            (None, _) => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }

    pub fn output(&self) -> Output {
        self.output
    }
}

//! Where words go: data to stdout, talk to stderr, JSON lines when asked for.
//!
//! The door to the terminal: what people read goes through [`Output::data`],
//! [`Output::say`] and [`complain`], which let nothing pass that a terminal
//! would obey but colours. Nobody else writes there.

#![expect(
    clippy::disallowed_methods,
    reason = "how it was started is asked where words are printed"
)]

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use hob_stack::printable_text;
use serde::Serialize;

/// The user's terminal, file or pipe.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Data as JSON lines.
    pub json: bool,
    /// No talk.
    pub quiet: bool,
    /// Whether a person watches standard error.
    pub watched: bool,
    /// The columns of standard error's terminal, 100 without one.
    pub width: usize,
}

impl Output {
    /// As the options and the terminal say; `NO_COLOR` is heeded by `console`.
    pub fn new(json: bool, quiet: bool) -> Self {
        let watched = io::stderr().is_terminal();
        let width = console::Term::stderr()
            .size_checked()
            .map_or(100, |(_, columns)| columns.into());
        Self {
            json,
            quiet,
            watched: watched && !quiet,
            width,
        }
    }

    /// A line of data for people.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn data(&self, line: impl AsRef<str>) -> io::Result<()> {
        let line = printable_text(line.as_ref(), console::colors_enabled());
        writeln!(io::stdout().lock(), "{line}")
    }

    /// A value as one line of JSON.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn value(&self, value: &impl Serialize) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", serde_json::to_string(value)?)
    }

    /// A line of talk. That nobody can hear it is no error.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            complain(line.as_ref());
        }
    }
}

/// A line on standard error that is no talk: `--quiet` leaves it. That nobody
/// can hear it is no error.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", spoken(&shown(text)));
}

/// Text as standard error gets it.
pub fn shown(text: &str) -> Cow<'_, str> {
    printable_text(text, console::colors_enabled_stderr())
}

/// Commands as the user would type them.
pub fn spoken(text: &str) -> Cow<'_, str> {
    if text.contains("`hob ") && is_xtask() {
        return text.replace("`hob ", "`cargo xtask ").into();
    }
    text.into()
}

/// Whether it was started as `cargo xtask`, which cargo tells its programs.
pub fn is_xtask() -> bool {
    std::env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == "xtask")
}

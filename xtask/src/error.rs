//! The one error of the command line: what happened, what a program said,
//! what to type next, and the exit code. Rendered here and nowhere else.

use std::fmt::{self, Write as _};

use console::style;
use hob_stack::printable;

use crate::output::{complain, shown};

/// What a verb returns.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// How the process ends; the table is also in `hob --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// An operation failed.
    Failed,
    /// Usage, or a stack file, is in error.
    Usage,
    /// The user's service failed to build or become ready.
    Service,
    /// Something is not installed.
    Missing,
    /// The user interrupted it.
    Interrupted,
    /// A program that ran in hob's place ended so.
    Program(u8),
}

impl Code {
    /// The number that the process exits with.
    pub fn number(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Service => 3,
            Self::Missing => 4,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }
}

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub struct Error {
    pub code: Code,
    /// One line; empty when everything was said already.
    pub message: String,
    /// The reasons below it, and what a program said.
    pub details: Vec<String>,
    /// What to type next.
    pub hints: Vec<String>,
}

impl Error {
    /// An error of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// An operation that failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    /// The user asked for something that cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// An end of which everything was said already.
    pub fn said(code: Code) -> Self {
        Self::new(code, "")
    }

    /// The same with more to read.
    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// The same with something to type next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with another one, which came of something else.
    pub fn with(mut self, other: Self) -> Self {
        self.details.push(other.message);
        self.details.extend(other.details);
        self.hints.extend(other.hints);
        self
    }

    /// Says it on standard error, unless everything was said already.
    pub fn complain(&self) {
        let text = self.render();
        if !text.is_empty() {
            complain(text.trim_end());
        }
    }

    /// As it is shown on standard error.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if self.message.is_empty() {
            return text;
        }
        let red = style("error:").for_stderr().red().bold();
        let _ = writeln!(text, "{red} {}", printable(&self.message));
        for detail in &self.details {
            for line in detail.lines() {
                // What a program said may have colours, which end with it.
                let _ = writeln!(text, "  {}", shown(line));
            }
        }
        for hint in &self.hints {
            let mark = style("hint:").for_stderr().cyan().bold();
            let _ = writeln!(text, "{mark} {}", printable(hint));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        let mut chain = error.chain().map(ToString::to_string);
        let message = chain.next().unwrap_or_default();
        // Some libraries print their reason and give it as the source, too.
        let mut above = message.clone();
        let details: Vec<String> = chain
            .filter(|line| !std::mem::replace(&mut above, line.clone()).ends_with(line.as_str()))
            .collect();
        Self::failed(message).details(details)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        // Whoever reads our output has seen enough.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::said(Code::Failed);
        }
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    #[test]
    fn an_error_says_what_happened_why_and_what_to_type() {
        let error = Error::failed("goapi does not build")
            .details(["main.go:3:1: syntax error".to_owned()])
            .hint("`hob logs goapi`");
        assert_data_eq!(
            console::strip_ansi_codes(&error.render()).into_owned(),
            str![[r#"
error: goapi does not build
  main.go:3:1: syntax error
hint: `hob logs goapi`

"#]]
        );
    }

    #[test]
    fn a_reason_that_stands_in_the_line_above_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read x: {source}")]
        struct Twice {
            source: std::io::Error,
        }
        let source = std::io::Error::other("no space left");
        let error = anyhow::Error::from(Twice { source }).context("cannot begin");
        assert_data_eq!(
            console::strip_ansi_codes(&Error::from(error).render()).into_owned(),
            str![[r#"
error: cannot begin
  cannot read x: no space left

"#]]
        );
    }

    #[test]
    fn what_others_wrote_is_shown_and_never_obeyed() {
        let error = Error::usage("no service is called `\u{1b}]0;x\u{7}`")
            .details(["one\u{1b}[2J\ntwo\r".to_owned()])
            .hint("did you mean\n`y\u{1b}[A`?");
        assert_data_eq!(
            console::strip_ansi_codes(&error.render()).into_owned(),
            str![[r#"
error: no service is called `␛]0;x␇`
  one
  two
hint: did you mean␊`y␛[A`?

"#]]
        );
    }

    #[test]
    fn an_error_that_was_said_already_says_nothing() {
        assert_eq!(Error::said(Code::Service).render(), "");
    }
}

//! [`Run`]: a `hob` that was run to its end.

use std::process::{Command, Stdio};

use crate::session::Session;

/// How a finished `hob` ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its exit code, or 128 and the signal that ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Run {
    /// The same, if it ended with this code.
    ///
    /// # Panics
    /// It ended with another one.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code, expected,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }

    /// The same, if it ended well.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn good(self) -> Self {
        self.code(0)
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: Command) -> Run {
    let mut session = Session::start(command);
    let code = session.end();
    Run {
        code,
        out: session.out(),
        err: session.err(),
    }
}

/// The same for one whose failure is no news.
pub(crate) fn finish_quietly(mut command: Command) -> Option<Run> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Some(Run {
        code,
        out: text(&output.stdout),
        err: text(&output.stderr),
    })
}

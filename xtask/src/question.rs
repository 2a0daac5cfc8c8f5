//! A question at the terminal that is answered by yes or no.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::context::Context;

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// There is no terminal to ask at.
    Nobody,
}

/// Asks whether to go on; `yes` is the answer that an option gave beforehand.
pub fn ask(context: &Context, question: &str, yes: bool) -> Answer {
    if yes {
        return Answer::Yes;
    }
    if !context.output.watched || !std::io::stdin().is_terminal() {
        return Answer::Nobody;
    }
    let mut stderr = std::io::stderr().lock();
    // Whoever cannot read the question will not answer it.
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => {
            let _ = writeln!(stderr);
            Answer::No
        }
        Ok(_) => match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Answer::Yes,
            _ => Answer::No,
        },
    }
}

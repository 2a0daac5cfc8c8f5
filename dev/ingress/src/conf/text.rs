//! Lines of a configuration, indented by the blocks that they stand in.

use std::fmt::{Display, Write as _};

#[derive(Default)]
pub(super) struct Text {
    text: String,
    depth: usize,
}

impl Text {
    pub(super) fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", 4 * self.depth);
    }

    /// Several lines as they are, below the indentation; empty ones stay so.
    pub(super) fn lines(&mut self, lines: &str) {
        for line in lines.lines() {
            if line.is_empty() {
                self.gap();
            } else {
                self.line(line);
            }
        }
    }

    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn block(&mut self, head: impl Display, inside: impl FnOnce(&mut Self)) {
        self.line(format_args!("{head} {{"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line("}");
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

//! The last words of one process.

use std::collections::VecDeque;

use hob_wire::LogLine;

/// Lines of a process's own words that go with its problem.
const TAIL: usize = 40;
/// Bytes of them: a problem travels in one line of the protocol.
const TAIL_BYTES: usize = 64 << 10;

/// The last words of one process, for its problem.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

impl Tail {
    /// Keeps a line and forgets the oldest ones.
    pub fn push(&mut self, line: LogLine) {
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > TAIL || self.bytes > TAIL_BYTES {
            let gone = self.lines.pop_front();
            self.bytes -= gone.map_or(0, |line| line.text.len());
        }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use hob_wire::Stream;

    use super::*;

    fn line(at: u64, text: &str) -> LogLine {
        LogLine {
            at,
            stream: Stream::Out,
            generation: 7,
            text: text.into(),
        }
    }

    #[test]
    fn the_tail_is_bounded_in_lines_and_bytes() {
        let mut tail = Tail::default();
        for at in 0..100 {
            tail.push(line(at, "short"));
        }
        assert_eq!(tail.lines().len(), TAIL);
        assert_eq!(tail.lines().last().map(|line| line.at), Some(99));
        tail.push(line(100, &"x".repeat(TAIL_BYTES - 5)));
        assert_eq!(tail.lines()[0].text, "short");
        assert_eq!(tail.lines().len(), 2);
    }
}

//! [`Words`]: text for snapshots, with what differs from run to run replaced.

use regex_automata::meta::Regex;

/// What to replace, in the order of replacing.
#[derive(Debug, Default)]
pub struct Words {
    exact: Vec<(String, String)>,
}

/// Patterns and what stands in their place.
const PATTERNS: &[(&str, &str)] = &[
    (r"(?-u)\b\d\d:\d\d:\d\d\.\d\d\d\b", "[CLOCK]"),
    (r"(?-u)\d+(\.\d+)? (ms|s)\b", "[TIME]"),
    (r"(?-u)\b\d+ %", "[CPU]"),
    (r"(?-u)\b\d+(\.\d+)? (KiB|MiB|GiB)\b", "[MEMORY]"),
    (r"(?-u)\bprocess \d+", "process [PID]"),
    (r"(?-u)session-\d+\.sock", "session-[PID].sock"),
    (r"(?-u)\b(6[1-9]\d{3})\b", "[FRESH]"),
    (
        r"(noticed|built|started|ready|answered) \[TIME\]( \+ (noticed|built|started|ready|answered) \[TIME\])*",
        "[STEPS]",
    ),
];

impl Words {
    /// Replaces this text, before any pattern.
    pub fn replace(&mut self, text: impl Into<String>, by: &str) {
        self.exact.push((text.into(), by.to_owned()));
    }

    /// The text with everything replaced.
    ///
    /// # Panics
    /// A pattern of this module is in error.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, by) in &self.exact {
            text = text.replace(word, by);
        }
        for (pattern, by) in PATTERNS {
            let regex = Regex::new(pattern).unwrap();
            let mut result = String::new();
            let mut last = 0;
            for found in regex.find_iter(text.as_str()) {
                result += &text[last..found.start()];
                result += by;
                last = found.end();
            }
            result += &text[last..];
            text = result;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut words = Words::default();
        words.replace("/tmp/hx", "[ROOT]");
        assert_eq!(words.redact(text), expected);
    }

    #[test]
    fn times_ports_and_processes_are_replaced() {
        check("01:02:03.004 web", "[CLOCK] web");
        check("up after 12.5 ms", "up after [TIME]");
        check("1 % 17 MiB 1.5 GiB", "[CPU] [MEMORY] [MEMORY]");
        check(
            "hob (process 123) at /tmp/hx/a",
            "hob (process [PID]) at [ROOT]/a",
        );
        check("built 1.0 ms + ready 2 s", "[STEPS]");
        check("127.0.0.1:61234", "127.0.0.1:[FRESH]");
    }
}

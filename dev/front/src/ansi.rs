//! A program's coloured output, made safe for a page.
//!
//! Colour codes (SGR) become spans of fixed classes; every other control
//! sequence is dropped; all text is escaped. Nothing of the input reaches the
//! page but escaped text.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// The style that is on; it carries over from line to line, as in a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    /// 0 to 15.
    colour: Option<u8>,
}

/// Lines as HTML, each ended by a line break.
pub(crate) fn html<S: AsRef<str>>(lines: &[S]) -> String {
    let mut out = String::new();
    let mut style = Style::default();
    let mut open = false;
    for line in lines {
        for piece in Pieces(line.as_ref().chars().peekable()) {
            match piece {
                Piece::Char(c) => escape_char(&mut out, c),
                Piece::Sgr(codes) => {
                    style.apply(&codes);
                    if std::mem::take(&mut open) {
                        out.push_str("</span>");
                    }
                    if style != Style::default() {
                        style.begin(&mut out);
                        open = true;
                    }
                }
            }
        }
        out.push('\n');
    }
    if open {
        out.push_str("</span>");
    }
    out
}

/// A line without its control sequences.
pub(crate) fn plain(line: &str) -> String {
    let pieces = Pieces(line.chars().peekable());
    pieces
        .filter_map(|piece| match piece {
            Piece::Char(c) => Some(c),
            Piece::Sgr(_) => None,
        })
        .collect()
}

/// Text for an element's content or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        escape_char(&mut out, c);
    }
    out
}

fn escape_char(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c => out.push(c),
    }
}

enum Piece {
    Char(char),
    Sgr(String),
}

struct Pieces<'a>(Peekable<Chars<'a>>);

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            match self.0.next()? {
                '\u{1b}' => match self.0.peek() {
                    Some('[') => {
                        self.0.next();
                        if let Some(codes) = self.control_sequence() {
                            return Some(Piece::Sgr(codes));
                        }
                    }
                    // OSC, DCS, SOS, PM, APC: text up to a terminator.
                    Some(']' | 'P' | 'X' | '^' | '_') => self.string(),
                    Some(_) => {
                        self.0.next();
                    }
                    None => {}
                },
                '\u{9b}' => {
                    if let Some(codes) = self.control_sequence() {
                        return Some(Piece::Sgr(codes));
                    }
                }
                '\t' => return Some(Piece::Char('\t')),
                c if c.is_control() => {}
                c => return Some(Piece::Char(c)),
            }
        }
    }
}

impl Pieces<'_> {
    /// Parameters of a colour code; none for any other sequence.
    fn control_sequence(&mut self) -> Option<String> {
        let mut parameters = String::new();
        loop {
            match self.0.peek()? {
                '\u{20}'..='\u{3f}' => parameters.extend(self.0.next()),
                '\u{40}'..='\u{7e}' => {
                    let last = self.0.next();
                    return (last == Some('m')).then_some(parameters);
                }
                // Broken off: what follows is text again.
                _ => return None,
            }
        }
    }

    fn string(&mut self) {
        while let Some(c) = self.0.next() {
            match c {
                '\u{7}' | '\u{9c}' => return,
                '\u{1b}' => {
                    if self.0.peek() == Some(&'\\') {
                        self.0.next();
                    }
                    return;
                }
                _ => {}
            }
        }
    }
}

impl Style {
    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split([';', ':']).map(|code| {
            if code.is_empty() {
                Some(0)
            } else {
                code.parse::<u16>().ok()
            }
        });
        while let Some(code) = codes.next() {
            match code {
                Some(0) => *self = Self::default(),
                Some(1) => self.bold = true,
                Some(2) => self.dim = true,
                Some(3) => self.italic = true,
                Some(4) => self.underline = true,
                Some(22) => (self.bold, self.dim) = (false, false),
                Some(23) => self.italic = false,
                Some(24) => self.underline = false,
                Some(39) => self.colour = None,
                Some(code @ 30..=37) => self.colour = u8::try_from(code - 30).ok(),
                Some(code @ 90..=97) => self.colour = u8::try_from(code - 82).ok(),
                // 256 colours and true colour, fore- and background: only the
                // first sixteen have a class.
                Some(code @ (38 | 48)) => {
                    let colour = match codes.next().flatten() {
                        Some(5) => codes.next().flatten().filter(|c| *c < 16),
                        Some(2) => codes.nth(2).and(None),
                        _ => None,
                    };
                    if code == 38 {
                        self.colour = colour.and_then(|c| u8::try_from(c).ok());
                    }
                }
                _ => {}
            }
        }
    }

    fn begin(self, out: &mut String) {
        out.push_str("<span class=\"");
        let flags = [
            (self.bold, "b"),
            (self.dim, "d"),
            (self.italic, "i"),
            (self.underline, "u"),
        ];
        let mut gap = "";
        for (_, class) in flags.iter().filter(|(on, _)| *on) {
            let _ = write!(out, "{gap}{class}");
            gap = " ";
        }
        if let Some(colour) = self.colour {
            let _ = write!(out, "{gap}c{colour}");
        }
        out.push_str("\">");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_the_rest_is_dropped() {
        let table = [
            ("plain", "plain\n"),
            (
                "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: no",
                "<span class=\"b\"></span><span class=\"b c1\">error</span>: no\n",
            ),
            (
                "\u{1b}[38;5;9mred\u{1b}[39m",
                "<span class=\"c9\">red</span>\n",
            ),
            ("\u{1b}[38;5;200mpink\u{1b}[m", "pink\n"),
            (
                "\u{1b}[38;2;1;2;3;1mbold",
                "<span class=\"b\">bold\n</span>",
            ),
            ("\u{1b}[96mx", "<span class=\"c14\">x\n</span>"),
            ("\u{1b}[2Kcleared\u{1b}[1A", "cleared\n"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link\n"),
            ("\u{1b}[\"><script>m", "cript&gt;m\n"),
            (
                "<script>alert('x')</script>",
                "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\n",
            ),
            ("\u{1b}[999999999999m\u{1b}[;mx", "x\n"),
            ("a\tb\u{0}\u{8}c\r", "a\tbc\n"),
            ("\u{1b}", "\n"),
            ("\u{1b}[", "\n"),
        ];
        for (input, expected) in table {
            assert_eq!(html(&[input]), expected, "{input:?}");
        }
    }

    #[test]
    fn a_colour_carries_over_to_the_next_line() {
        assert_eq!(
            html(&["\u{1b}[31ma", "b\u{1b}[0mc"]),
            "<span class=\"c1\">a\nb</span>c\n"
        );
    }

    proptest::proptest! {
        /// Whatever the output is, the page gets only text and its own spans.
        #[test]
        fn nothing_becomes_markup(lines in proptest::collection::vec(proptest::prelude::any::<String>(), 0..4)) {
            let mut rest = html(&lines);
            rest = rest.replace("</span>", "");
            while let Some(at) = rest.find("<span class=\"") {
                let tail = &rest[at + 13..];
                let end = tail.find("\">").unwrap_or(usize::MAX);
                proptest::prop_assert!(end < 16);
                rest = format!("{}{}", &rest[..at], &tail[end + 2..]);
            }
            let markup = rest.contains(['<', '>', '"', '\'', '\u{1b}']);
            proptest::prop_assert!(!markup);
        }
    }
}

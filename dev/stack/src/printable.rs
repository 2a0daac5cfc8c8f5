//! [`printable`]: text of users, files and programs as it may meet a terminal.

use std::borrow::Cow;

/// The text in one line: characters that would move the cursor, colour, ring,
/// break the line or turn its direction are shown instead of obeyed. Tabs
/// stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return text.into();
    }
    text.chars().map(shown).collect::<String>().into()
}

/// The same for several lines: their breaks stay, Windows' ones too.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines = text.split('\n').map(|line| match line.strip_suffix('\r') {
        Some(line) => format!("{}\r", printable(line)),
        None => printable(line).into_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Marks and overrides of the writing direction are no control characters to
/// Unicode, and reorder what is read all the same.
fn is_unsafe(char: char) -> bool {
    let direction =
        matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char != '\t' && (char.is_control() || direction)
}

/// One sign for one character, so that columns stay where they are.
fn shown(char: char) -> char {
    match char {
        _ if !is_unsafe(char) => char,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        let check = |text: &str, expected: &str| assert_eq!(printable(text), expected, "{text:?}");
        check("plain, ü東\tand a tab", "plain, ü東\tand a tab");
        check("\u{1b}]0;title\u{7}", "␛]0;title␇");
        check("one\r\ntwo", "one␍␊two");
        check("\u{9b}2J\u{7f}", "\u{fffd}2J␡");
        check("a\u{202e}b\u{2066}c", "a\u{fffd}b\u{fffd}c");
        assert_eq!(printable_lines("a\r\n\tb\u{1b}"), "a\r\n\tb␛");
    }
}

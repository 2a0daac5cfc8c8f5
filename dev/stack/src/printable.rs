//! Text of users, files and programs as it may meet a terminal: [`printable`]
//! for what is one line and has no colours, [`printable_text`] for all that is
//! about to be written there.

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

/// The same for whole texts: breaks of lines stay, and colours where there are
/// to be any; they end with the text. Other sequences of a terminal's are left
/// out, as are the returns before breaks.
///
/// ```
/// use hob_stack::printable_text;
/// assert_eq!(printable_text("\u{1b}[31mred\u{1b}[2J", true), "\u{1b}[31mred\u{1b}[0m");
/// assert_eq!(printable_text("\u{1b}[31mred\u{1b}[2J", false), "red");
/// ```
#[must_use]
pub fn printable_text(text: &str, colours: bool) -> Cow<'_, str> {
    if !text.chars().any(|char| char != '\n' && is_unsafe(char)) {
        return text.into();
    }
    let mut result = String::with_capacity(text.len());
    let mut coloured = false;
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
            let (codes, after) = control(sequence);
            rest = after;
            if let Some(codes) = codes.filter(|_| colours) {
                coloured = !codes.trim_matches('0').is_empty();
                result.extend(["\u{1b}[", codes, "m"]);
            }
            continue;
        }
        rest = &rest[char.len_utf8()..];
        match char {
            '\n' => result.push(char),
            '\r' if rest.is_empty() || rest.starts_with('\n') => {}
            _ => result.push(shown(char)),
        }
    }
    if coloured {
        result.push_str("\u{1b}[0m");
    }
    result.into()
}

/// What follows the beginning of a control sequence (ECMA-48, 5.4): the codes
/// of one that colours, and the rest of the text behind the sequence.
fn control(text: &str) -> (Option<&str>, &str) {
    let inner = |char: char| matches!(char, '\u{20}'..='\u{3f}');
    let end = text.find(|char| !inner(char)).unwrap_or(text.len());
    let (codes, rest) = text.split_at(end);
    let mut after = rest.chars();
    match after.next() {
        Some('m')
            if codes
                .chars()
                .all(|c| c.is_ascii_digit() || ";:".contains(c)) =>
        {
            (Some(codes), after.as_str())
        }
        Some('\u{40}'..='\u{7e}') => (None, after.as_str()),
        // It was cut off: what comes is no part of it.
        _ => (None, rest),
    }
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

    #[test]
    fn colours_pass_and_nothing_else_that_a_terminal_obeys() {
        let check = |text: &str, expected: &str, plain: &str| {
            assert_eq!(printable_text(text, true), expected, "{text:?}");
            assert_eq!(printable_text(text, false), plain, "{text:?}");
            let again = printable_text(expected, true);
            assert_eq!(again, expected, "twice: {text:?}");
        };
        check(
            "plain, ü東\tand\nlines",
            "plain, ü東\tand\nlines",
            "plain, ü東\tand\nlines",
        );
        let red = "\u{1b}[1;31mred\u{1b}[0m";
        check(red, red, "red");
        // What is not ended is ended here.
        check(
            "\u{1b}[38:5:1mred\nred",
            "\u{1b}[38:5:1mred\nred\u{1b}[0m",
            "red\nred",
        );
        check("a\u{1b}[2J\u{1b}[?25lb\u{1b}[1 qc", "abc", "abc");
        check("cut \u{1b}[", "cut ", "cut ");
        check("\u{1b}[3\nnext", "\nnext", "\nnext");
        check(
            "\u{1b}]0;x\u{7}\u{9b}2J",
            "␛]0;x␇\u{fffd}2J",
            "␛]0;x␇\u{fffd}2J",
        );
        check("a\u{202e}b", "a\u{fffd}b", "a\u{fffd}b");
        check("50%\r60%\r\nend\r", "50%␍60%\nend", "50%␍60%\nend");
    }
}

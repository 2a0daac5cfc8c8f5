//! Lines that are wider than the terminal, broken between words.

use console::measure_text_width;

/// What follows the first line begins here.
const INDENT: &str = "    ";

/// The line with breaks between words so that each part has at most `width`
/// columns; a word that is wider stays whole. Colours do not count.
pub fn fold(line: &str, width: usize) -> String {
    if measure_text_width(line) <= width {
        return line.to_owned();
    }
    let mut folded = String::with_capacity(line.len() + 2 * INDENT.len());
    let mut column = 0;
    for (at, word) in line.split(' ').enumerate() {
        let wide = measure_text_width(word);
        if at > 0 && column + 1 + wide > width && column > INDENT.len() {
            folded.push('\n');
            folded.push_str(INDENT);
            column = INDENT.len();
        } else if at > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += wide;
    }
    folded
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    #[track_caller]
    fn check(line: &str, width: usize, expected: impl snapbox::IntoData) {
        assert_data_eq!(fold(line, width), expected);
    }

    #[test]
    fn a_line_that_fits_is_left_alone() {
        check(
            "  api  http://127.0.0.1:80",
            26,
            str!["  api  http://127.0.0.1:80"],
        );
    }

    #[test]
    fn a_wide_line_is_broken_between_words_and_goes_on_indented() {
        check(
            "12:00 web ✗ `go build` exited with code 1 (save 3); save 2 goes on serving",
            30,
            str![[r#"
12:00 web ✗ `go build` exited
    with code 1 (save 3); save
    2 goes on serving
"#]],
        );
    }

    #[test]
    fn a_word_that_is_too_wide_stays_whole() {
        check(
            "look at http://a.very.long.name/ there",
            10,
            str![[r#"
look at
    http://a.very.long.name/
    there
"#]],
        );
    }

    #[test]
    fn colours_have_no_width() {
        check(
            "\u{1b}[31mred\u{1b}[0m and blue",
            12,
            "\u{1b}[31mred\u{1b}[0m and blue",
        );
    }
}

//! `${VAR}`, `${VAR:-default}` and `$$` in strings, and the `.env` files that
//! fill them.
//!
//! Pure: environment and file texts come in as values. Start with [`fill`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::names::check_variable;

/// Where variables are looked up, the first layer first.
pub(crate) struct Variables<'a>(pub Vec<&'a BTreeMap<String, String>>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|layer| layer.get(name))
            .map(String::as_str)
    }

    /// Every name that is known.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|layer| layer.keys().map(String::as_str))
    }
}

/// A text with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub text: String,
    /// The names of the variables that were filled in, defaults included.
    pub used: Vec<String>,
}

/// Why a text could not be filled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    /// Nothing sets this variable, and it has no default.
    Unknown(String),
    /// What follows `${` is not of the form that is understood.
    Malformed {
        /// From `${` on.
        part: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Fills a text. In an `argument` everything but `${…}` is left for the
/// agent: `$$` stays, and a dollar that comes out of a variable is doubled.
pub(crate) fn fill(
    text: &str,
    variables: &Variables<'_>,
    argument: bool,
) -> Result<Filled, Vec<Unfilled>> {
    let mut out = String::with_capacity(text.len());
    let mut used = Vec::new();
    let mut wrong = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push_str(if argument { "$$" } else { "$" });
            rest = after;
        } else if let Some(inside) = rest.strip_prefix("${") {
            let Some(end) = inside.find('}') else {
                wrong.push(Unfilled::Malformed {
                    part: rest.to_owned(),
                    reason: "the closing `}` is missing",
                });
                rest = "";
                break;
            };
            match reference(&inside[..end]) {
                Ok((name, default)) => {
                    let value = variables.get(name);
                    // As in a shell, `:-` also stands in for an empty value.
                    let value = match default {
                        Some(default) => Some(value.filter(|v| !v.is_empty()).unwrap_or(default)),
                        None => value,
                    };
                    match value {
                        Some(value) if argument => out.push_str(&value.replace('$', "$$")),
                        Some(value) => out.push_str(value),
                        None => wrong.push(Unfilled::Unknown(name.to_owned())),
                    }
                    used.push(name.to_owned());
                }
                Err(reason) => wrong.push(Unfilled::Malformed {
                    part: rest[..end + 3].to_owned(),
                    reason,
                }),
            }
            rest = &inside[end + 1..];
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    if wrong.is_empty() {
        Ok(Filled { text: out, used })
    } else {
        Err(wrong)
    }
}

/// The name and the default of what stands between `${` and `}`.
fn reference(inside: &str) -> Result<(&str, Option<&str>), &'static str> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if default.is_some_and(|default| default.contains("${")) {
        return Err("a default cannot hold another `${`");
    }
    if check_variable(name).is_err() || name.contains('-') {
        return Err("only `${NAME}` and `${NAME:-default}` are understood");
    }
    Ok((name, default))
}

/// A literal text as [`fill`] has to find it to give that text back.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '$' && matches!(chars.peek(), Some('$' | '{')) {
            out.push('$');
        }
    }
    out
}

/// The variables of a `.env` file: `NAME=value` a line, `export` before and
/// `#` comments allowed, `'…'` taken as it is, `"…"` with `\n`, `\t`, `\"`,
/// `\\` and `\$`; quoted values may span lines. Nothing is filled in here.
pub(crate) fn dotenv(
    file: &Arc<SourceFile>,
    report: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let text = file.text.as_str();
    let mut variables = BTreeMap::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while at < text.len() {
        let line = text[at..].split_inclusive('\n').next().unwrap_or("");
        let (start, next) = (at, at + line.len());
        at = next;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut wrong = |message: &str, hint: &str| {
            let place = Place {
                file: Arc::clone(file),
                span: Some(start..start + line.trim_end().len()),
            };
            report.push(Diagnostic::error(message, place).hint(hint));
        };
        let Some((name, value)) = line.split_once('=') else {
            wrong("this line sets no variable", "write `NAME=value`");
            continue;
        };
        let name = name.trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        // The text is not quoted: it may be a line of somebody's key.
        if check_variable(name).is_err() {
            wrong(
                "what stands before `=` cannot name a variable",
                "write `NAME=value`",
            );
            continue;
        }
        let value_at = next - value.len() + (value.len() - value.trim_start().len());
        let value = match text[value_at.min(next)..].chars().next() {
            Some(quote @ ('"' | '\'')) if value_at < next => {
                match quoted(&text[value_at + 1..], quote) {
                    Some((value, length)) => {
                        at = value_at + 1 + length;
                        at += text[at..].split_inclusive('\n').next().unwrap_or("").len();
                        value
                    }
                    None => {
                        wrong(
                            "the value's closing quote is missing",
                            "end the value with the quote that it begins with",
                        );
                        break;
                    }
                }
            }
            _ => {
                let value = value.split_once(" #").map_or(value, |(value, _)| value);
                value.trim().to_owned()
            }
        };
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// A quoted value and its length up to and with the closing quote.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, argument: bool) -> String {
        let layer = BTreeMap::from([
            ("A".to_owned(), "1".to_owned()),
            ("EMPTY".to_owned(), String::new()),
            ("DOLLAR".to_owned(), "$OUT$${A}".to_owned()),
        ]);
        match fill(text, &Variables(vec![&layer]), argument) {
            Ok(filled) => filled.text,
            Err(wrong) => format!("{wrong:?}"),
        }
    }

    #[track_caller]
    fn check(text: &str, value: &str, argument: &str) {
        assert_eq!(filled(text, false), value);
        assert_eq!(filled(text, true), argument);
    }

    #[test]
    fn variables_are_filled_in() {
        check("", "", "");
        check("x${A}y${A}", "x1y1", "x1y1");
        check("${NO:-d}${EMPTY:-d}${EMPTY}${A:-d}${NO:-}", "dd1", "dd1");
    }

    #[test]
    fn dollars_in_arguments_are_the_agents() {
        check("$$", "$", "$$");
        check("$", "$", "$");
        check("$A $OUT", "$A $OUT", "$A $OUT");
        check("$${A}", "${A}", "$${A}");
        check("$$${A}", "$1", "$$1");
        check("${DOLLAR}", "$OUT$${A}", "$$OUT$$$${A}");
    }

    #[test]
    fn every_wrong_reference_is_told() {
        let told = "[Unknown(\"B\"), Malformed { part: \"${ }\", reason: \"only `${NAME}` and `${NAME:-default}` are understood\" }, Malformed { part: \"${x\", reason: \"the closing `}` is missing\" }]";
        check("${B}${ }${x", told, told);
    }

    #[test]
    fn an_escaped_text_fills_to_itself() {
        for text in [
            "", "$", "$$", "$$$", "${A}", "$${A}", "a$", "$A", "}{$", "$$${",
        ] {
            assert_eq!(filled(&escape(text), false), text);
        }
    }
}

//! The walk that holds a raw tree against its shape: fills variables in,
//! tells every unknown key, wrong type and wrong value, and leaves
//! [`Value::Bad`] where it told something, so that nothing is told twice.
//!
//! Sees one value at a time; what concerns several is
//! [`lower`](crate::lower). Start with [`Check::node`].

use crate::diagnostic::{Diagnostic, Place};
use crate::fill::{Unfilled, Variables, fill};
use crate::near::{listed, nearest};
use crate::secret::is_secret;
use crate::shape::{Key, Names, Shape, Text};
use crate::tree::{Entries, Node, Value};

/// Words of other tools for what has another name here.
const ALIASES: &[(&str, &str)] = &[
    ("cmd", "run"),
    ("command", "run"),
    ("depends_on", "needs"),
    ("dockerfile", "image"),
    ("entrypoint", "run"),
    ("environment", "env"),
    ("expose", "port"),
    ("healthcheck", "ready"),
    ("host_port", "publish"),
    ("path", "source"),
    ("ports", "publish"),
    ("static", "serve"),
];

/// A walk over one file's tree.
pub(crate) struct Check<'a> {
    /// What fills `${VAR}`.
    pub variables: &'a Variables<'a>,
    /// Where diagnostics go.
    pub report: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    /// Holds a value, called `name` in messages, against its shape.
    pub fn node(&mut self, name: &str, node: &mut Node, shape: &Shape) {
        if !self.fill(node, shape) {
            return;
        }
        let fits = match (shape, &mut node.value) {
            (_, Value::Bad) => true,
            (Shape::Bool, Value::Bool(_)) => true,
            (Shape::Text(text), Value::Text(value)) => {
                let result = text.check(value);
                self.wrong(&format!("`{name}`"), node, result);
                true
            }
            (Shape::List { item, empty }, Value::List(items)) => {
                for node in items.iter_mut() {
                    self.node(name, node, item);
                }
                let result = list(items, item, *empty);
                self.wrong(&format!("`{name}`"), node, result);
                true
            }
            (Shape::Map { names, item }, Value::Table(entries)) => {
                self.map(entries, *names, item);
                true
            }
            (Shape::Table(keys), Value::Table(entries)) => {
                self.table(name, entries, keys);
                true
            }
            (
                Shape::Choice {
                    integer: Some((min, max)),
                    ..
                },
                Value::Integer(number),
            ) => *min <= *number && *number <= *max,
            (Shape::Choice { words, .. }, Value::Text(text)) => {
                words.iter().any(|(word, _)| word == text)
            }
            (Shape::Choice { keys, .. }, Value::Table(entries)) if !keys.is_empty() => {
                let written = entries.len();
                self.table(name, entries, keys);
                if entries.len() < written {
                    node.value = Value::Bad;
                    return;
                }
                written == 1
            }
            _ => false,
        };
        if !fits {
            let diagnostic = misfit(name, node, shape);
            self.report.push(diagnostic);
            node.value = Value::Bad;
        }
    }

    /// Fills a string's variables in; whether the value can be used.
    fn fill(&mut self, node: &mut Node, shape: &Shape) -> bool {
        let Value::Text(text) = &node.value else {
            return true;
        };
        let argument = matches!(shape, Shape::Text(Text::Argument));
        match fill(text, self.variables, argument) {
            Ok(filled) => {
                if let Some(name) = filled.used.iter().find(|name| argument && is_secret(name)) {
                    self.report.push(
                        Diagnostic::warning(
                            format!("`{name}` on a command line can be read by every process"),
                            narrow(&node.place, &format!("${{{name}")),
                        )
                        .hint(format!(
                            "hand it over as a variable: `secrets = {{ {name} = {{ env = \"{name}\" }} }}`"
                        )),
                    );
                }
                let text = filled.text;
                node.value = match shape {
                    // A variable is always text; what it stands for need not be.
                    Shape::Choice {
                        integer: Some(_), ..
                    } if !filled.used.is_empty() => text
                        .trim()
                        .parse()
                        .map_or(Value::Text(text), Value::Integer),
                    Shape::Bool if !filled.used.is_empty() => {
                        text.trim().parse().map_or(Value::Text(text), Value::Bool)
                    }
                    _ => Value::Text(text),
                };
                node.filled = filled.used;
                true
            }
            Err(wrong) => {
                for wrong in wrong {
                    let diagnostic = unfilled(&node.place, &wrong, self.variables);
                    self.report.push(diagnostic);
                }
                node.value = Value::Bad;
                false
            }
        }
    }

    fn wrong(&mut self, what: &str, node: &mut Node, result: Result<(), (String, Option<String>)>) {
        if let Err((reason, hint)) = result {
            let diagnostic = match secret_in(node) {
                // The reason may quote the value.
                Some(name) => secret_misfit(what, name, node),
                None => Diagnostic::error(format!("{what}: {reason}"), node.place.clone())
                    .maybe_hint(hint),
            };
            self.report.push(diagnostic);
            node.value = Value::Bad;
        }
    }

    fn map(&mut self, entries: &mut Entries, names: Names, item: &Shape) {
        for (name, entry) in entries.iter_mut() {
            if let Err((reason, hint)) = names.check(name) {
                self.report
                    .push(Diagnostic::error(reason, entry.key.clone()).maybe_hint(hint));
            }
            self.node(name, &mut entry.node, item);
        }
    }

    fn table(&mut self, table: &str, entries: &mut Entries, keys: &'static [Key]) {
        entries.retain(|name, entry| {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let diagnostic = unknown(table, name, &entry.key, keys);
                self.report.push(diagnostic);
                return false;
            };
            self.node(name, &mut entry.node, &key.shape);
            true
        });
    }
}

fn list(items: &[Node], item: &Shape, empty: bool) -> Result<(), (String, Option<String>)> {
    let argv = matches!(item, Shape::Text(Text::Argument)) && !empty;
    match items.first().map(|first| &first.value) {
        None if argv => Err((
            "it names no program".into(),
            Some("write the program and its arguments, as in `[\"go\", \"build\"]`".into()),
        )),
        None if !empty => Err(("it cannot be empty".into(), None)),
        Some(Value::Text(program)) if argv && program.is_empty() => {
            Err(("the program's name is empty".into(), None))
        }
        _ => Ok(()),
    }
}

/// The variable that looks like a secret and was filled into the value.
fn secret_in(node: &Node) -> Option<&str> {
    let mut names = node.filled.iter().map(String::as_str);
    names.find(|name| is_secret(name))
}

fn secret_misfit(what: &str, variable: &str, node: &Node) -> Diagnostic {
    let message = format!("{what}: the value of `${{{variable}}}` does not fit here");
    Diagnostic::error(message, node.place.clone())
}

fn misfit(name: &str, node: &Node, shape: &Shape) -> Diagnostic {
    let expected = shape.words();
    if let Some(variable) = secret_in(node) {
        return secret_misfit(&format!("`{name}`"), variable, node)
            .label(format!("expected {expected}"));
    }
    let message = match &node.value {
        Value::Integer(number) if expected.contains("integer") => {
            format!("`{name}` cannot be {number}")
        }
        Value::Text(text) if expected.contains('"') => format!("`{name}` cannot be {text:?}"),
        Value::Table(entries) if expected.contains('{') && entries.len() > 1 => {
            format!("`{name}` takes one of its keys, not {}", entries.len())
        }
        Value::Table(entries) if expected.contains('{') && entries.is_empty() => {
            format!("`{name}` says nothing")
        }
        other => format!("`{name}` cannot be {}", other.kind()),
    };
    let hint = match (shape, &node.value) {
        (Shape::Choice { words, .. }, Value::Text(text)) => {
            match nearest(text, words.iter().map(|(word, _)| *word)) {
                Some(near) => Some(format!("did you mean `\"{near}\"`?")),
                None if text.trim().parse::<i64>().is_ok() && expected.contains("integer") => {
                    Some(format!("without quotes: `{name} = {}`", text.trim()))
                }
                None => None,
            }
        }
        (Shape::Bool, Value::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            Some(format!("without quotes: `{name} = {text}`"))
        }
        (Shape::List { item, .. }, Value::Text(text)) => {
            let items: Vec<String> = match item {
                Shape::Text(Text::Argument) => {
                    text.split_whitespace().map(|w| format!("{w:?}")).collect()
                }
                _ => vec![format!("{text:?}")],
            };
            Some(format!("write `{name} = [{}]`", items.join(", ")))
        }
        (Shape::Text(Text::Duration), Value::Integer(number)) => {
            Some(format!("with a unit: `{name} = \"{number}s\"`"))
        }
        (Shape::Text(_), Value::Integer(number)) => {
            Some(format!("with quotes: `{name} = \"{number}\"`"))
        }
        (Shape::Text(_), Value::Bool(yes)) => Some(format!("with quotes: `{name} = \"{yes}\"`")),
        _ => None,
    };
    Diagnostic::error(message, node.place.clone())
        .label(format!("expected {expected}"))
        .maybe_hint(hint)
}

fn unknown(table: &str, name: &str, place: &Place, keys: &'static [Key]) -> Diagnostic {
    let names = || keys.iter().map(|key| key.name);
    let alias = ALIASES
        .iter()
        .find(|(theirs, ours)| *theirs == name && names().any(|known| known == *ours))
        .map(|(_, ours)| *ours);
    let inside = keys
        .iter()
        .find(|key| key.shape.below(name).is_some() && matches!(key.shape, Shape::Table(_)));
    let hint = match (nearest(name, names()).or(alias), inside) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(key)) => format!("`{name}` is a key of `{}`", key.name),
        (None, None) => format!("known here: {}", listed(names())),
    };
    let message = if table.is_empty() {
        format!("unknown key `{name}`")
    } else {
        format!("unknown key `{name}` in `{table}`")
    };
    Diagnostic::error(message, place.clone()).hint(hint)
}

fn unfilled(place: &Place, wrong: &Unfilled, variables: &Variables<'_>) -> Diagnostic {
    match wrong {
        Unfilled::Unknown(name) => {
            let near = nearest(name, variables.names());
            Diagnostic::error(
                format!("nothing sets the variable `{name}`"),
                narrow(place, &format!("${{{name}}}")),
            )
            .maybe_hint(near.map(|near| format!("did you mean `${{{near}}}`?")))
            .hint(format!(
                "set it in the environment or in `.env`, or give a default: `${{{name}:-…}}`"
            ))
        }
        Unfilled::Malformed { part, reason } => Diagnostic::error(*reason, narrow(place, part))
            .hint("a dollar sign that means itself is written `$$`"),
    }
}

/// The part of a value, where the file has it letter by letter.
fn narrow(place: &Place, part: &str) -> Place {
    let mut place = place.clone();
    if let Some(span) = &mut place.span {
        let written = place.file.text.get(span.clone()).unwrap_or("");
        if let Some(at) = written.find(part) {
            let start = span.start + at;
            *span = start..start + part.len();
        }
    }
    place
}

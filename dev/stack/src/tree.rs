//! The raw form: TOML values that remember their file and place, and how a
//! second file's values go over those of a first.
//!
//! Knows nothing of which keys exist, except through the
//! [`Shape`](crate::shape::Shape) that says which tables merge. Start with
//! [`parse`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::shape::Shape;

/// At most so many syntax errors of a file are told: the later ones are
/// mostly echoes of the earlier ones.
const SYNTAX_LIMIT: usize = 10;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The file and the bytes of the value there.
    pub place: Place,
    /// The value.
    pub value: Value,
    /// The names of the variables that were filled in.
    pub filled: Vec<String>,
}

/// A value under a key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// What stands under it.
    pub node: Node,
}

pub(crate) type Entries = BTreeMap<String, Entry>;

/// A TOML value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Bool(bool),
    List(Vec<Node>),
    Table(Entries),
    /// Something that no key takes, in the words of a message.
    Other(&'static str),
    /// Something wrong that has been told already.
    Bad,
}

impl Value {
    /// With its article, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(words) => words,
            Self::Bad => "something in error",
        }
    }
}

/// The file's tables, or its syntax errors.
pub(crate) fn parse(file: &Arc<SourceFile>) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if errors.is_empty() {
        return Ok(Node {
            place: Place {
                file: Arc::clone(file),
                span: None,
            },
            value: Value::Table(entries(file, table.get_ref())),
            filled: Vec::new(),
        });
    }
    let mut errors: Vec<(usize, Place, String)> = errors
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            let place = Place {
                file: Arc::clone(file),
                span: Some(span.clone()),
            };
            (
                file.position(span.start).0,
                place,
                error.message().to_owned(),
            )
        })
        .collect();
    errors.sort_by_key(|(line, place, _)| (*line, place.span.as_ref().map(|s| s.start)));
    errors.dedup_by_key(|(line, ..)| *line);
    errors.truncate(SYNTAX_LIMIT);
    Err(errors
        .into_iter()
        .map(|(_, place, message)| syntax(place, &message))
        .collect())
}

/// A syntax error in words, the parser's own where they are clear.
fn syntax(place: Place, message: &str) -> Diagnostic {
    let span = place.span.clone().unwrap_or_default();
    let written = place.file.text.get(span).unwrap_or("").to_owned();
    match message.split_once(", expected ") {
        Some(("string values must be quoted", _)) if written.is_empty() => {
            Diagnostic::error("the value is missing", place)
        }
        Some((what @ "string values must be quoted", _)) => {
            Diagnostic::error(what, place).hint(format!("write `{written:?}`"))
        }
        Some((what, expected)) => {
            Diagnostic::error(what, place).label(format!("expected {expected}"))
        }
        None => Diagnostic::error(message, place),
    }
}

fn entries(file: &Arc<SourceFile>, table: &DeTable<'_>) -> Entries {
    table
        .iter()
        .map(|(key, value)| {
            let entry = Entry {
                key: place(file, key.span()),
                node: node(file, value.span(), value.get_ref()),
            };
            (key.get_ref().to_string(), entry)
        })
        .collect()
}

fn node(file: &Arc<SourceFile>, span: Range<usize>, value: &DeValue<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("an integer beyond 64 bits"), Value::Integer),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| node(file, item.span(), item.get_ref()))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(file, table)),
    };
    Node {
        place: place(file, span),
        value,
        filled: Vec::new(),
    }
}

fn place(file: &Arc<SourceFile>, span: Range<usize>) -> Place {
    Place {
        file: Arc::clone(file),
        span: Some(span),
    }
}

/// Puts `over` over `base`: tables are merged key by key, everything else is
/// replaced, a table that stands for one choice among several included.
pub(crate) fn merge(base: &mut Node, over: Node, shape: &Shape) {
    match (&mut base.value, over.value) {
        (Value::Table(base), Value::Table(over)) if shape.merges() => {
            for (key, entry) in over {
                match (base.get_mut(&key), shape.below(&key)) {
                    (Some(below), Some(shape)) => merge(&mut below.node, entry.node, shape),
                    _ => {
                        base.insert(key, entry);
                    }
                }
            }
        }
        (_, value) => *base = Node { value, ..over },
    }
}

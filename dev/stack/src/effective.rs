//! A checked tree back to TOML: what a stack file says once
//! `stack.local.toml` and `.env` have had their say, secrets masked.

use std::fmt::Write as _;

use crate::fill::escape;
use crate::keys::STACK;
use crate::secret::{holds_password, is_secret};
use crate::shape::{Shape, Text};
use crate::tree::{Entries, Node, Value};

/// What stands for a secret's value.
const MASK: &str = "***";

/// The tree as TOML that gives the same tree again, but for what is masked.
/// A value that `stack.toml` itself does not hold says where it comes from.
pub(crate) fn print(tree: &Node) -> String {
    let mut out = String::new();
    if let Value::Table(entries) = &tree.value {
        let printer = Printer { base: tree };
        printer.table(&mut out, "", entries, &STACK);
    }
    out
}

struct Printer<'a> {
    /// The root, whose file is `stack.toml`.
    base: &'a Node,
}

impl Printer<'_> {
    /// A table's own values, then the tables below it that have a header.
    fn table(&self, out: &mut String, path: &str, entries: &Entries, shape: &Shape) {
        let mut keys: Vec<&String> = entries.keys().collect();
        if let Shape::Table(known) = shape {
            keys.sort_by_key(|key| known.iter().position(|k| k.name == key.as_str()));
        }
        let mut below = Vec::new();
        for key in keys {
            let node = &entries[key];
            let Some(shape) = shape.below(key) else {
                continue;
            };
            match &node.node.value {
                Value::Table(entries) if has_header(path, shape) => {
                    below.push((key, entries, shape));
                }
                _ => {
                    let value = self.value(key, &node.node, shape);
                    let _ = writeln!(out, "{} = {value}{}", name(key), self.origin(&node.node));
                }
            }
        }
        for (key, entries, shape) in below {
            let path = if path.is_empty() {
                name(key)
            } else {
                format!("{path}.{}", name(key))
            };
            if path != "services" {
                let _ = write!(out, "\n[{path}]\n");
            }
            self.table(out, &path, entries, shape);
        }
    }

    fn value(&self, key: &str, node: &Node, shape: &Shape) -> String {
        match &node.value {
            Value::Text(text) => {
                let argument = matches!(shape, Shape::Text(Text::Argument));
                let text = if self.masked(key, node, shape, text) {
                    MASK.to_owned()
                } else if argument {
                    text.clone()
                } else {
                    escape(text)
                };
                toml::Value::String(text).to_string()
            }
            Value::Integer(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::List(items) => {
                let item = match shape {
                    Shape::List { item, .. } => *item,
                    _ => shape,
                };
                let items: Vec<String> = items
                    .iter()
                    .map(|node| self.value(key, node, item))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(entries) => {
                let pairs: Vec<String> = entries
                    .iter()
                    .filter_map(|(key, entry)| {
                        let value = self.value(key, &entry.node, shape.below(key)?);
                        Some(format!("{} = {value}", name(key)))
                    })
                    .collect();
                if pairs.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {} }}", pairs.join(", "))
                }
            }
            Value::Other(_) | Value::Bad => unreachable!("a tree in error is not printed"),
        }
    }

    /// Free text of a secret's name that `stack.toml` does not spell out, or
    /// that a secret was filled into. Values of a form, as paths and names,
    /// are never masked: the file could not be read again.
    fn masked(&self, key: &str, node: &Node, shape: &Shape, text: &str) -> bool {
        let free = matches!(shape, Shape::Text(Text::Any | Text::Argument));
        let foreign = !node.filled.is_empty() || node.place.file != self.base.place.file;
        let secret = is_secret(key)
            || node.filled.iter().any(|name| is_secret(name))
            || holds_password(text);
        free && foreign && secret
    }

    /// A comment for a value that comes from elsewhere.
    fn origin(&self, node: &Node) -> String {
        if node.place.file == self.base.place.file {
            return String::new();
        }
        let path = &node.place.file.path;
        let file = path.file_name().unwrap_or(path.as_os_str());
        format!("  # {}", file.to_string_lossy())
    }
}

/// Tables of the file itself, of services and their modes have headers, and so
/// have those whose keys are the user's: each line can then say where it comes
/// from.
fn has_header(path: &str, shape: &Shape) -> bool {
    match shape {
        Shape::Map { .. } => true,
        Shape::Table(_) => matches!(path, "" | "services") || shape.below("swap").is_some(),
        _ => false,
    }
}

fn name(key: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
}

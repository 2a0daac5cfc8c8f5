//! Typed access to a checked table: what [`check`](crate::check) has let
//! through is of its shape, and what it has not reads as absent, because it
//! was told and its file is in error anyway.

use std::collections::BTreeMap;

use crate::diagnostic::Place;
use crate::shape::Shape;
use crate::tree::{Entries, Entry, Node, Value};

/// A table and the shape that it was held against.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    entries: &'a Entries,
    shape: &'a Shape,
}

impl Node {
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        match self.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn texts(&self) -> Vec<String> {
        let texts = self.items().iter().filter_map(Self::text);
        texts.map(str::to_owned).collect()
    }

    pub fn fields<'a>(&'a self, shape: &'a Shape) -> Option<Fields<'a>> {
        match &self.value {
            Value::Table(entries) => Some(Fields { entries, shape }),
            _ => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// What stands under a key, whatever it is.
    pub fn entry(self, key: &str) -> Option<&'a Entry> {
        debug_assert!(self.shape.below(key).is_some(), "no such key: {key}");
        self.entries.get(key)
    }

    pub fn node(self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub fn text(self, key: &str) -> Option<&'a str> {
        self.node(key)?.text()
    }

    /// What the word under a key stands for. The table has each word of the
    /// key's shape, in its order.
    pub fn word<T: Clone>(self, key: &str, table: &[(&str, T)]) -> Option<T> {
        debug_assert!(
            matches!(
                self.shape.below(key),
                Some(Shape::Choice { words, .. })
                    if words.iter().map(|it| it.0).eq(table.iter().map(|it| it.0))
            ),
            "other words than those of the key {key}"
        );
        let text = self.text(key)?;
        let mut entries = table.iter();
        entries.find_map(|(word, value)| (*word == text).then(|| value.clone()))
    }

    pub fn integer(self, key: &str) -> Option<i64> {
        self.node(key)?.integer()
    }

    pub fn bool(self, key: &str) -> Option<bool> {
        match self.node(key)?.value {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    pub fn items(self, key: &str) -> &'a [Node] {
        self.node(key).map_or(&[], Node::items)
    }

    pub fn texts(self, key: &str) -> Vec<String> {
        self.node(key).map_or_else(Vec::new, Node::texts)
    }

    /// The table under a key.
    pub fn fields(self, key: &str) -> Option<Self> {
        let shape = self.shape.below(key)?;
        self.node(key)?.fields(shape)
    }

    /// All entries, for a table whose keys are the user's.
    pub fn entries(self) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// A table of texts whose keys are the user's.
    pub fn text_map(self, key: &str) -> BTreeMap<String, String> {
        let entries = self.fields(key).into_iter().flat_map(Self::entries);
        entries
            .filter_map(|(name, entry)| Some((name.to_owned(), entry.node.text()?.to_owned())))
            .collect()
    }

    /// Where a key stands.
    pub fn place(self, key: &str) -> Option<Place> {
        self.entry(key).map(|entry| entry.key.clone())
    }
}

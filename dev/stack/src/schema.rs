//! The JSON schemas of `stack.toml` and `hob.toml`, for editors.
//!
//! Made from the same keys as the parser. Draft 7, which is
//! what TOML language servers read.

use serde_json::{Map, Value, json};

use crate::config::PROJECT;
use crate::keys::STACK;
use crate::shape::{Key, Names, Shape, Text};

/// The schema of `stack.toml`, for a `#:schema PATH` comment on its first line.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = titled(&STACK, "hob stack");
    schema.insert("required".into(), json!(["version", "services"]));
    Value::Object(schema)
}

/// The schema of `hob.toml`, for the same comment there.
#[must_use]
pub fn project_schema() -> Value {
    Value::Object(titled(&PROJECT, "hob project"))
}

fn titled(shape: &Shape, title: &str) -> Map<String, Value> {
    let mut schema = object(of(shape));
    schema.insert(
        "$schema".into(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("title".into(), json!(title));
    schema
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => unreachable!("a schema is an object, not {other}"),
    }
}

/// A string with `${…}` may stand for anything that is written as a string.
const FILLED: &str = "\\$\\{";

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({ "anyOf": [{ "type": "boolean" }, filled()] }),
        Shape::Text(text) => self::text(*text),
        Shape::List { item, empty } => {
            json!({ "type": "array", "items": of(item), "minItems": i32::from(!empty) })
        }
        Shape::Map { names, item } => json!({
            "type": "object",
            "propertyNames": self::names(*names),
            "additionalProperties": of(item),
        }),
        Shape::Table(keys) => table(keys),
        Shape::Choice {
            integer,
            words,
            keys,
        } => {
            let mut forms = Vec::new();
            if let Some((min, max)) = integer {
                forms.push(json!({ "type": "integer", "minimum": min, "maximum": max }));
            }
            forms.extend(
                words
                    .iter()
                    .map(|(word, about)| json!({ "const": word, "description": about })),
            );
            if !words.is_empty() || integer.is_some() {
                forms.push(filled());
            }
            if !keys.is_empty() {
                let mut table = object(table(keys));
                table.insert("minProperties".into(), json!(1));
                table.insert("maxProperties".into(), json!(1));
                forms.push(Value::Object(table));
            }
            json!({ "anyOf": forms })
        }
    }
}

fn filled() -> Value {
    json!({ "type": "string", "pattern": FILLED })
}

fn names(names: Names) -> Value {
    match names.taken() {
        Some(taken) => json!({ "pattern": names.regex(), "not": { "pattern": taken } }),
        None => json!({ "pattern": names.regex() }),
    }
}

fn text(text: Text) -> Value {
    match (text, text.regex()) {
        (Text::Variable, _) => {
            json!({ "type": "string", "anyOf": [names(Names::Variable), filled()] })
        }
        (Text::Full, _) => json!({ "type": "string", "minLength": 1 }),
        (_, None) => json!({ "type": "string" }),
        (_, Some(regex)) => json!({ "type": "string", "anyOf": [{ "pattern": regex }, filled()] }),
    }
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut schema = object(of(&key.shape));
            schema.insert("description".into(), json!(key.about));
            (key.name.to_owned(), Value::Object(schema))
        })
        .collect();
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| key.name == "paths")
        .map(|key| key.name)
        .collect();
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("additionalProperties".into(), json!(false));
    schema.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    Value::Object(schema)
}

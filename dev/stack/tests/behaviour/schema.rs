//! The JSON schema against the parser: what one refuses, so does the other.

use hob_stack::{Loaded, json_schema, project_schema};
use regex_automata::meta::Regex;
use serde_json::{Value, json};

use crate::full::{FULL, polykube};

/// Why a value is not of a schema; knows the words that our schema uses and
/// no other.
fn validate(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{at}: {why}"));
    for (word, rule) in schema.as_object().unwrap() {
        let number = rule.as_i64();
        let matches = |text: &str| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text);
        let ok = match word.as_str() {
            "$schema" | "title" | "description" | "properties" => true,
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                other => panic!("unknown type {other}"),
            },
            "const" => value == rule,
            "minimum" => value.as_i64() >= number,
            "maximum" => value.as_i64() <= number,
            "minLength" => value.as_str().unwrap_or("").len() as i64 >= number.unwrap(),
            "minItems" => value.as_array().map_or(0, Vec::len) as i64 >= number.unwrap(),
            "minProperties" => value.as_object().map_or(0, |o| o.len()) as i64 >= number.unwrap(),
            "maxProperties" => value.as_object().map_or(0, |o| o.len()) as i64 <= number.unwrap(),
            "pattern" => value.as_str().is_none_or(matches),
            "not" => validate(rule, value, at).is_err(),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "anyOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| validate(schema, value, at).is_ok()),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    validate(rule, item, at)?;
                }
                true
            }
            "propertyNames" => {
                for name in value.as_object().into_iter().flat_map(|o| o.keys()) {
                    validate(rule, &json!(name), &format!("{at}/{name}"))?;
                }
                true
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let at = format!("{at}/{name}");
                    match (schema.pointer(&format!("/properties/{name}")), rule) {
                        (Some(known), _) => validate(known, value, &at)?,
                        (None, Value::Bool(false)) => return Err(format!("{at}: unknown key")),
                        (None, schema) => validate(schema, value, &at)?,
                    }
                }
                true
            }
            other => panic!("unknown word {other}"),
        };
        if !ok {
            return fail(word);
        }
    }
    Ok(())
}

fn full() -> Value {
    let document: toml::Value = toml::from_str(FULL).unwrap();
    serde_json::to_value(document).unwrap()
}

#[test]
fn the_example_with_every_key_is_valid() {
    validate(&json_schema(), &full(), "").unwrap();
}

/// Every key that a schema knows, as `services/*/dev/swap`.
fn keys(schema: &Value, at: &str, into: &mut Vec<String>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}/{name}");
        assert!(
            below["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{at} is not described"
        );
        into.push(at.clone());
        keys(below, &at, into);
    }
    for below in schema["anyOf"].as_array().into_iter().flatten() {
        keys(below, at, into);
    }
    if schema["items"].is_object() {
        keys(&schema["items"], &format!("{at}/*"), into);
    }
    if schema["additionalProperties"].is_object() {
        keys(&schema["additionalProperties"], &format!("{at}/*"), into);
    }
}

/// Whether a document has a value at a path in which `*` is anything.
fn has(document: &Value, path: &str) -> bool {
    let Some((first, rest)) = path.split_once('/') else {
        return document.get(path).is_some();
    };
    match (first, document) {
        ("", _) => has(document, rest),
        ("*", Value::Object(table)) => table.values().any(|value| has(value, rest)),
        ("*", Value::Array(items)) => items.iter().any(|value| has(value, rest)),
        _ => document.get(first).is_some_and(|value| has(value, rest)),
    }
}

#[test]
fn the_example_has_every_key_of_the_schema() {
    let mut all = Vec::new();
    keys(&json_schema(), "", &mut all);
    assert!(all.len() > 55, "{}", all.len());
    let document = full();
    for key in all {
        assert!(has(&document, &key), "{key} is not in full.toml");
    }
}

/// The paths of all values of a document.
fn pointers(at: &str, value: &Value, into: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(table) => table.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(k, v)| (k.to_string(), v))
            .collect(),
        _ => Vec::new(),
    };
    for (key, value) in children {
        let at = format!("{at}/{key}");
        pointers(&at, value, into);
        into.push(at);
    }
}

/// Whether the parser finds fault with keys, types or single values.
fn refuses_the_shape(loaded: &Loaded) -> bool {
    loaded.diagnostics.iter().any(|diagnostic| {
        let empty = [
            "it names no program",
            "it cannot be empty",
            "without `paths`",
        ];
        diagnostic.message.starts_with("unknown key")
            || diagnostic.label.starts_with("expected ")
            || empty
                .iter()
                .any(|words| diagnostic.message.ends_with(words))
    })
}

#[test]
fn parser_and_schema_refuse_the_same_shapes() {
    let schema = json_schema();
    let document = full();
    let fixture = polykube(FULL);
    let mut all = Vec::new();
    pointers("", &document, &mut all);
    let (mut accepted, mut refused) = (0, 0);
    for pointer in all {
        let kinds = [
            json!(7),
            json!(true),
            json!(1.5),
            json!("zz"),
            json!([]),
            json!(["zz"]),
            json!({}),
            json!({ "zz": 1 }),
        ];
        for value in kinds {
            let mut changed = document.clone();
            *changed.pointer_mut(&pointer).unwrap() = value.clone();
            let text = toml::to_string(&changed).unwrap();
            fixture.write("stacks/polykube/stack.toml", text.as_bytes());
            let loaded = fixture.load();
            match validate(&schema, &changed, "") {
                Ok(()) => {
                    accepted += 1;
                    assert!(
                        !refuses_the_shape(&loaded),
                        "{pointer} = {value}: {:?}",
                        loaded.diagnostics
                    );
                }
                Err(why) => {
                    refused += 1;
                    assert!(loaded.has_errors(), "{pointer} = {value}: {why}");
                }
            }
        }
    }
    assert!(accepted > 50 && refused > 500, "{accepted} {refused}");
}

/// Holds texts in the place of one value against parser and schema.
#[track_caller]
fn texts(pointer: &str, texts: &[&str]) {
    let schema = json_schema();
    let fixture = polykube(FULL);
    for text in texts {
        let mut document = full();
        *document.pointer_mut(pointer).unwrap() = json!(text);
        let written = toml::to_string(&document).unwrap();
        fixture.write("stacks/polykube/stack.toml", written.as_bytes());
        let parser = !fixture.load().has_errors();
        let valid = validate(&schema, &document, "").is_ok();
        assert_eq!(parser, valid, "{pointer} = {text:?}");
    }
}

#[test]
fn parser_and_schema_agree_on_texts() {
    texts(
        "/services/goapi/limits/ready",
        &[
            "30s",
            "1h 2m3s  4 ms ",
            "",
            "s",
            "1",
            "1.5s",
            "1 d",
            "1min",
            "${X:-1s}",
            "1S",
            "1s,2s",
            "ms1",
        ],
    );
    texts(
        "/services/goapi/packages/mcs",
        &["mono-mcs", "g++", "a", "-a", "A1", "lib.x", "a b", ""],
    );
    texts(
        "/services/goapi/pass_env/0",
        &[
            "A", "_", "1A", "PORT", "PORTS", "HOST", "OUT", "HOB_X", "HOB", "A-B", "", "A B",
            "${X:-A}",
        ],
    );
    texts(
        "/services/goapi/ready/http",
        &["/", "/a?b=c", "", "a", "${X:-/}"],
    );
    texts("/services/goapi/volumes/data", &["/a", "a", "", "./a"]);
    texts(
        "/services/goapi/publish",
        &["auto", "Auto", "", "${X:-auto}", "${X:-7}"],
    );
    texts(
        "/services/goapi/dev/live_reload",
        &["true", "${X:-true}", ""],
    );
    texts("/services/goapi/source", &["goapi", ""]);
}

#[test]
fn parser_and_schema_agree_on_names() {
    let schema = json_schema();
    let (long, longer) = ("a".repeat(63), "a".repeat(64));
    for name in [
        "a", "a-b", "a1", "", "1a", "-a", "a-", "a_b", "aB", "ü", &long, &longer,
    ] {
        let text = format!("version = 1\n[services.{name:?}]\nrun = [\"x\"]");
        let fixture = polykube(&text);
        let document = json!({ "version": 1, "services": { name: { "run": ["x"] } } });
        let valid = validate(&schema, &document, "").is_ok();
        assert_eq!(!fixture.load().has_errors(), valid, "{name:?}");
    }
}

#[test]
fn every_setting_of_the_project_is_described_and_read() {
    let mut all = Vec::new();
    keys(&project_schema(), "", &mut all);
    let settings = "engine = \"docker\"\nport_offset = 1\npass_env = [\"A\"]\nbase = \"a:1\"\nmirrors = [\"https://a/debian\"]\ndomains = [\"shop.test\"]\ndocker = \"/a.sock\"\nagents_over = \"tcp\"\nagent = \"own\"\n";
    let document: toml::Value = toml::from_str(settings).unwrap();
    let document = serde_json::to_value(document).unwrap();
    validate(&project_schema(), &document, "").unwrap();
    assert_eq!(all.len(), document.as_object().unwrap().len(), "{all:?}");
    let config = |settings: &str| {
        let text = format!("== hob.toml\n{settings}\n== stacks/demo/");
        crate::project::project(&text).valid().config
    };
    let whole = config(settings);
    for (index, line) in settings.lines().enumerate() {
        let mut lines: Vec<&str> = settings.lines().collect();
        lines.remove(index);
        assert_ne!(
            config(&lines.join("\n")),
            whole,
            "nothing changes without {line}"
        );
    }
}

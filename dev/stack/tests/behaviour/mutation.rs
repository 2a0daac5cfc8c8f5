//! Whatever stands in the files, the outcome is a model or an error.

use proptest::prelude::*;

use crate::effective::effective;
use crate::full::{FULL, polykube};
use crate::project::{Fixture, told};

/// What has to hold for every input.
fn holds(fixture: &Fixture) {
    let loaded = fixture.load();
    let text = told(&loaded);
    assert_eq!(text.is_empty(), loaded.diagnostics.is_empty());
    serde_json::to_string(&loaded.diagnostics).unwrap();
    for diagnostic in &loaded.diagnostics {
        let related = diagnostic.related.iter().map(|(place, _)| place);
        for place in std::iter::once(&diagnostic.place).chain(related) {
            if let Some(span) = &place.span {
                assert!(
                    place.file.text.get(span.clone()).is_some(),
                    "{diagnostic:?}"
                );
            }
        }
    }
    let project = loaded.project.as_ref().unwrap();
    let there = project.stacks.contains_key("polykube");
    assert_ne!(there, loaded.has_errors(), "{text}");
    if !there {
        assert_eq!(loaded.failed, ["polykube"]);
        return;
    }
    // A valid stack can be asked anything.
    let ids = project.select(&[]).unwrap();
    let closure = project.closure(&ids);
    assert_eq!(closure.len(), ids.len());
    for (index, id) in closure.iter().enumerate() {
        let service = project.service(id).unwrap();
        let below = service.needs.iter().chain(&service.wants);
        assert!(below.into_iter().all(|id| closure[..index].contains(id)));
    }
    // And its effective file says the same again.
    let written = effective(fixture, "polykube").unwrap();
    fixture.write("stacks/polykube/stack.toml", written.as_bytes());
    let again = fixture.load();
    assert!(!again.has_errors(), "{}\n{written}", told(&again));
    let model = &again.project.as_ref().unwrap().stacks;
    assert!(
        written.contains("***") || *model == project.stacks,
        "{written}"
    );
}

/// A place in a text and what is done there.
#[derive(Debug, Clone)]
enum Edit {
    Delete(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
    Copy(prop::sample::Index, usize, prop::sample::Index),
    DropLine(prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("${".to_owned()),
        Just("}".to_owned()),
        Just("]".to_owned()),
        Just("\n[services.".to_owned()),
        Just("東".to_owned()),
        Just("a.b.c = 1\n".to_owned()),
        "\\PC{0,4}",
        any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        (any::<prop::sample::Index>(), 1..20usize).prop_map(|(at, n)| Edit::Delete(at, n)),
        (any::<prop::sample::Index>(), piece).prop_map(|(at, text)| Edit::Insert(at, text)),
        (
            any::<prop::sample::Index>(),
            1..60usize,
            any::<prop::sample::Index>()
        )
            .prop_map(|(from, n, to)| Edit::Copy(from, n, to)),
        any::<prop::sample::Index>().prop_map(Edit::DropLine),
    ]
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let len = chars.len() + 1;
        match edit {
            Edit::Delete(at, n) => {
                let at = at.index(len);
                chars.drain(at..(at + n).min(len - 1));
            }
            Edit::Insert(at, text) => {
                let at = at.index(len);
                chars.splice(at..at, text.chars());
            }
            Edit::Copy(from, n, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let part = chars[from..(from + n).min(len - 1)].to_vec();
                chars.splice(to..to, part);
            }
            Edit::DropLine(at) => {
                let text: String = chars.iter().collect();
                let mut lines: Vec<&str> = text.lines().collect();
                if !lines.is_empty() {
                    lines.remove(at.index(lines.len()));
                }
                chars = lines.join("\n").chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_model_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let fixture = polykube("");
        fixture.write("stacks/polykube/stack.toml", &bytes);
        holds(&fixture);
    }

    #[test]
    fn a_changed_valid_file_is_a_model_or_an_error(edits in prop::collection::vec(edit(), 0..4)) {
        holds(&polykube(&apply(FULL, &edits)));
    }

    #[test]
    fn a_changed_local_file_is_a_model_or_an_error(edits in prop::collection::vec(edit(), 0..4)) {
        let fixture = polykube(FULL);
        fixture.write("stacks/polykube/stack.local.toml", apply(FULL, &edits).as_bytes());
        let loaded = fixture.load();
        told(&loaded);
        assert_ne!(loaded.has_errors(), loaded.project.unwrap().stacks.contains_key("polykube"));
    }

    #[test]
    fn any_env_file_is_read_or_an_error(text in "([A-Z]{1,2}|\"|'|=|\n| |\\\\|#|\\$|東){0,30}") {
        let fixture = polykube(FULL);
        fixture.write("stacks/polykube/.env", text.as_bytes());
        holds(&fixture);
    }
}

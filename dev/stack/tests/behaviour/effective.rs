//! The file after `stack.local.toml` and `.env`.

#![expect(clippy::disallowed_methods, reason = "tests make files")]

use hob_stack::{Project, StackName};
use snapbox::str;

use crate::full::{FULL, polykube};
use crate::project::{Fixture, project};

pub fn effective(fixture: &Fixture, stack: &str) -> Option<String> {
    let stack: StackName = stack.parse().unwrap();
    fixture.load().effective(&stack)
}

/// Puts the effective file in the place of all that it was made from, and
/// gives the project before and after.
pub fn again(fixture: &Fixture, stack: &str) -> (Project, Project) {
    let before = fixture.valid();
    let text = effective(fixture, stack).unwrap();
    for file in ["stack.local.toml", ".env"] {
        let _ = std::fs::remove_file(fixture.root().join("stacks").join(stack).join(file));
    }
    fixture.write(&format!("stacks/{stack}/stack.toml"), text.as_bytes());
    (before, fixture.valid())
}

const MASKED: &str = "\
== stacks/demo/stack.toml
version = 1
[services.b]
run = [\"x\"]
[services.a]
run = [\"x\", \"-t=${API_TOKEN}\", \"$OUT\", \"$$5\"]
port = 80
env = { DB_PASSWORD = \"${DB_PASSWORD}\", LITERAL_KEY = \"in git\", URL = \"${URL}\", X = \"${DB_PASSWORD}\", OPEN = \"${TAG} $${HOME} $$$$\", \"a.b\" = \"\\\"\\n\" }
secrets = { S = { env = \"API_TOKEN\" } }
needs = [\"b\"]
== stacks/demo/stack.local.toml
[services.a]
publish = 8080
env = { LOCAL_TOKEN = \"hunter3\", PLAIN = \"1\" }
[services.a.dev]
swap = \"exclusive\"
== stacks/demo/.env
API_TOKEN=hunter4
URL=postgres://me:hunter5@127.0.0.1/db
";

#[test]
fn secrets_are_masked_and_the_local_files_words_are_marked() {
    let text = effective(&project(MASKED), "demo").unwrap();
    assert!(!text.contains("hunter"), "{text}");
    snapbox::assert_data_eq!(
        text,
        str![[r#"
version = 1

[services.a]
port = 80
publish = 8080  # stack.local.toml
needs = ["b"]
run = ["x", "***", "$OUT", "$$5"]

[services.a.env]
DB_PASSWORD = "***"
LITERAL_KEY = "in git"
LOCAL_TOKEN = "***"  # stack.local.toml
OPEN = "v1 $${HOME} $$$"
PLAIN = "1"  # stack.local.toml
URL = "***"
X = "***"
"a.b" = """
"
"""

[services.a.secrets]
S = { env = "API_TOKEN" }

[services.a.dev]
swap = "exclusive"  # stack.local.toml

[services.b]
run = ["x"]

"#]]
    );
}

#[test]
fn a_masked_file_still_stands_for_a_stack() {
    let (before, after) = again(&project(MASKED), "demo");
    assert_ne!(before, after);
    let names = |project: &Project| project.services().map(|s| s.id.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
}

#[test]
fn without_secrets_the_effective_file_gives_the_same_model() {
    let (before, after) = again(&polykube(FULL), "polykube");
    assert_eq!(before, after);
    let fixture = project(
        "== stacks/demo/stack.toml\nversion = 1\n[services.a]\nrun = [\"x\"]\n== stacks/demo/stack.local.toml\n[services.a]\nrun = [\"${X}\", \"$$\"]\nenv = { A = \"${X}\" }\n== stacks/demo/.env\nX=$${a}$OUT$\n",
    );
    let (before, after) = again(&fixture, "demo");
    assert_eq!(before, after);
}

#[test]
fn a_stack_in_error_has_no_effective_file() {
    assert_eq!(effective(&project("version = 1"), "demo"), None);
}

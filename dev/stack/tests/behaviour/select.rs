//! What names on the command line mean.

use snapbox::str;

use crate::project::project;

const TWO: &str = "\
== stacks/polykube/stack.toml
version = 1
[services.goapi]
run = [\"x\"]
[services.static]
run = [\"x\"]
== stacks/visits/stack.toml
version = 1
[services.static]
run = [\"x\"]
[services.visits]
run = [\"x\"]
== stacks/solo/stack.toml
version = 1
[services.solo]
run = [\"x\"]
";

#[track_caller]
fn check(files: &str, names: &[&str], expected: impl snapbox::IntoData) {
    let project = project(files).valid();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let text = match project.select(&names) {
        Ok(ids) => ids.iter().map(|id| format!("{id}\n")).collect(),
        Err(error) => format!("error: {error}\nhelp: {}\n", error.hints().join(", ")),
    };
    snapbox::assert_data_eq!(text, expected);
}

#[test]
fn a_service_a_stack_and_a_path_are_names() {
    check(
        TWO,
        &["goapi"],
        str![[r#"
polykube/goapi

"#]],
    );
    check(
        TWO,
        &["polykube"],
        str![[r#"
polykube/goapi
polykube/static

"#]],
    );
    check(
        TWO,
        &["visits/static"],
        str![[r#"
visits/static

"#]],
    );
    check(
        TWO,
        &["visits/"],
        str![[r#"
visits/static
visits/visits

"#]],
    );
}

#[test]
fn several_names_are_one_set() {
    check(
        TWO,
        &["visits/static", "goapi", "polykube/goapi"],
        str![[r#"
polykube/goapi
visits/static

"#]],
    );
}

#[test]
fn a_name_in_two_stacks_asks_for_the_stack() {
    check(
        TWO,
        &["static"],
        str![[r#"
error: `static` can mean `polykube/static` or `visits/static`
help: write `polykube/static` or `visits/static`

"#]],
    );
}

#[test]
fn a_stack_and_a_service_of_one_name_are_ambiguous_unless_they_are_the_same() {
    check(
        TWO,
        &["visits"],
        str![[r#"
error: `visits` can mean `visits/` or `visits/visits`
help: write `visits/` or `visits/visits`

"#]],
    );
    check(
        TWO,
        &["solo"],
        str![[r#"
solo/solo

"#]],
    );
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    check(
        TWO,
        &["gopai"],
        str![[r#"
error: no stack or service is called `gopai`
help: did you mean `goapi`?

"#]],
    );
    check(
        TWO,
        &["polykube/statik"],
        str![[r#"
error: no stack or service is called `polykube/statik`
help: did you mean `polykube/static`?

"#]],
    );
    check(
        TWO,
        &["polykub/"],
        str![[r#"
error: no stack or service is called `polykub/`
help: did you mean `polykube`?

"#]],
    );
    check(
        TWO,
        &["postgres"],
        str![[r#"
error: no stack or service is called `postgres`
help: `hob check` lists what is there

"#]],
    );
    check(
        TWO,
        &[""],
        str![[r#"
error: no stack or service is called ``
help: `hob check` lists what is there

"#]],
    );
    check(
        TWO,
        &["/"],
        str![[r#"
error: no stack or service is called `/`
help: `hob check` lists what is there

"#]],
    );
}

#[test]
fn no_name_means_the_only_stack() {
    check(
        TWO,
        &[],
        str![[r#"
error: which stack? there are `polykube`, `solo`, `visits`
help: name one, as in `polykube`

"#]],
    );
    check(
        "version = 1\n[services.a]\nrun = [\"x\"]\n[services.b]\nrun = [\"x\"]",
        &[],
        str![[r#"
demo/a
demo/b

"#]],
    );
    check(
        "== stacks/empty/",
        &[],
        str![[r#"
error: the project has no stack that can be used
help: create `stacks/NAME/stack.toml`

"#]],
    );
}

//! Needs, wants, cycles and the order of starting.

use snapbox::str;

use crate::project::{check, project};

fn services(needs: &[(&str, &str)]) -> String {
    let tables: Vec<String> = needs
        .iter()
        .map(|(name, rest)| format!("[services.{name}]\nrun = [\"x\"]\n{rest}\n"))
        .collect();
    format!("version = 1\n{}", tables.concat())
}

#[test]
fn needs_name_services_of_the_stack_once() {
    check(
        &services(&[
            (
                "goapi",
                "needs = [\"vnextap\", \"postgres\", \"other/x\"]\nwants = [\"stattic\"]",
            ),
            (
                "vnextapi",
                "needs = [\"static\", \"static\"]\nwants = [\"static\"]",
            ),
            ("static", ""),
        ]),
        str![[r#"
error: `needs` names `vnextap`, which is no service of this stack
 --> stacks/demo/stack.toml:4:10
  |
4 | needs = ["vnextap", "postgres", "other/x"]
  |          ^^^^^^^^^
  |
  = help: did you mean `vnextapi`?

error: `needs` names `postgres`, which is no service of this stack
 --> stacks/demo/stack.toml:4:21
  |
4 | needs = ["vnextap", "postgres", "other/x"]
  |                     ^^^^^^^^^^
  |
  = help: services of this stack: `goapi`, `static`, `vnextapi`

error: `needs`: `other/x` holds a `/`
 --> stacks/demo/stack.toml:4:33
  |
4 | needs = ["vnextap", "postgres", "other/x"]
  |                                 ^^^^^^^^^
  |
  = help: write the service's name alone: only services of one stack wait for each other

error: `wants` names `stattic`, which is no service of this stack
 --> stacks/demo/stack.toml:5:10
  |
5 | wants = ["stattic"]
  |          ^^^^^^^^^
  |
  = help: did you mean `static`?

warning: `needs` names `static` twice
 --> stacks/demo/stack.toml:8:20
  |
8 | needs = ["static", "static"]
  |                    ^^^^^^^^

warning: `static` is needed already; `wants` adds nothing
 --> stacks/demo/stack.toml:9:1
  |
9 | wants = ["static"]
  | ^^^^^

"#]],
    );
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    check(
        &services(&[
            ("a", "needs = [\"b\"]"),
            ("b", "wants = [\"c\"]"),
            ("c", "needs = [\"d\", \"a\"]"),
            ("d", ""),
        ]),
        str![[r#"
error: services wait for each other: `a` → `b` → `c` → `a`
  --> stacks/demo/stack.toml:10:15
   |
 4 | needs = ["b"]
   |          --- `a` waits for `b`
...
 7 | wants = ["c"]
   |          --- `b` waits for `c`
...
10 | needs = ["d", "a"]
   |               ^^^ `c` waits for `a`
   |
   = help: take one of these names out: a service finds its peer when it asks, not at its start

"#]],
    );
}

#[test]
fn a_service_that_needs_itself_is_a_cycle() {
    check(
        &services(&[("a", "needs = [\"a\"]")]),
        str![[r#"
error: `a` waits for itself
 --> stacks/demo/stack.toml:4:10
  |
4 | needs = ["a"]
  |          ^^^ `a` waits for `a`
  |
  = help: take one of these names out: a service finds its peer when it asks, not at its start

"#]],
    );
}

#[test]
fn separate_cycles_are_told_separately() {
    check(
        &services(&[
            ("a", "needs = [\"b\"]"),
            ("b", "needs = [\"a\"]"),
            ("c", "needs = [\"a\", \"d\"]"),
            ("d", "wants = [\"c\"]"),
        ]),
        str![[r#"
error: services wait for each other: `a` → `b` → `a`
 --> stacks/demo/stack.toml:7:10
  |
4 | needs = ["b"]
  |          --- `a` waits for `b`
...
7 | needs = ["a"]
  |          ^^^ `b` waits for `a`
  |
  = help: take one of these names out: a service finds its peer when it asks, not at its start

error: services wait for each other: `c` → `d` → `c`
  --> stacks/demo/stack.toml:13:10
   |
10 | needs = ["a", "d"]
   |               --- `c` waits for `d`
...
13 | wants = ["c"]
   |          ^^^ `d` waits for `c`
   |
   = help: take one of these names out: a service finds its peer when it asks, not at its start

"#]],
    );
}

#[test]
fn services_that_all_wait_for_each_other_are_told_once() {
    let loaded = project(&services(&[
        ("a", "needs = [\"b\"]"),
        ("b", "needs = [\"a\", \"c\"]"),
        ("c", "needs = [\"a\", \"b\"]"),
    ]))
    .load();
    assert_eq!(loaded.diagnostics.len(), 1, "{:?}", loaded.diagnostics);
}

#[test]
fn a_diamond_is_no_cycle() {
    check(
        &services(&[
            ("a", "needs = [\"b\", \"c\"]"),
            ("b", "needs = [\"d\"]"),
            ("c", "needs = [\"d\"]"),
            ("d", ""),
        ]),
        str![],
    );
}

#[track_caller]
fn order(needs: &[(&str, &str)], start: &[&str], expected: &str) {
    let project = project(&services(needs)).valid();
    let ids: Vec<_> = start
        .iter()
        .map(|name| format!("demo/{name}").parse().unwrap())
        .collect();
    let mut turned = ids.clone();
    turned.reverse();
    assert_eq!(project.closure(&ids), project.closure(&turned));
    let order: Vec<String> = project
        .closure(&ids)
        .iter()
        .map(|id| id.service.to_string())
        .collect();
    assert_eq!(order.join(" "), expected);
}

#[test]
fn a_closure_holds_what_is_needed_and_wanted_before_what_needs_it() {
    let needs = &[
        ("a", "needs = [\"c\", \"b\"]"),
        ("b", "wants = [\"d\"]"),
        ("c", "needs = [\"d\"]"),
        ("d", ""),
        ("e", "needs = [\"a\"]"),
    ];
    order(needs, &["a"], "d c b a");
    order(needs, &["b"], "d b");
    order(needs, &["d", "b"], "d b");
    order(needs, &["e"], "d c b a e");
    order(needs, &["c", "b"], "d b c");
    order(needs, &[], "");
}

#[test]
fn a_long_chain_needs_no_deep_stack() {
    let names: Vec<String> = (0..5000).map(|n| format!("s{n}")).collect();
    let needs: Vec<String> = (0..5000)
        .map(|n| {
            if n == 0 {
                String::new()
            } else {
                format!("needs = [\"s{}\"]", n - 1)
            }
        })
        .collect();
    let all: Vec<(&str, &str)> = names
        .iter()
        .zip(&needs)
        .map(|(name, needs)| (name.as_str(), needs.as_str()))
        .collect();
    let project = project(&services(&all)).valid();
    let closure = project.closure(&["demo/s4999".parse().unwrap()]);
    assert_eq!(closure.len(), 5000);
    assert_eq!(closure[0].to_string(), "demo/s0");
}

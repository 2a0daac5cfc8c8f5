//! What is looked at before anything is done, and the exit codes of it.

use hob_e2e::{Service, World, stack};
use snapbox::{assert_data_eq, str};

use crate::{Web, web};

#[test]
fn check_says_what_it_checked() {
    let Web { world, .. } = web();
    let said = world.hob(["check"]).good().err;
    assert_eq!(said, "1 service in 1 stack, no mistakes\n");
    let said = world.hob(["check", "demo"]).good().err;
    assert_eq!(said, "1 service in 1 stack, no mistakes\n");
    let empty = World::new().hob(["check"]).code(2);
    assert_data_eq!(
        empty.err,
        str![[r#"
error: there is no stack to check
hint: create `stacks/NAME/stack.toml`; `hob schema` says what it may hold

"#]]
    );
}

#[test]
fn doctor_ends_with_the_mistakes_of_the_stack_files() {
    let Web { world, .. } = web();
    world.write("stacks/bad/stack.toml", "version = 1\nno-such-key = 1\n");
    let doctor = world.hob(["doctor"]).code(2);
    let last = doctor.err.lines().last();
    assert_eq!(last, Some("the stack files have 2 mistakes: `hob check`"));
    // All that can be looked at is looked at before.
    assert!(doctor.out.contains("linux"), "{doctor:?}");
    let setup = world.hob(["setup"]);
    assert!(!setup.err.contains("nothing that is needed"), "{setup:?}");
    assert_ne!(setup.code, 0, "{setup:?}");
}

#[test]
fn a_port_offset_that_is_too_high_is_a_mistake_of_usage() {
    let Web { world, port } = web();
    for verb in ["up", "plan", "dev"] {
        let run = world.hob([verb, "--port-offset", "60000"]).code(2);
        let highest = 65535 - port;
        let said = format!("`--port-offset {highest}` is the highest");
        assert!(run.err.contains(&said), "{verb}: {run:?}");
    }
    assert_eq!(world.marked(), []);
}

#[test]
fn yes_is_an_answer_to_all_alone() {
    let Web { world, .. } = web();
    let down = world.hob(["down", "--yes"]).code(2);
    assert!(down.err.contains("--all"), "{down:?}");
}

#[test]
fn the_kept_log_of_a_service_that_no_file_names_any_more_is_shown() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    world.hob(["down"]).good();
    world.stack("demo", &stack(&[Service::new("other", port)]));
    world.page("demo/other", "other\n");
    for name in ["web", "demo/web"] {
        let logs = world.hob(["logs", name]).good();
        assert!(logs.out.contains("serving one"), "{logs:?}");
    }
    world.hob(["logs", "never"]).code(2);
}

#[test]
fn run_names_who_keeps_a_service_that_is_up() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let run = world.hob(["run", "web"]).code(1);
    assert!(run.err.contains("demo/web is up already"), "{run:?}");
    assert!(run.err.contains("`hob down demo/web`"), "{run:?}");
}

#[test]
fn a_number_that_cannot_be_is_answered_with_those_that_can() {
    let Web { world, .. } = web();
    let port = "a port is a number from 1 to 65535";
    let cases: [(&[&str], &str); 7] = [
        (&["up", "--port-offset", "-5"], "a number from 0 to 65535"),
        (&["logs", "--tail", "-1"], "a whole number says how many"),
        (
            &["registry", "gc", "--keep", "all"],
            "a whole number says how many",
        ),
        (&["registry", "up", "--port", "99999"], port),
        (&["ingress", "up", "--https-port", "-1"], port),
        (&["dns", "up", "--port", "x"], port),
        (
            &["roll", "web", "--weights", "50,100"],
            "a number from 1 to 99",
        ),
    ];
    for (words, said) in cases {
        let run = world.hob(words).code(2);
        assert!(run.err.contains(said), "{run:?}");
    }
}

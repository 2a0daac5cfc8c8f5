//! How everything is said: to a terminal, a pipe, a program, and to whoever
//! mistypes.

use std::process::Stdio;

use hob_e2e::World;
use snapbox::{assert_data_eq, str};

use crate::{Web, web};

#[test]
fn commands_are_said_as_whoever_started_it_by_cargo_would_type_them() {
    let Web { mut world, .. } = web();
    // Writes what the registry would be of.
    world.hob(["ingress", "down"]).good();
    // As cargo tells a program that it runs.
    world.set("CARGO_PKG_NAME", "xtask");
    let doctor = world.hob(["doctor"]);
    assert!(
        doctor.out.contains("`cargo xtask registry up`"),
        "{doctor:?}"
    );
    let help = world.hob(["roll", "-h"]).good();
    for run in [&doctor, &help] {
        assert!(!run.out.contains("`hob "), "{run:?}");
    }
    world.unset("CARGO_PKG_NAME");
    let doctor = world.hob(["doctor"]);
    assert!(doctor.out.contains("`hob registry up`"), "{doctor:?}");
}

#[test]
fn a_pipe_gets_plain_lines_and_so_does_a_terminal_with_no_color() {
    let Web { mut world, .. } = web();
    for args in [
        &["up"][..],
        &["status"],
        &["logs"],
        &["plan"],
        &["--help"],
        &["up", "nobody"],
    ] {
        let run = world.hob(args);
        assert!(
            !run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'),
            "{run:?}"
        );
    }
    let mut coloured = world.terminal(["status"]);
    assert_eq!(coloured.end(), 0);
    coloured.wait("ready");
    assert!(
        coloured.shown().contains("\u{1b}[32mready"),
        "{:?}",
        coloured.shown()
    );
    world.set("NO_COLOR", "1");
    let mut plain = world.terminal(["status"]);
    assert_eq!(plain.end(), 0);
    plain.wait("ready");
    assert!(!plain.shown().contains('\u{1b}'), "{:?}", plain.shown());
}

#[test]
fn json_is_one_versioned_object_a_line_and_nothing_else() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    world.page("demo/web", "two\nlines 5\n");
    world.hob(["wait", "web"]).good();
    session.stop();
    let lines = session.out();
    assert!(lines.lines().count() > 10, "{lines}");
    let mut outputs = vec![lines];
    let verbs = [
        &["plan"][..],
        &["check"],
        &["up"],
        &["status"],
        &["logs"],
        &["wait", "web"],
    ];
    for args in verbs {
        let run = world.hob([args, &["--json"]].concat()).good();
        assert_ne!(run.out, "", "{args:?} says nothing");
        outputs.push(run.out);
    }
    for line in outputs.iter().flat_map(|it| it.lines()) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["protocol"], hob_e2e::PROTOCOL, "{line}");
    }
}

#[test]
fn quiet_says_nothing_but_mistakes() {
    let Web { world, .. } = web();
    let up = world.hob(["up", "--quiet"]).good();
    assert_eq!((up.out.as_str(), up.err.as_str()), ("", ""));
    let again = world.hob(["up", "--quiet", "nobody"]).code(2);
    assert!(again.err.contains("nobody"), "{again:?}");
}

#[test]
fn a_reader_that_goes_away_ends_logs_without_words() {
    let Web { world, .. } = web();
    world.page("demo/web", "one\nlines 3000\n");
    world.hob(["up"]).good();
    let mut command = world.command(["logs"]);
    let mut logs = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(logs.stdout.take());
    let output = logs.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_mistyped_verb_or_service_is_answered_with_the_nearest_one() {
    let Web { world, .. } = web();
    let verb = world.hob(["statsu"]).code(2);
    assert!(verb.err.contains("'status'"), "{verb:?}");
    let service = world.hob(["up", "wbe"]).code(2);
    assert_data_eq!(
        service.err,
        str![[r#"
error: no stack or service is called `wbe`
hint: did you mean `web`?

"#]]
    );
}

#[test]
fn help_names_every_verb() {
    let world = World::new();
    let help = world.hob(["--help"]).good().out;
    for verb in [
        "dev",
        "up",
        "down",
        "status",
        "logs",
        "build",
        "run",
        "restart",
        "sh",
        "exec",
        "wait",
        "plan",
        "check",
        "schema",
        "doctor",
        "setup",
        "completions",
        "bench",
        "test",
    ] {
        let shown = help
            .lines()
            .any(|line| line.split_whitespace().next() == Some(verb));
        assert!(shown, "{verb} is not in {help}");
        world.hob([verb, "--help"]).good();
    }
}

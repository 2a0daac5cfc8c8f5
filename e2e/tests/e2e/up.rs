//! `hob up`: the production form, looked after from other processes.

use hob_e2e::{Service, World, http, processes, stack, until};

use crate::{Web, web, web_of};

#[test]
fn up_returns_and_the_process_owns_its_port_without_a_front() {
    let Web { world, port } = web();
    let up = world.hob(["up"]).good();
    let words = world.words(&up.err);
    snapbox::assert_data_eq!(
        words,
        snapbox::str![[r#"
✓ demo/web is ready after [TIME]
demo/web answers on http://127.0.0.1:[PORT1]

"#]]
    );
    let answer = http::get(port, "/").unwrap();
    assert_eq!((answer.body.as_str(), answer.generation()), ("one", None));
    world.hob(["down"]).good();
    assert!(http::get(port, "/").is_err());
    world.assert_nothing_left();
}

#[test]
fn status_logs_restart_and_down_work_from_another_process() {
    let Web { world, port } = web();
    world.page("demo/web", "one\nsay hello from the start\n");
    world.hob(["up"]).good();
    let status = world.hob(["status"]).good();
    snapbox::assert_data_eq!(
        squeezed(&world.words(&status.out)),
        snapbox::str![[r#"
SERVICE STATE WHERE SAVE SINCE CPU MEMORY
demo/web ready (run) http://127.0.0.1:[PORT1] 1 [TIME] [CPU] [MEMORY]

"#]]
    );
    let logs = world.hob(["logs"]).good();
    snapbox::assert_data_eq!(
        world.words(&logs.out),
        snapbox::str![[r#"
[CLOCK] web | hello from the start
[CLOCK] web | serving one
[CLOCK] web · save 1 serves

"#]]
    );
    let before = world.serving("web").unwrap();
    world.hob(["restart", "web"]).good();
    let after = world.serving("web").unwrap();
    assert_ne!(before, after);
    assert!(!processes::is_alive(before));
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.hob(["down", "--prove"]).good();
    let status = world.hob(["status"]).good();
    assert!(status.out.contains("demo/web  down"), "{status:?}");
    let restart = world.hob(["restart"]).code(1);
    assert!(restart.err.contains("`hob up demo/web`"), "{restart:?}");
}

#[test]
fn a_second_up_does_nothing() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let before = world.marked();
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    assert_eq!(world.marked(), before);
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert_eq!(plan.out, "");
    assert!(plan.err.contains("there is nothing to do"), "{plan:?}");
}

#[test]
fn a_changed_environment_reaches_a_new_process_of_the_same_agent() {
    let mut world = World::new();
    let port = world.port();
    let stack_with = |value: &str| {
        stack(&[Service::new("web", port).with(&format!("env = {{ COLOUR = \"{value}\" }}"))])
    };
    world.stack("demo", &stack_with("red"));
    world.page("demo/web", "one\n");
    world.hob(["up"]).good();
    let agent = world.agent("demo/web").unwrap();
    assert!(
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("COLOUR=red\n")
    );
    world.stack("demo", &stack_with("blue"));
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert!(plan.out.contains("configure"), "{plan:?}");
    world.hob(["up"]).good();
    assert!(
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("COLOUR=blue\n")
    );
    assert_eq!(world.agent("demo/web"), Some(agent));
}

#[test]
fn changed_sources_are_built_by_the_next_up() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    world.page("demo/web", "two\n");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    world.page("demo/web", "BROKEN\n");
    let broken = world.hob(["up"]).code(3);
    assert!(
        broken.err.contains("page.txt:1: syntax error near BROKEN"),
        "{broken:?}"
    );
    assert_eq!(http::get(port, "/").unwrap().body, "two");
}

#[test]
fn a_first_up_that_does_not_build_says_why_and_a_mend_goes_on() {
    let Web { world, port } = web();
    world.page("demo/web", "BROKEN\n");
    let up = world.hob(["up"]).code(3);
    assert!(
        up.err.contains("page.txt:1: syntax error near BROKEN"),
        "{up:?}"
    );
    world.page("demo/web", "good\n");
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "good");
}

#[test]
fn dev_takes_over_what_up_brought_up_and_up_takes_it_back() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let mut session = world.dev_ready(&["--keep"]);
    assert_eq!(http::get(port, "/").unwrap().generation(), Some(1));
    session.stop();
    world.hob(["up"]).good();
    let answer = http::get(port, "/").unwrap();
    assert_eq!((answer.body.as_str(), answer.generation()), ("one", None));
    assert!(world.hob(["status"]).good().out.contains("(run)"));
}

#[test]
fn ctrl_c_during_up_leaves_what_can_be_taken_down() {
    let Web { world, .. } = web_of(|it| it.instead("build = [\"sleep\", \"1000\"]"));
    let mut up = world.background(["up"]);
    until("the build", || {
        world.marked().iter().any(|it| it.command == "sleep 1000")
    });
    assert_eq!(up.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn volumes_are_kept_until_their_removal_is_asked_for() {
    let Web { world, .. } = web_of(|it| it.with("volumes = { data = \"/var/lib/data\" }"));
    let inside = |script: &str| world.hob(["exec", "web", "sh", "-c", script]);
    world.hob(["up"]).good();
    inside("echo kept > $VOLUME_DATA/kept.txt").good();
    world.hob(["down", "--prove"]).good();
    world.hob(["up"]).good();
    assert_eq!(inside("cat $VOLUME_DATA/kept.txt").good().out, "kept\n");
    world.hob(["down", "--volumes", "--prove"]).good();
    world.assert_gone(true);
    world.hob(["up"]).good();
    assert_eq!(inside("ls $VOLUME_DATA").good().out, "");
}

#[test]
fn down_of_one_service_leaves_the_others() {
    let mut world = World::new();
    let (a, b) = (world.port(), world.port());
    world.stack(
        "demo",
        &stack(&[Service::new("a", a), Service::new("b", b)]),
    );
    world.page("demo/a", "a\n");
    world.page("demo/b", "b\n");
    world.hob(["up"]).good();
    world.hob(["down", "a"]).good();
    assert!(http::get(a, "/").is_err());
    assert_eq!(http::get(b, "/").unwrap().body, "b");
}

#[test]
fn down_works_when_the_stack_file_is_in_error_and_when_it_is_gone() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    world.stack("demo", "version = \n");
    world.hob(["down"]).good();
    assert!(http::get(port, "/").is_err());
    let Web { world, port } = web();
    world.hob(["up"]).good();
    std::fs::remove_file(world.root().join("stacks/demo/stack.toml")).unwrap();
    world.hob(["down", "--prove"]).good();
    assert!(http::get(port, "/").is_err());
}

/// One blank for many: the columns are as wide as the port has digits.
fn squeezed(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

#[test]
fn the_log_of_the_last_run_is_kept_until_the_next_one() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let down = world.hob(["down", "--prove"]).good();
    for said in ["nothing is left", "kept: the last log of demo/web"] {
        assert!(down.err.contains(said), "{down:?}");
    }
    let logs = world.hob(["logs"]).good();
    assert!(logs.out.contains("serving one"), "{logs:?}");
    assert_eq!(logs.err, "demo/web is not up; this is its last run's log\n");
    // It is no reason to be shown, and none to take anything down.
    assert_eq!(world.hob(["down"]).good().err, "nothing is up\n");
    world.page("demo/web", "two\n");
    world.hob(["up"]).good();
    let logs = world.hob(["logs"]).good();
    assert!(logs.out.contains("serving two"), "{logs:?}");
    assert!(!logs.out.contains("serving one"), "{logs:?}");
    assert_eq!(logs.err, "");
    world.hob(["down"]).good();
    let logs = world.hob(["logs"]).good();
    assert!(!logs.out.contains("serving one"), "{logs:?}");
    let down = world.hob(["down", "--volumes", "--prove"]).good();
    assert!(!down.err.contains("kept"), "{down:?}");
    let logs = world.hob(["logs"]).good();
    assert_eq!(
        (logs.out.as_str(), logs.err.as_str()),
        ("", "there is no log of it yet\n")
    );
    assert!(!world.state().join("hob").exists());
}

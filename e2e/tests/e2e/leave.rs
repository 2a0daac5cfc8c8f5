//! The ways to leave a dev session, and its keys.

use hob_e2e::{World, http, processes, until};

use crate::{Web, web, web_of};

#[test]
fn a_second_ctrl_c_ends_a_service_that_ignores_term_at_once() {
    let Web { world, port } = web_of(|it| it.with("limits = { grace = \"10m\", drain = \"10m\" }"));
    world.page("demo/web", "one\nignore-term\n");
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    session.interrupt();
    session.wait("stopping; once more to stop at once");
    // It is told to go and does not.
    until("the end of the answers", || http::get(port, "/").is_err());
    assert!(!world.marked().is_empty());
    session.interrupt();
    assert_eq!(session.end(), 130);
    assert_eq!(world.marked(), []);
    world.assert_nothing_left();
}

#[test]
fn ctrl_c_during_the_first_build_ends_the_build() {
    let Web { world, .. } = web_of(|it| it.instead("build = [\"sleep\", \"1000\"]"));
    let mut session = world.dev(&[]);
    let builds = |world: &World| world.marked().iter().any(|it| it.command == "sleep 1000");
    until("the build", || builds(&world));
    assert_eq!(session.stop(), 130);
    assert!(!builds(&world));
    world.assert_nothing_left();
}

#[test]
fn term_and_a_closed_terminal_leave_like_ctrl_c() {
    use rustix::process::Signal;
    for signal in [Signal::TERM, Signal::HUP] {
        let Web { world, .. } = web();
        let mut session = world.dev_ready(&[]);
        processes::signal(session.pid(), signal);
        assert_eq!(session.end(), 130);
        world.assert_nothing_left();
    }
}

#[test]
fn keep_leaves_the_services_running_and_down_ends_them() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&["--keep"]);
    assert_eq!(session.stop(), 130);
    let said = session.err();
    assert!(
        said.contains("the services stay up; `hob down` ends them"),
        "{said}"
    );
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let waited = world.hob(["wait", "web"]).code(1);
    assert!(
        waited.err.contains("no dev session watches demo/web"),
        "{waited:?}"
    );
    // Saved while nobody watched; the next session sees it.
    world.page("demo/web", "two\n");
    let mut session = world.dev_ready(&[]);
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn detach_goes_on_in_the_background_until_down() {
    let Web { world, port } = web();
    let detached = world.hob(["dev", "--detach"]).good();
    assert!(
        detached.err.contains("the dev session goes on as process"),
        "{detached:?}"
    );
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let status = world.hob(["status"]).good();
    assert!(status.out.contains("ready (dev, watched)"), "{status:?}");
    let logs = world.background(["logs", "-f"]);
    logs.wait("serving one");
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    logs.wait("serving two");
    let down = world.hob(["down", "--prove"]).good();
    assert!(down.err.contains("ending the dev session"), "{down:?}");
    assert!(down.err.contains("nothing is left"), "{down:?}");
    assert_eq!(world.marked(), []);
}

#[test]
fn detach_that_does_not_become_ready_says_why() {
    let Web { world, .. } = web();
    world.page("demo/web", "BROKEN\n");
    let detached = world.hob(["dev", "--detach"]);
    assert_ne!(detached.code, 0);
    assert!(
        detached
            .err
            .contains("page.txt:1: syntax error near BROKEN"),
        "{detached:?}"
    );
    world.hob(["down"]).good();
    world.assert_nothing_left();
}

#[test]
fn down_from_another_terminal_ends_the_session() {
    let Web { world, .. } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    world.hob(["down"]).good();
    assert_eq!(session.end(), 0);
    world.assert_nothing_left();
}

#[test]
fn down_ends_the_session_of_an_agent_that_died_or_hangs() {
    use rustix::process::Signal;
    for signal in [Signal::KILL, Signal::STOP] {
        let Web { world, .. } = web();
        let mut session = world.dev_ready(&[]);
        let agent = world.agent("demo/web").unwrap();
        processes::signal(agent, signal);
        let down = world.hob(["down", "--prove"]).good();
        assert!(down.err.contains("ending the dev session"), "{down:?}");
        assert!(down.err.contains("nothing is left"), "{down:?}");
        assert_eq!(session.end(), 0, "{}", session.transcript());
        world.assert_nothing_left();
    }
}

#[test]
fn keys_restart_rebuild_pause_and_quit() {
    let Web { world, port } = web();
    let mut terminal = world.terminal(["dev"]);
    terminal.wait("q quit");
    let first = world.serving("web").unwrap();
    terminal.press("r");
    until("a restarted process", || {
        world.serving("web").is_some_and(|it| it != first)
    });
    assert_eq!(http::get(port, "/").unwrap().generation(), Some(1));
    terminal.press("b");
    until("a new build", || {
        http::get(port, "/").unwrap().generation() == Some(2)
    });
    terminal.press("p");
    terminal.wait("paused");
    world.page("demo/web", "two\n");
    let waited = world.hob(["wait", "web"]).code(1);
    assert!(waited.err.contains("paused"), "{waited:?}");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    terminal.press("p");
    terminal.wait("going on");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    terminal.press("?");
    terminal.wait_times("q quit", 2);
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    assert!(
        terminal.shown().contains('\u{1b}'),
        "no colours at a terminal"
    );
    world.assert_nothing_left();
}

#[test]
fn ctrl_c_at_a_terminal_ends_everything() {
    let Web { world, .. } = web();
    let mut terminal = world.terminal(["dev"]);
    terminal.wait("q quit");
    terminal.press("\x03");
    assert_eq!(terminal.end(), 130);
    world.assert_nothing_left();
}

//! What a dev session meets: files that a service writes itself, what is in
//! the way and goes away, what was missed, what hangs.

use std::net::{Ipv4Addr, TcpListener};

use hob_e2e::{Service, World, http, processes, stack, until};
use rustix::process::Signal;

use crate::{Web, web};

/// Makes the service write its process's number beside its sources at each
/// start.
fn writes_at_start(world: &World) {
    let text = world.read("stacks/demo/stack.toml");
    let run = "run = [\"sh\", \"-c\", \"echo $$$$ > app.db; exec \\\"$@\\\"\", \"web\", ";
    world.stack("demo", &text.replace("run = [", run));
}

#[test]
fn a_service_that_writes_its_own_sources_is_told_of_and_started_ever_more_seldom() {
    let Web { world, .. } = web();
    writes_at_start(&world);
    let mut session = world.dev(&["--json"]);
    let started = |mark| {
        session.event(mark, "a start", |value| {
            let event = &value["event"];
            event["kind"]["started"]
                .is_object()
                .then(|| event["at"].as_u64().unwrap())
        })
    };
    session.event(0, "the note", |value| {
        value["session"]["self-written"]["note"]
            .as_str()
            .filter(|note| note.contains("add ignore = [\"app.db\"] under [services.web.dev]"))
            .map(drop)
    });
    // From here on each start is later than the one before it by the delay.
    let mut before = started(session.mark());
    for delay in [1_000_000, 2_000_000] {
        let at = started(session.mark());
        assert!(at - before >= delay, "{before} {at}");
        before = at;
    }
    // What is put off is not lost: a wait has it built.
    world.hob(["wait", "web"]).good();
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_detached_session_notes_in_status_what_a_service_writes_itself() {
    let Web { world, .. } = web();
    writes_at_start(&world);
    world.hob(["dev", "--detach"]).good();
    let advice = "if web writes it itself, add ignore = [\"app.db\"] under [services.web.dev]";
    until("the note", || world.hob(["status"]).err.contains(advice));
    // The advice is good.
    let text = world.read("stacks/demo/stack.toml");
    let ignore = "\n[services.web.dev]\nignore = [\"app.db\"]\n";
    world.stack("demo", &format!("{text}{ignore}"));
    until("the end of the note", || {
        !world.hob(["status"]).err.contains(advice)
    });
    world.hob(["down", "--prove"]).good();
}

#[test]
fn a_port_that_becomes_free_is_taken_without_a_save() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    world.stack(
        "demo",
        &stack(&[Service::new("web", web), Service::new("api", api)]),
    );
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, api)).unwrap();
    let mut session = world.dev(&[]);
    session.wait("not everything is ready");
    assert!(!session.said(&format!("api http://127.0.0.1:{api}")));
    drop(holder);
    session.wait("ready; every save");
    assert_eq!(http::get(api, "/").unwrap().body, "api");
    assert!(session.said(&format!("api http://127.0.0.1:{api}")));
    let taken = format!("127.0.0.1:{api} is taken");
    assert_eq!(session.err().matches(&taken).count(), 1);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn detach_returns_once_what_was_saved_while_no_session_ran_answers() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&["--keep"]);
    assert_eq!(session.stop(), 130);
    for (text, code) in [("two", 0), ("BROKEN", 3), ("three", 0)] {
        world.page("demo/web", &format!("{text}\nslow 700\n"));
        let run = world.hob(["dev", "--detach", "--keep"]).code(code);
        let place = format!("demo/web answers on http://127.0.0.1:{port}");
        assert!(run.err.contains(&place), "{run:?}");
        if code == 0 {
            assert_eq!(http::get(port, "/").unwrap().body, text);
        } else {
            let words = "page.txt:1: syntax error near BROKEN\n";
            assert_eq!(run.err.matches(words).count(), 1, "{run:?}");
            assert_eq!(http::get(port, "/").unwrap().body, "two");
        }
        let session = session_of(&world);
        processes::signal(session, Signal::TERM);
        until("the end of the session", || !processes::is_alive(session));
    }
    world.hob(["down"]).good();
    world.assert_nothing_left();
}

/// The process of the dev session that watches `web`.
fn session_of(world: &World) -> u32 {
    let status = world.status("web").unwrap();
    u32::try_from(status["session"]["pid"].as_u64().unwrap()).unwrap()
}

#[test]
fn a_first_build_that_fails_is_told_once() {
    let Web { world, .. } = web();
    world.page("demo/web", "BROKEN\n");
    let mut session = world.dev(&[]);
    session.wait("nothing is ready yet");
    session.wait("exited with code 1");
    assert_eq!(session.stop(), 130);
    let said = session.err();
    assert_eq!(
        said.matches("syntax error near BROKEN\n").count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches("exited with code 1").count(), 1, "{said}");
    world.assert_nothing_left();
}

#[test]
fn a_second_detach_names_the_first_session_once() {
    let Web { world, .. } = web();
    world.hob(["dev", "--detach"]).good();
    let run = world.hob(["dev", "--detach"]).code(1);
    let session = session_of(&world);
    let said = format!("the dev session of process {session} has these services");
    assert!(run.err.contains(&said), "{run:?}");
    assert_eq!(run.err.matches("error:").count(), 1, "{run:?}");
    world.hob(["down"]).good();
}

#[test]
fn up_beside_a_session_whose_agent_has_just_died_starts_nothing() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    world.stack(
        "demo",
        &stack(&[Service::new("web", web), Service::new("api", api)]),
    );
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut session = world.dev_ready(&[]);
    let agent = world.agent("demo/api");
    // It cannot make another one before this is over.
    processes::signal(session.pid(), Signal::STOP);
    processes::kill(agent.unwrap());
    let up = world.hob(["up"]).code(1);
    let who = format!("the dev session of process {}", session.pid());
    assert!(up.err.contains(&who), "{up:?}");
    assert!(up.err.contains("`hob down`"), "{up:?}");
    assert!(!up.err.contains("answers on"), "{up:?}");
    processes::signal(session.pid(), Signal::CONT);
    until("the service again", || {
        http::get(api, "/").is_ok_and(|it| it.body == "api")
    });
    assert_eq!(world.status("api").unwrap()["mode"], "dev");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn services_of_a_reload_are_shown_like_the_others() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let one = stack(&[Service::new("web", web)]);
    let two = stack(&[Service::new("web", web), Service::new("api", api)]);
    world.stack("demo", &one);
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    let mark = session.mark();
    world.stack("demo", &two);
    session.wait_from(mark, &format!("  api http://127.0.0.1:{api}"));
    session.wait_from(mark, " api | serving api");
    assert_eq!(session.stop(), 130);
}

#[test]
fn sessions_that_share_a_service_leave_it_to_the_first() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    world.stack(
        "demo",
        &stack(&[Service::new("web", web), Service::new("api", api)]),
    );
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut first = world.dev_ready(&["api"]);
    let mut second = world.dev(&["api", "web"]);
    second.wait(&format!("process {}", first.pid()));
    World::answers(web, "web");
    let watched_by = |service: &str, pid: u32| {
        let status = world.status(service);
        status.is_some_and(|status| status["session"]["pid"] == pid)
    };
    until("each its own", || {
        watched_by("api", first.pid()) && watched_by("web", second.pid())
    });
    world.page("demo/web", "more\n");
    World::answers(web, "more");
    world.page("demo/api", "more\n");
    World::answers(api, "more");
    // Leaving takes down only what is one's own.
    assert_eq!(second.stop(), 130);
    assert!(http::get(web, "/").is_err());
    assert_eq!(http::get(api, "/").unwrap().body, "more");
    assert_eq!(first.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_key_opens_what_answers_in_a_browser() {
    use std::os::unix::fs::PermissionsExt as _;
    let Web { mut world, port } = web();
    let opened = world.outside().join("opened");
    world.write(
        "tools/xdg-open",
        &format!("#!/bin/sh\necho \"$1\" >> {}\n", opened.display()),
    );
    let tool = world.root().join("tools/xdg-open");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    world.set(
        "PATH",
        &format!("{}:{path}", tool.parent().unwrap().display()),
    );
    let mut terminal = world.terminal(["dev"]);
    terminal.wait("q quit");
    terminal.press("o");
    let url = format!("http://127.0.0.1:{port}/\n");
    until("the browser", || {
        std::fs::read_to_string(&opened).is_ok_and(|text| text == url)
    });
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn an_interrupted_up_says_what_stays_up() {
    let Web { world, .. } = web();
    world.page("demo/web", "one\nsick\nsay here I am\n");
    let mut up = world.background(["up"]);
    until("the service", || {
        world.hob(["logs", "web"]).out.contains("here I am")
    });
    assert_eq!(up.stop(), 130);
    let said = up.err();
    assert!(said.contains("still up: demo/web (`hob down`"), "{said}");
    world.hob(["down", "--prove"]).good();
}

#[test]
fn a_quiet_session_says_nothing_while_all_is_well() {
    let Web { world, port } = web();
    let mut session = world.dev(&["--quiet"]);
    World::answers(port, "one");
    until("the session", || {
        world
            .status("web")
            .is_some_and(|status| !status["session"].is_null())
    });
    world.page("demo/web", "two\n");
    World::answers(port, "two");
    assert_eq!(session.stop(), 130);
    assert_eq!(session.transcript(), "");
    world.assert_nothing_left();
}

#[test]
fn saves_that_follow_each_answer_are_never_put_off() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    for save in 0..12 {
        world.page("demo/web", &format!("{save}\n"));
        World::answers(port, &save.to_string());
    }
    assert!(!session.said("self-written"));
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

//! `hob dev`: up, saves, mistakes.

use hob_e2e::{Poller, Service, World, http, processes, stack, until};

use crate::{Web, web, web_of};

#[test]
fn a_save_is_answered_by_new_code_and_ctrl_c_leaves_nothing() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let first = http::get(port, "/").unwrap();
    assert_eq!(
        (first.status, first.body.as_str(), first.generation()),
        (200, "one", Some(1))
    );
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    let second = http::get(port, "/").unwrap();
    assert_eq!(
        (second.status, second.body.as_str(), second.generation()),
        (200, "two", Some(2))
    );
    assert_eq!(session.stop(), 130);
    assert!(http::get(port, "/").is_err());
    world.assert_nothing_left();
}

/// Saves many times under a client that never stops asking.
#[track_caller]
fn no_request_fails(swap: &str) {
    let Web { world, port } = web_of(|it| it.dev(&format!("swap = \"{swap}\"")));
    let mut session = world.dev_ready(&[]);
    let poller = Poller::start(port);
    let saves: Vec<String> = (0..25).map(|save| format!("save {save}")).collect();
    for save in &saves {
        world.page("demo/web", &format!("{save}\n"));
        world.hob(["wait", "web"]).good();
        assert_eq!(http::get(port, "/").unwrap().body, *save);
    }
    let polled = poller.end();
    assert_eq!(polled.bad, Vec::<String>::new());
    assert!(polled.good > saves.len(), "{polled:?}");
    assert!(!polled.went_back, "{polled:?}");
    assert_eq!(session.stop(), 130);
}

#[test]
fn no_request_fails_over_many_saves_when_processes_overlap() {
    no_request_fails("overlap");
}

#[test]
fn no_request_fails_over_many_saves_when_processes_exclude_each_other() {
    no_request_fails("exclusive");
}

#[test]
fn a_burst_of_saves_ends_with_the_last_one() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let poller = Poller::start(port);
    for save in 0..200 {
        world.page("demo/web", &format!("burst {save}\n"));
    }
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "burst 199");
    assert_eq!(poller.end().bad, Vec::<String>::new());
    session.stop();
}

#[test]
fn identical_bytes_build_nothing() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    world.page("demo/web", "one\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().generation(), Some(1));
    session.stop();
    assert!(
        !session
            .out()
            .contains("{\"build-started\":{\"generation\":2"),
        "{}",
        session.out()
    );
}

#[test]
fn a_broken_save_keeps_the_old_answer_and_wait_tells_the_compilers_words() {
    let Web { world, port } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    let poller = Poller::start(port);
    world.page("demo/web", "BROKEN\n");
    let waited = world.hob(["wait", "web"]).code(3);
    assert!(
        waited.err.contains("page.txt:1: syntax error near BROKEN"),
        "{waited:?}"
    );
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    session.wait("page.txt:1: syntax error near BROKEN");
    session.wait("save 1 goes on serving");
    let status = world.hob(["status"]).good();
    assert!(status.out.contains("stale"), "{status:?}");
    assert!(status.out.contains("1 of 2"), "{status:?}");
    world.page("demo/web", "mended\n");
    world.hob(["wait", "web"]).good();
    let polled = poller.end();
    assert_eq!(polled.bad, Vec::<String>::new());
    assert_eq!(http::get(port, "/").unwrap().body, "mended");
    assert_eq!(session.stop(), 130);
}

#[test]
fn a_crash_on_start_keeps_the_old_answer() {
    let Web { world, port } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    let poller = Poller::start(port);
    world.page("demo/web", "two\nexit 7\n");
    let waited = world.hob(["wait", "web"]).code(3);
    assert!(waited.err.contains("exited with code 7"), "{waited:?}");
    assert!(waited.err.contains("giving up at once"), "{waited:?}");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.page("demo/web", "three\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(poller.end().bad, Vec::<String>::new());
    assert_eq!(http::get(port, "/").unwrap().body, "three");
    session.stop();
}

#[test]
fn a_save_that_never_becomes_ready_keeps_the_old_answer() {
    let Web { world, port } = web_of(|it| it.with("limits = { ready = \"1s\" }"));
    let mut session = world.dev_ready(&[]);
    world.page("demo/web", "two\nsick\n");
    let waited = world.hob(["wait", "web"]).code(3);
    assert!(waited.err.contains("ready"), "{waited:?}");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    session.stop();
}

#[test]
fn a_first_build_that_fails_is_mended_by_a_save() {
    let Web { world, port } = web();
    world.page("demo/web", "BROKEN\n");
    let mut session = world.dev(&[]);
    session.wait("page.txt:1: syntax error near BROKEN");
    session.wait("nothing is ready yet");
    let refused = http::get(port, "/").unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(
        refused
            .body
            .contains("page.txt:1: syntax error near BROKEN"),
        "{refused:?}"
    );
    world.page("demo/web", "good\n");
    session.wait("ready; every save");
    assert_eq!(http::get(port, "/").unwrap().body, "good");
    session.stop();
}

#[test]
fn requests_of_a_slow_start_are_held_and_answered() {
    let Web { world, port } = web();
    world.page("demo/web", "one\nslow 700\n");
    let mut session = world.dev(&["--json"]);
    until("the front", || http::connect(port).is_ok());
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    session.word(0, "ready");
    session.stop();
}

#[test]
fn a_request_under_way_is_answered_by_the_process_that_has_it() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let slow = std::thread::spawn(move || http::get(port, "/after?1500"));
    // The save comes while the request is under way: the old process is told
    // to go only once it has answered.
    until("the request", || world.status("web").is_some());
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(slow.join().unwrap().unwrap().body, "one");
    session.stop();
}

#[test]
fn a_service_of_raw_tcp_keeps_its_open_connections() {
    use std::io::{Read as _, Write as _};
    let Web { world, port } = web_of(|it| it.with("protocol = \"tcp\"").instead("ready = \"tcp\""));
    let mut session = world.dev_ready(&[]);
    let mut open = http::connect(port).unwrap();
    let mut ask = |what: &str| {
        write!(open, "GET {what} HTTP/1.1\r\n\r\n").unwrap();
        let mut bytes = [0; 1024];
        let read = open.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    };
    assert!(ask("/").ends_with("one"));
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert!(http::get(port, "/").unwrap().body == "two");
    assert!(ask("/").ends_with("one"));
    session.stop();
}

#[test]
fn a_stream_of_events_goes_through_and_ends_with_its_process() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let Web { world, port } = web_of(|it| it.with("limits = { drain = \"1s\" }"));
    let mut session = world.dev_ready(&[]);
    let mut stream = http::connect(port).unwrap();
    write!(
        stream,
        "GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.any(|line| line.unwrap().contains("data: one")));
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    // Until it is drained the old process goes on telling.
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(!said.iter().any(|line| line.contains("two")), "{said:?}");
    session.stop();
}

#[test]
fn a_static_folder_is_served_and_a_save_needs_no_new_process() {
    let mut world = World::new();
    let port = world.port();
    world.stack(
        "site",
        &format!(
            "version = 1\n[services.pages]\nport = 80\npublish = {port}\nserve = \"public\"\n"
        ),
    );
    world.write(
        "stacks/site/public/index.html",
        "<!doctype html><title>x</title><p>first",
    );
    let mut session = world.dev_ready(&[]);
    assert!(http::get(port, "/").unwrap().body.contains("<p>first"));
    let process = world.serving("pages").unwrap();
    let mark = session.mark();
    world.write(
        "stacks/site/public/index.html",
        "<!doctype html><title>x</title><p>second",
    );
    session.event(mark, "a reload", |value| {
        value["event"]["kind"].get("reloaded").map(|_| ())
    });
    assert!(http::get(port, "/").unwrap().body.contains("<p>second"));
    assert_eq!(world.serving("pages"), Some(process));
    session.stop();
}

#[test]
fn on_change_says_what_a_save_asks_for() {
    let rules = "on_change = [{ paths = [\"*.css\"], action = \"none\" }, \
                 { paths = [\"*.conf\"], action = \"restart\" }]\nignore = [\"*.md\"]";
    let Web { world, port } = web_of(|it| it.dev(rules));
    let mut session = world.dev_ready(&[]);
    let process = world.serving("web").unwrap();
    world.write("stacks/demo/web/read.md", "words");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().generation(), Some(1));
    world.write("stacks/demo/web/a.css", "p {}");
    world.hob(["wait", "web"]).good();
    assert_eq!(world.serving("web"), Some(process));
    let mark = session.mark();
    world.write("stacks/demo/web/a.conf", "x");
    world.hob(["wait", "web"]).good();
    assert_ne!(world.serving("web"), Some(process));
    session.stop();
    let after: String = session.transcript().lines().skip(mark).collect();
    assert!(!after.contains("build-started"), "{after}");
}

#[test]
fn a_daemon_that_left_its_group_ends_with_its_service() {
    let Web { world, .. } = web();
    world.page("demo/web", "one\ndaemon\n");
    let mut session = world.dev_ready(&[]);
    let sleeper = |world: &World| {
        world
            .marked()
            .into_iter()
            .find(|it| it.command == "sleep 1000")
            .map(|it| it.pid)
    };
    until("the first daemon", || sleeper(&world).is_some());
    let first = sleeper(&world).unwrap();
    world.page("demo/web", "two\ndaemon\n");
    world.hob(["wait", "web"]).good();
    until("the end of the first daemon", || {
        !processes::is_alive(first)
    });
    // A daemon comes after the answer that its service is ready with.
    until("the second daemon", || sleeper(&world).is_some());
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn only_leaves_out_what_a_service_needs() {
    let mut world = World::new();
    let (web, db) = (world.port(), world.port());
    let services = [
        Service::new("web", web).with("needs = [\"db\"]"),
        Service::new("db", db),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/db", "db\n");
    let mut session = world.dev_ready(&["--only", "web"]);
    assert_eq!(http::get(web, "/").unwrap().body, "web");
    assert!(http::get(db, "/").is_err());
    session.stop();
}

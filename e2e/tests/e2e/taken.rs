//! What is in the way is named and left alone; two checkouts and two
//! sessions never fight.

use std::net::{Ipv4Addr, TcpListener};

use hob_e2e::{Engine, Service, World, http, stack, until};

use crate::{Web, web, web_of};

#[test]
fn a_port_that_another_program_has_is_named_with_its_holder() {
    let Web { world, port } = web();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let up = world.hob(["up"]).code(1);
    let me = std::process::id();
    assert!(
        up.err.contains(&format!("127.0.0.1:{port} is taken")),
        "{up:?}"
    );
    assert!(up.err.contains(&format!("process {me}")), "{up:?}");
    assert_eq!(world.marked(), []);
    drop(holder);
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
}

#[test]
fn dev_waits_for_the_only_port_that_it_needs_and_takes_it_once_it_is_free() {
    let Web { world, port } = web();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut session = world.dev(&[]);
    session.wait(&format!("127.0.0.1:{port} is taken"));
    session.wait("nothing is ready yet");
    assert_eq!(session.stop(), 130);
    let detached = world.hob(["dev", "--detach"]).code(1);
    assert!(detached.err.contains("is taken"), "{detached:?}");
    assert!(detached.err.contains("the session goes on"), "{detached:?}");
    drop(holder);
    until("the service", || {
        http::get(port, "/").is_ok_and(|it| it.body == "one")
    });
    let down = world.hob(["down", "--prove"]).good();
    assert!(down.err.contains("ending the dev session"), "{down:?}");
    world.assert_nothing_left();
}

#[test]
fn a_port_that_another_project_has_is_named_with_the_project() {
    let Web { world, port } = web();
    let second = world.checkout("second");
    second.hob(&["up"]).good();
    let up = world.hob(["up"]).code(1);
    let root = second.root().display().to_string();
    assert!(up.err.contains(&root), "{up:?}");
    assert!(up.err.contains("demo/web"), "{up:?}");
    assert_eq!(world.marked(), []);
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.hob(["down", "--prove"]).good();
    assert!(!second.marked().is_empty());
}

#[test]
fn two_checkouts_run_side_by_side_on_ports_that_hob_chooses() {
    let Web { world, .. } = web_of(|it| it.instead("publish = \"auto\""));
    let second = world.checkout("second");
    second_page(&second, "second\n");
    world.hob(["up"]).good();
    second.hob(&["up"]).good();
    let first_port = port_of(&world.hob(["status", "--json"]).out);
    let second_port = port_of(&second.hob(&["status", "--json"]).out);
    assert_ne!(first_port, second_port);
    assert_eq!(http::get(first_port, "/").unwrap().body, "one");
    assert_eq!(http::get(second_port, "/").unwrap().body, "second");
    // The same port each time, for bookmarks.
    world.hob(["down"]).good();
    world.hob(["up"]).good();
    assert_eq!(port_of(&world.hob(["status", "--json"]).out), first_port);
    world.hob(["down", "--prove"]).good();
    assert_eq!(http::get(second_port, "/").unwrap().body, "second");
}

#[test]
fn two_checkouts_run_side_by_side_with_a_port_offset() {
    let Web { mut world, port } = web();
    let shifted = loop {
        // The other port of this test, wherever it is.
        let other = world.port();
        if other > port {
            break other;
        }
    };
    let second = world.checkout("second");
    second_page(&second, "second\n");
    world.hob(["up"]).good();
    let offset = (shifted - port).to_string();
    second.hob(&["up", "--port-offset", &offset]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_eq!(http::get(shifted, "/").unwrap().body, "second");
}

#[test]
fn a_second_dev_of_a_service_refuses_and_the_first_goes_on() {
    let Web { world, port } = web();
    let mut first = world.dev_ready(&[]);
    let second = world.hob(["dev"]).code(1);
    assert!(
        second.err.contains(&format!("process {}", first.pid())),
        "{second:?}"
    );
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(first.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_session_takes_back_what_another_one_had_and_took_down() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [Service::new("web", web), Service::new("api", api)];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut second = world.dev_ready(&["api"]);
    let mut first = world.dev(&[]);
    first.wait(&format!("process {} is in a dev session", second.pid()));
    assert_eq!(second.stop(), 130);
    first.wait("the session that had demo/api is over");
    until("the service again", || {
        http::get(api, "/").is_ok_and(|it| it.body == "api")
    });
    assert_eq!(first.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn up_leaves_alone_what_a_dev_session_works_with() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let up = world.hob(["up"]).code(1);
    assert!(
        up.err.contains(&format!("process {}", session.pid())),
        "{up:?}"
    );
    assert_eq!(http::get(port, "/").unwrap().generation(), Some(1));
    assert_eq!(session.stop(), 130);
}

#[test]
fn two_ups_at_the_same_time_do_the_work_once() {
    let Web { world, port } = web();
    let mut runs: Vec<_> = (0..4).map(|_| world.background(["up"])).collect();
    for run in &mut runs {
        assert_eq!(run.end(), 0, "{}", run.transcript());
    }
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_eq!(world.marked().len(), 2, "{:#?}", world.marked());
}

fn second_page(second: &hob_e2e::Checkout<'_>, text: &str) {
    std::fs::write(second.root().join("stacks/demo/web/page.txt"), text).unwrap();
}

/// The port that `status --json` names.
fn port_of(out: &str) -> u16 {
    let value: serde_json::Value = serde_json::from_str(out.trim()).unwrap();
    let addr = value["status"]["listen"]["addr"].as_str().unwrap();
    addr.parse::<std::net::SocketAddr>().unwrap().port()
}

#[test]
fn exit_codes_tell_what_kind_of_thing_went_wrong() {
    let Web { world, .. } = web();
    // The service does not build.
    world.page("demo/web", "BROKEN\n");
    world.hob(["up"]).code(3);
    if world.engine() == Engine::Host {
        // In Docker it is images that are built.
        world.hob(["build"]).code(3);
    }
    // Usage, and a stack file in error.
    world.hob(["up", "--no-such-option"]).code(2);
    world.hob(["up", "no-such-service"]).code(2);
    world.stack("demo", "version = 1\nno-such-key = 1\n");
    world.hob(["up"]).code(2);
    world.hob(["check"]).code(2);
    let empty = World::new();
    std::fs::remove_dir(empty.root().join("stacks")).unwrap();
    empty.hob(["up"]).code(2);
}

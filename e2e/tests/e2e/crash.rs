//! kill -9 of everything, everywhere: the next command converges.

use hob_e2e::{Poller, Service, World, http, ledger, processes, stack, until};

use crate::{Web, web, web_of};

/// Three services in a row of needs: `web` needs `api`, which needs `db`.
fn chain() -> (World, [u16; 3]) {
    let mut world = World::new();
    let ports = [world.port(), world.port(), world.port()];
    let [web, api, db] = ports;
    let services = [
        Service::new("web", web).with("needs = [\"api\"]"),
        Service::new("api", api).with("needs = [\"db\"]"),
        Service::new("db", db).with("volumes = { data = \"/data\" }"),
    ];
    world.stack("demo", &stack(&services));
    for name in ["web", "api", "db"] {
        world.page(&format!("demo/{name}"), &format!("{name}\n"));
    }
    (world, ports)
}

/// Every service answers, from one process under one agent each.
#[track_caller]
fn assert_whole(world: &World, ports: [u16; 3]) {
    for (port, name) in ports.into_iter().zip(["web", "api", "db"]) {
        assert_eq!(http::get(port, "/").unwrap().body, name);
    }
    let mut services: Vec<String> = world.marked().into_iter().map(|it| it.service).collect();
    services.sort();
    let twice = [
        "demo/api", "demo/api", "demo/db", "demo/db", "demo/web", "demo/web",
    ];
    assert_eq!(services, twice, "{:#?}", world.marked());
}

#[test]
fn up_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let mut killed = 0;
    for line in 1.. {
        let (world, ports) = chain();
        let was_killed = ledger::kill_at(&world.state(), 0, line, world.background(["up"]));
        world.hob(["up"]).good();
        assert_whole(&world, ports);
        let again = world.hob(["up"]).good();
        assert!(again.err.contains("everything is up already"), "{again:?}");
        world.hob(["down", "--volumes", "--prove"]).good();
        world.assert_gone(true);
        if !was_killed {
            break;
        }
        killed += 1;
    }
    // Four folders and three agents, each created, started and waited for.
    assert!(killed >= 13, "only {killed} steps");
}

#[test]
fn up_that_is_killed_at_any_step_can_be_taken_down() {
    let mut killed = 0;
    for line in 1.. {
        let (world, _) = chain();
        let was_killed = ledger::kill_at(&world.state(), 0, line, world.background(["up"]));
        let down = world.hob(["down", "--volumes", "--prove"]).good();
        assert_eq!(down.out, "");
        world.assert_gone(true);
        if !was_killed {
            break;
        }
        killed += 1;
    }
    assert!(killed >= 13, "only {killed} steps");
}

#[test]
fn down_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let mut killed = 0;
    for line in 1.. {
        let (world, _) = chain();
        world.hob(["up"]).good();
        let before = ledger::lines(&world.state());
        let down = world.background(["down", "--volumes"]);
        let was_killed = ledger::kill_at(&world.state(), before, line, down);
        let down = world.hob(["down", "--volumes", "--prove"]).good();
        assert_eq!(down.out, "");
        world.assert_gone(true);
        if !was_killed {
            break;
        }
        killed += 1;
    }
    assert!(killed >= 6, "only {killed} steps");
}

#[test]
fn down_that_is_killed_at_any_step_is_undone_by_up() {
    for line in 1.. {
        let (world, ports) = chain();
        world.hob(["up"]).good();
        let before = ledger::lines(&world.state());
        let was_killed = ledger::kill_at(&world.state(), before, line, world.background(["down"]));
        world.hob(["up"]).good();
        assert_whole(&world, ports);
        if !was_killed {
            break;
        }
    }
}

#[test]
fn a_killed_dev_session_leaves_services_that_the_next_one_takes_over() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    session.kill();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.page("demo/web", "two\n");
    let mut session = world.dev_ready(&[]);
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_killed_dev_session_is_taken_down_by_down() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    session.kill();
    world.assert_nothing_left();
}

#[test]
fn a_session_makes_a_killed_agent_anew() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let agent = world.agent("demo/web").unwrap();
    let process = world.serving("web").unwrap();
    let mark = session.mark();
    processes::kill(agent);
    session.event(mark, "the loss", |value| {
        value["session"].get("agent-lost").map(|_| ())
    });
    until("another agent that serves", || {
        world.agent("demo/web").is_some_and(|it| it != agent)
            && http::get(port, "/").is_ok_and(|answer| answer.body == "one")
    });
    assert!(!processes::is_alive(process), "the orphan goes on");
    world.page("demo/web", "two\n");
    until("a watched service", || {
        world
            .status("web")
            .is_some_and(|status| !status["session"].is_null())
    });
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn down_ends_the_orphans_of_a_killed_agent() {
    let Web { world, .. } = web();
    world.page("demo/web", "one\ndaemon\n");
    world.hob(["up"]).good();
    processes::kill(world.agent("demo/web").unwrap());
    world.assert_nothing_left();
}

#[test]
fn a_killed_service_is_started_again_while_requests_are_held() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    for _ in 0..3 {
        let process = world.serving("web").unwrap();
        processes::kill(process);
        until("its end", || !processes::is_alive(process));
        let answer = http::get(port, "/").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "one"));
    }
    assert_eq!(session.stop(), 130);
}

#[test]
fn a_service_that_keeps_dying_is_answered_for_with_its_last_words() {
    let Web { world, port } = web_of(|it| it.with("limits = { hold = \"500ms\" }"));
    let mut session = world.dev_ready(&[]);
    let refused = hob_e2e::until_some("a refusal", || {
        // Each of them ends the process, as long as one is there.
        let _ = http::get(port, "/crash");
        let answer = http::get(port, "/").ok()?;
        (answer.status == 503).then_some(answer)
    });
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert!(refused.body.contains("exited with code 3"), "{refused:?}");
    assert!(refused.body.contains("crashing as told"), "{refused:?}");
    // A save mends it at once.
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    session.stop();
}

#[test]
fn a_service_that_crashes_in_production_form_is_started_again() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let process = world.serving("web").unwrap();
    let _ = http::get(port, "/crash");
    until("another process that answers", || {
        http::get(port, "/").is_ok_and(|answer| answer.body == "one")
    });
    until("another process", || {
        world.serving("web").is_some_and(|it| it != process)
    });
    let logs = world.hob(["logs"]).good();
    assert!(logs.out.contains("crashing as told"), "{logs:?}");
}

#[test]
fn a_service_that_is_not_to_be_restarted_stays_down() {
    let Web { world, port } = web_of(|it| it.with("restart = \"never\""));
    world.hob(["up"]).good();
    let _ = http::get(port, "/crash");
    until("its end", || {
        world.hob(["status"]).good().out.contains("failed (run)")
    });
    assert!(http::get(port, "/").is_err());
}

#[test]
fn a_save_while_an_agent_is_killed_is_not_lost() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let poller = Poller::start(port);
    processes::kill(world.agent("demo/web").unwrap());
    world.page("demo/web", "two\n");
    World::answers(port, "two");
    assert!(!poller.end().went_back);
    session.stop();
}

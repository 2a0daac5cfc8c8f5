//! The engine itself goes and comes back while services run on it. Each test
//! has an engine of its own, which no other test sees; its images are kept.

use hob_e2e::dockerd::{Dockerd, Network};
use hob_e2e::{World, engine, http};

use crate::{Web, web};

/// The engine, and a project on it.
struct Own {
    engine: Dockerd,
    web: Web,
}

fn own() -> Own {
    let mut web = web();
    let engine = Dockerd::start(&Dockerd::second_folder(), Network::SECOND).unwrap();
    if !engine.client().has_image(engine::base()) {
        let from = web.world.client();
        from.copy_image(engine::base(), &engine.client());
    }
    web.world.move_to(engine.client());
    Own { engine, web }
}

/// A dev session outlives what is done to its engine, and a save is live
/// afterwards.
#[track_caller]
fn a_session_outlives(restart: impl Fn(&mut Dockerd)) {
    // What comes last goes first.
    let Own { mut engine, web } = own();
    let Web { world, port } = &web;
    let mut session = world.dev_ready(&[]);
    assert_eq!(http::get(*port, "/").unwrap().body, "one");
    let before = world.container("demo/web").id;
    restart(&mut engine);
    World::answers(*port, "one");
    world.page("demo/web", "two\n");
    World::answers(*port, "two");
    world.hob(["wait", "web"]).good();
    // Nothing is made anew that comes back by itself.
    assert_eq!(world.container("demo/web").id, before);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

fn stopped_and_started(engine: &mut Dockerd) {
    engine.stop();
    engine.bring_up().unwrap();
}

fn killed_and_started(engine: &mut Dockerd) {
    engine.kill();
    engine.bring_up().unwrap();
}

#[test]
fn a_session_outlives_a_restart_of_the_engine() {
    a_session_outlives(stopped_and_started);
}

#[test]
fn a_session_outlives_a_kill_of_the_engine() {
    a_session_outlives(killed_and_started);
}

#[test]
fn what_was_up_is_up_again_once_the_engine_is() {
    // What comes last goes first.
    let Own { mut engine, web } = own();
    let Web { world, port } = &web;
    world.hob(["up"]).good();
    stopped_and_started(&mut engine);
    World::answers(*port, "one");
    killed_and_started(&mut engine);
    World::answers(*port, "one");
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.assert_nothing_left();
}

#[test]
fn an_engine_that_is_gone_is_named() {
    // What comes last goes first.
    let Own { mut engine, web } = own();
    let Web { world, .. } = &web;
    world.hob(["up"]).good();
    engine.stop();
    for verb in ["up", "status", "down"] {
        let run = world.hob([verb]);
        assert_ne!(run.code, 0, "{verb}: {run:?}");
        assert!(run.err.contains("docker.sock"), "{verb}: {run:?}");
    }
    engine.bring_up().unwrap();
    world.hob(["down", "--prove"]).good();
    world.assert_nothing_left();
}

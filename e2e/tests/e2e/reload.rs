//! The stack file changes while `hob dev` runs.

use hob_e2e::{Service, World, http, stack, until};

use crate::{Web, web};

#[test]
fn a_changed_environment_is_applied() {
    let Web { world, port } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    let agent = world.agent("demo/web");
    let text = stack(&[Service::new("web", port).with("env = { COLOUR = \"blue\" }")]);
    world.stack("demo", &text);
    session.wait("the stack files changed");
    until("the new environment", || {
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("COLOUR=blue\n")
    });
    assert_eq!(world.agent("demo/web"), agent);
    assert_eq!(session.stop(), 130);
}

#[test]
fn a_mistake_is_shown_changes_nothing_and_is_mended() {
    let Web { world, port } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    let before = world.marked();
    let good = world.read("stacks/demo/stack.toml");
    world.stack("demo", &good.replace("build =", "bulid ="));
    session.wait("unknown key `bulid`");
    session.wait("everything stays as it was");
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_eq!(world.marked(), before);
    let status = || world.hob(["status"]).good().err;
    let mistake = "stacks/demo/stack.toml:8: unknown key `bulid`";
    until("the mistake in status", || status().contains(mistake));
    // Saves go on meanwhile.
    world.page("demo/web", "two\n");
    World::answers(port, "two");
    world.stack("demo", &good.replace("port = 80", "port = 81"));
    session.wait("the stack files changed");
    world.page("demo/web", "three\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "three");
    assert_eq!(status(), "");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_new_service_comes_up_and_one_that_is_gone_goes_down() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let one = stack(&[Service::new("web", web)]);
    let two = stack(&[Service::new("web", web), Service::new("api", api)]);
    world.stack("demo", &one);
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let mut session = world.dev_ready(&[]);
    world.stack("demo", &two);
    World::answers(api, "api");
    // It is watched like the others.
    until("a watched service", || {
        world
            .status("api")
            .is_some_and(|status| !status["session"].is_null())
    });
    world.page("demo/api", "more\n");
    World::answers(api, "more");
    world.stack("demo", &one);
    until("the end of it", || http::get(api, "/").is_err());
    assert_eq!(http::get(web, "/").unwrap().body, "web");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_service_moves_to_another_port() {
    let mut world = World::new();
    let (before, after) = (world.port(), world.port());
    world.stack("demo", &stack(&[Service::new("web", before)]));
    world.page("demo/web", "web\n");
    let mut session = world.dev_ready(&[]);
    world.stack("demo", &stack(&[Service::new("web", after)]));
    World::answers(after, "web");
    assert!(http::get(before, "/").is_err());
    until("a watched service", || {
        world
            .status("web")
            .is_some_and(|status| !status["session"].is_null())
    });
    world.page("demo/web", "more\n");
    World::answers(after, "more");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn the_local_file_and_dotenv_count_too() {
    let Web { world, port } = web();
    let mut session = world.dev(&[]);
    session.wait("ready; every save");
    world.write(
        "stacks/demo/stack.local.toml",
        "[services.web]\nenv = { COLOUR = \"${SHADE:-grey}\" }\n",
    );
    until("the local file", || {
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("COLOUR=grey\n")
    });
    world.write("stacks/demo/.env", "SHADE=dark\n");
    until("the values", || {
        http::get(port, "/env")
            .unwrap()
            .body
            .contains("COLOUR=dark\n")
    });
    assert_eq!(session.stop(), 130);
}

//! Containers, networks and images that somebody changed by hand: the next
//! `up` or `dev` makes them what the stack file says.

use hob_e2e::containers::{Client, Container};
use hob_e2e::{World, http, until};

use crate::docker_images::imaged;
use crate::{Web, web, web_of};

/// Its one container runs, in the project's one network.
#[track_caller]
fn assert_whole(world: &World) {
    let networks = world.client().networks_of(&world.project());
    assert_eq!(networks.len(), 1, "{networks:?}");
    let container = world.container("demo/web");
    assert_eq!(container.state(), "running");
    assert!(
        container.networks().contains(&networks[0]),
        "{container:#?}"
    );
}

/// Brings the service up, has something done to it by hand, and asserts that
/// the next `up` mends it and the one after that has nothing to do.
#[track_caller]
fn up_mends(by_hand: impl Fn(&Client, &Container)) {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    by_hand(world.client(), &world.container("demo/web"));
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_whole(&world);
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.assert_nothing_left();
}

/// The same for what a dev session left running; a save is live afterwards.
#[track_caller]
fn dev_mends(by_hand: impl Fn(&Client, &Container)) {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&["--keep"]);
    assert_eq!(session.stop(), 130);
    by_hand(world.client(), &world.container("demo/web"));
    let mut session = world.dev_ready(&[]);
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    assert_whole(&world);
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "two");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

fn remove(client: &Client, container: &Container) {
    client.remove(&container.id);
}

fn kill(client: &Client, container: &Container) {
    client.kill(&container.id);
}

fn stop(client: &Client, container: &Container) {
    client.stop(&container.id);
}

fn pause(client: &Client, container: &Container) {
    client.pause(&container.id);
}

fn rename(client: &Client, container: &Container) {
    client.rename(&container.id, &format!("renamed-{}", &container.id[..12]));
}

fn disconnect(client: &Client, container: &Container) {
    for network in container.networks() {
        client.disconnect(&network, &container.id);
    }
}

fn remove_network(client: &Client, container: &Container) {
    let project = container.label("hob.project").unwrap();
    for network in client.networks_of(project) {
        client.remove_network(&network);
    }
}

#[test]
fn up_makes_a_removed_container_anew() {
    up_mends(remove);
}

#[test]
fn up_starts_a_killed_container() {
    up_mends(kill);
}

#[test]
fn up_starts_a_stopped_container() {
    up_mends(stop);
}

#[test]
fn up_wakes_a_paused_container_up() {
    up_mends(pause);
}

#[test]
fn up_knows_a_renamed_container_by_its_labels() {
    up_mends(rename);
}

#[test]
fn up_connects_a_disconnected_container() {
    up_mends(disconnect);
}

#[test]
fn up_makes_a_removed_network_anew() {
    up_mends(remove_network);
}

#[test]
fn dev_makes_a_removed_container_anew() {
    dev_mends(remove);
}

#[test]
fn dev_starts_a_killed_container() {
    dev_mends(kill);
}

#[test]
fn dev_starts_a_stopped_container() {
    dev_mends(stop);
}

#[test]
fn dev_wakes_a_paused_container_up() {
    dev_mends(pause);
}

#[test]
fn dev_knows_a_renamed_container_by_its_labels() {
    dev_mends(rename);
}

#[test]
fn dev_connects_a_disconnected_container() {
    dev_mends(disconnect);
}

#[test]
fn dev_makes_a_removed_network_anew() {
    dev_mends(remove_network);
}

/// A session brings its service back after what is done to it by hand, and a
/// save is live afterwards.
#[track_caller]
fn session_mends(by_hand: impl Fn(&Client, &Container)) {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    by_hand(world.client(), &world.container("demo/web"));
    World::answers(port, "one");
    world.page("demo/web", "two\n");
    World::answers(port, "two");
    assert_whole(&world);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_container_that_is_removed_under_a_session_is_made_anew_by_it() {
    session_mends(remove);
}

#[test]
fn a_container_that_is_killed_under_a_session_is_started_by_it() {
    session_mends(kill);
}

#[test]
fn a_container_that_is_stopped_under_a_session_is_started_by_it() {
    session_mends(stop);
}

#[test]
fn a_container_that_is_restarted_under_a_session_is_met_again_by_it() {
    session_mends(|client, container| client.restart(&container.id));
}

#[test]
fn a_network_that_is_removed_under_a_session_is_made_anew_by_the_next_up_or_dev() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&["--keep"]);
    remove_network(world.client(), &world.container("demo/web"));
    // The session's way to the agent is another one.
    world.page("demo/web", "two\n");
    world.hob(["wait", "web"]).good();
    assert_eq!(session.stop(), 130);
    let mut session = world.dev_ready(&[]);
    World::answers(port, "two");
    assert_whole(&world);
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_container_that_is_paused_under_a_session_is_told_of_and_goes_on() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    let container = world.container("demo/web").id;
    world.client().pause(&container);
    world.page("demo/web", "two\n");
    // Whether hob wakes it up or somebody else does, no save is lost.
    if world.container("demo/web").state() == "paused" {
        world.client().unpause(&container);
    }
    World::answers(port, "two");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn up_builds_a_deleted_image_again() {
    let Web { world, port } = imaged("one");
    world.hob(["up"]).good();
    let container = world.container("demo/web");
    let image = container.image().to_owned();
    world.client().remove(&container.id);
    world.client().remove_image(&image);
    world.hob(["up"]).good();
    World::answers(port, "one");
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.assert_nothing_kept();
}

#[test]
fn networks_of_the_same_name_are_left_alone_and_one_in_the_way_is_named() {
    let Web { world, port } = web();
    let client = world.client();
    let name = format!("hob-{}.demo", world.project());
    let before = client.make_network(&name);
    let up = world.hob(["up"]);
    let answer = http::get(port, "/");
    let down = world.hob(["down", "--prove"]);
    // It is there still, or this fails.
    client.remove_network(&before);
    up.good();
    assert_eq!(answer.unwrap().body, "one");
    down.good();
    world.assert_nothing_left();

    world.hob(["up"]).good();
    let after = client.make_network(&name);
    let again = world.hob(["up"]);
    client.remove(&world.container("demo/web").id);
    let refused = world.hob(["up"]);
    client.remove_network(&after);
    let again = again.good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    // An engine cannot tell two of one name apart.
    assert_eq!(refused.code, 1, "{refused:?}");
    for part in [&name, "is ambiguous", "docker network ls"] {
        assert!(refused.err.contains(part), "{part}: {refused:?}");
    }
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.assert_nothing_left();
}

#[test]
fn a_volume_of_the_same_name_is_not_taken_for_ones_own() {
    let Web { world, port } = web_of(|it| it.with("volumes = { data = \"/data\" }"));
    let client = world.client();
    let name = format!("hob-{}.demo.web.data", world.project());
    client.make_volume(&name);
    let up = world.hob(["up"]);
    let down = world.hob(["down", "--volumes", "--prove"]);
    // It is there still, or this fails.
    client.remove_volume(&name);
    assert_eq!(up.code, 1, "{up:?}");
    assert!(up.err.contains(&name), "{up:?}");
    down.good();
    world.hob(["up"]).good();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    world.assert_nothing_kept();
}

#[test]
fn what_is_not_hobs_is_left_alone() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let client = world.client();
    let base = hob_e2e::engine::base();
    let name = format!("strangers-{}", world.project());
    let tag = format!("{name}:1");
    client.tag(base, &tag);
    let stranger = client.run(&name, base, &[], &["sleep", "1000"]);
    world.hob(["down", "--volumes", "--prove"]).good();
    let goes_on = client
        .inspect(&stranger)
        .is_some_and(|it| it.state() == "running");
    let has_image = client.has_image(&tag);
    client.remove(&stranger);
    client.remove_image(&tag);
    assert!(goes_on && has_image, "{goes_on} {has_image}");
    until("its end", || client.inspect(&stranger).is_none());
}

//! One door to every service that is up, by a real nginx.

use hob_e2e::{Poller, Service, World, http, stack, until};

/// A project with two services, and the port of an ingress that is up.
pub(crate) fn doored() -> (World, u16) {
    let mut world = World::new();
    let (web, api, door) = (world.port(), world.port(), world.port());
    let services = [Service::new("web", web), Service::new("api", api)];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let port = door.to_string();
    world.hob(["ingress", "up", "--port", &port]).good();
    (world, door)
}

/// What a host answers: status and body; none when the door is closed on it.
pub(crate) fn asked(door: u16, host: &str) -> Option<(u16, String)> {
    let answer = http::get_from(door, host, "/").ok()?;
    Some((answer.status, answer.body))
}

pub(crate) fn good(body: &str) -> Option<(u16, String)> {
    Some((200, body.to_owned()))
}

#[test]
fn who_asks_before_anything_was_asked_for_is_told_and_writes_nothing() {
    let world = World::new();
    for service in ["ingress", "dns"] {
        let status = world.hob([service, "status"]).good();
        assert_eq!(status.out, "");
        let told = format!("nothing is up: hob's {service} was never asked for");
        assert!(status.err.contains(&told), "{status:?}");
        let told = world.hob([service, "status", "--json"]).good();
        assert!(told.out.contains("\"note\":\"nothing is up"), "{told:?}");
    }
    assert!(!world.platform().exists());
}

#[test]
fn each_service_that_is_up_is_behind_the_door_by_its_name() {
    let (world, door) = doored();
    assert_eq!(asked(door, "web.demo.test"), None);
    world.hob(["up"]).good();
    for name in ["web", "api"] {
        let host = format!("{name}.demo.test");
        until(&host, || asked(door, &host) == good(name));
    }
    let (status, words) = asked(door, "nobody.demo.test").unwrap();
    assert_eq!((status, words.trim()), (503, "nothing serves demo now"));
    assert_eq!(asked(door, "web.demo.example"), None);
    let status = world.hob(["ingress", "status"]).good();
    let url = format!("http://web.demo.test:{door}/");
    assert!(status.out.contains(&url), "{status:?}");
    world.hob(["down", "web"]).good();
    until("503", || {
        asked(door, "web.demo.test").is_some_and(|it| it.0 == 503)
    });
    assert_eq!(asked(door, "api.demo.test"), good("api"));
    world.hob(["down"]).good();
    until("a closed door", || asked(door, "api.demo.test").is_none());
}

#[test]
fn saves_of_a_session_fail_no_request_through_the_door() {
    let (world, door) = doored();
    let mut session = world.dev_ready(&[]);
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let poller = Poller::start_from(door, "web.demo.test");
    for save in ["one", "two", "three"] {
        world.page("demo/web", &format!("{save}\n"));
        until(save, || asked(door, "web.demo.test") == good(save));
    }
    let polled = poller.end();
    assert_eq!(polled.bad, Vec::<String>::new());
    assert_eq!(session.stop(), 130);
}

#[test]
fn an_ingress_that_begins_anew_has_its_routes() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let platform = world.platform();
    let platform = platform.to_str().unwrap();
    let again = ["--project", platform, "restart", "ingress"];
    world.hob(again).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    world.hob(["ingress", "down"]).good();
    assert_eq!(asked(door, "web.demo.test"), None);
    world.hob(["ingress", "up"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
}

#[test]
fn another_port_is_taken_by_an_ingress_that_is_up_and_remembered() {
    let (mut world, door) = doored();
    world.hob(["up", "web"]).good();
    let other = world.port();
    let port = other.to_string();
    world.hob(["ingress", "up", "--port", &port]).good();
    until("the door", || asked(other, "web.demo.test") == good("web"));
    assert_eq!(asked(door, "web.demo.test"), None);
    world.hob(["up", "api"]).good();
    until("the door", || asked(other, "api.demo.test") == good("api"));
}

#[test]
fn what_a_killed_hob_did_not_tell_the_next_one_does() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    // As if it had never been told.
    let told = world.platform().join("announced");
    for file in std::fs::read_dir(told).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    world.hob(["up", "api", "--only"]).good();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    assert_eq!(asked(door, "api.demo.test"), good("api"));
}

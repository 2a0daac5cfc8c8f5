//! What surrounds the services, with its folder, volumes and networks gone
//! under it, and several hobs at it at once.

use hob_e2e::dns::ask;
use hob_e2e::{Service, Session, World, stack, until};

use crate::dns::here;
use crate::ingress::{asked, doored, good};

/// Resolver and ingress, and a project with two services.
pub(crate) fn surrounded() -> (World, u16, u16) {
    let (mut world, door) = doored();
    let dns = world.port();
    world.hob(["dns", "up", "--port", &dns.to_string()]).good();
    (world, door, dns)
}

/// That all that there is leads to a service.
pub(crate) fn leads(world: &World, (door, dns): (u16, u16), service: &str) {
    let host = format!("{service}.demo.test");
    until(&host, || asked(door, &host) == good(service));
    until(&host, || ask(dns, &host) == here());
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains(&host), "{status:?}");
}

/// Takes everything down, with a proof.
pub(crate) fn all_down(world: &World) {
    let down = ["down", "--all", "--yes", "--volumes", "--prove"];
    let down = world.hob(down).good();
    assert_eq!(down.out, "", "{down:?}");
    world.assert_gone(true);
    let left = world.engine().left(world.client(), &world.platform(), true);
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn its_folder_can_go_under_it_and_the_next_commands_make_it_anew() {
    let (world, door, dns) = surrounded();
    world.hob(["up", "web"]).good();
    leads(&world, (door, dns), "web");
    std::fs::remove_dir_all(world.platform()).unwrap();
    world.hob(["up", "api", "--only"]).good();
    // The settings are gone, too.
    let (door_port, dns_port) = (door.to_string(), dns.to_string());
    world.hob(["ingress", "up", "--port", &door_port]).good();
    world.hob(["dns", "up", "--port", &dns_port]).good();
    leads(&world, (door, dns), "web");
    leads(&world, (door, dns), "api");
    world.hob(["down", "web"]).good();
    until("503", || {
        asked(door, "web.demo.test").is_some_and(|it| it.0 == 503)
    });
    std::fs::remove_dir_all(world.platform()).unwrap();
    all_down(&world);
}

#[test]
fn what_was_announced_can_be_cut_short_or_of_another_version() {
    let (world, door, dns) = surrounded();
    world.hob(["up"]).good();
    leads(&world, (door, dns), "web");
    let told = world.platform().join("announced");
    for (at, file) in std::fs::read_dir(&told).unwrap().enumerate() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = match at {
            0 => text[..text.len() / 2].to_owned(),
            _ => r#"{"version": 7, "services": "others"}"#.to_owned(),
        };
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(told.join("garbage"), "\0").unwrap();
    world.hob(["up"]).good();
    leads(&world, (door, dns), "web");
    leads(&world, (door, dns), "api");
    all_down(&world);
}

#[test]
fn a_hob_that_is_killed_before_the_ingress_has_read_its_routes_is_made_up_for() {
    let (world, door, dns) = surrounded();
    world.hob(["up", "web"]).good();
    leads(&world, (door, dns), "web");
    let routes = world.platform().join("stacks/hob/routes/nginx.conf");
    let before = std::fs::read_to_string(&routes).unwrap();
    // Killed as soon as the routes are written, before or while they are read.
    let mut up = world.background(["up", "api", "--only"]);
    until("other routes", || {
        std::fs::read_to_string(&routes).unwrap() != before
    });
    up.kill();
    world.hob(["up"]).good();
    leads(&world, (door, dns), "api");
    all_down(&world);
}

#[test]
fn what_fails_for_the_resolver_keeps_no_route_from_the_ingress() {
    let (world, door, _) = surrounded();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    // The note of what the resolver has begun with cannot be written.
    let note = world.platform().join("began/names");
    std::fs::remove_file(&note).unwrap();
    std::fs::create_dir(&note).unwrap();
    let up = world.hob(["up", "api"]).code(1);
    assert!(up.err.contains("began/names"), "{up:?}");
    until("the door", || asked(door, "api.demo.test") == good("api"));
    std::fs::remove_dir(&note).unwrap();
    let up = world.hob(["dns", "up"]).good();
    assert!(!up.err.contains("began/names"), "{up:?}");
}

#[test]
fn several_hobs_at_once_leave_one_truth() {
    let (world, door, dns) = surrounded();
    let second = world.checkout("second");
    let text = world.engine().project_file().unwrap_or_default();
    let own = format!("{text}domains = [\"second.test\"]\n");
    std::fs::write(second.root().join("hob.toml"), own).unwrap();
    let mut all: Vec<Session> = vec![
        world.background(["up"]),
        second.background(&["up", "--port-offset", "1000"]),
        world.background(["ingress", "up"]),
        world.background(["ingress", "up"]),
        world.background(["dns", "up"]),
    ];
    for hob in &mut all {
        assert_eq!(hob.end(), 0, "{}", hob.err());
    }
    leads(&world, (door, dns), "web");
    leads(&world, (door, dns), "api");
    for service in ["web", "api"] {
        let host = format!("{service}.demo.second.test");
        until(&host, || asked(door, &host) == good(service));
        until(&host, || ask(dns, &host) == here());
    }
    let mut both = [world.background(["down"]), second.background(&["down"])];
    for hob in &mut both {
        assert_eq!(hob.end(), 0, "{}", hob.err());
    }
    until("a closed door", || asked(door, "web.demo.test").is_none());
    all_down(&world);
}

#[test]
fn a_stack_of_nothing_but_tcp_has_names_and_no_route() {
    let (mut world, door, dns) = surrounded();
    let port = world.port();
    let tcp = Service::new("tcp", port).with("protocol = \"tcp\"");
    world.stack("other", &stack(&[tcp]));
    world.page("other/tcp", "tcp\n");
    world.hob(["up", "other"]).good();
    until("a name", || ask(dns, "tcp.other.test") == here());
    until("nobody serves it here", || {
        asked(door, "tcp.other.test").is_some_and(|it| it.0 == 503)
    });
}

//! `needs` and `wants`: order, names in the environment, and what a mistake
//! in one service means for the others.

use hob_e2e::{Service, World, http, stack, until};

/// `web` needs `api`, wants `cache`; `alone` knows nobody.
pub(crate) fn four() -> (World, Ports) {
    let mut world = World::new();
    let ports = Ports {
        web: world.port(),
        api: world.port(),
        cache: world.port(),
        alone: world.port(),
    };
    let services = [
        Service::new("web", ports.web).with("needs = [\"api\"]\nwants = [\"cache\"]"),
        Service::new("api", ports.api),
        Service::new("cache", ports.cache),
        Service::new("alone", ports.alone),
    ];
    world.stack("demo", &stack(&services));
    for name in ["web", "api", "cache", "alone"] {
        world.page(&format!("demo/{name}"), &format!("{name}\n"));
    }
    (world, ports)
}

pub(crate) struct Ports {
    pub(crate) web: u16,
    pub(crate) api: u16,
    pub(crate) cache: u16,
    pub(crate) alone: u16,
}

#[test]
fn a_service_is_told_where_its_needs_and_wants_are() {
    let (world, ports) = four();
    world.hob(["up"]).good();
    let env = http::get(ports.web, "/env").unwrap().body;
    for (service, published) in [("api", ports.api), ("cache", ports.cache)] {
        let name = service.to_uppercase();
        let (host, port) = world.engine().address(service, published);
        assert!(env.contains(&format!("{name}_HOST={host}\n")), "{env}");
        assert!(env.contains(&format!("{name}_PORT={port}\n")), "{env}");
        assert!(
            env.contains(&format!("{name}_URL=http://{host}:{port}\n")),
            "{env}"
        );
    }
    assert!(!env.contains("ALONE_"), "{env}");
    let env = http::get(ports.alone, "/env").unwrap().body;
    assert!(!env.contains("API_") && !env.contains("CACHE_"), "{env}");
}

#[test]
fn a_service_starts_only_when_what_it_needs_is_ready() {
    let (world, ports) = four();
    world.page("demo/api", "api\nslow 3000\n");
    let mut session = world.dev_ready(&[]);
    assert_eq!(http::get(ports.web, "/").unwrap().body, "web");
    session.stop();
    let out = session.out();
    let at = |kind: &str, service: &str| {
        out.lines().position(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["event"]["kind"].get(kind).is_some() && value["event"]["service"] == service
        })
    };
    let (ready, started) = (at("swapped", "demo/api"), at("started", "demo/web"));
    assert!(ready.is_some() && ready < started, "{out}");
    // It was built meanwhile.
    assert!(at("built", "demo/web") < ready, "{out}");
}

#[test]
fn naming_a_service_brings_up_what_it_needs_and_nothing_else() {
    let (world, ports) = four();
    world.hob(["up", "web"]).good();
    for (port, body) in [
        (ports.web, "web"),
        (ports.api, "api"),
        (ports.cache, "cache"),
    ] {
        assert_eq!(http::get(port, "/").unwrap().body, body);
    }
    assert!(http::get(ports.alone, "/").is_err());
}

#[test]
fn a_failed_need_blocks_only_its_dependents_and_a_mend_goes_on() {
    let (world, ports) = four();
    world.page("demo/api", "BROKEN\n");
    let mut session = world.dev(&[]);
    session.wait("not everything is ready");
    session.wait("demo/web waits");
    assert_eq!(http::get(ports.alone, "/").unwrap().body, "alone");
    assert_eq!(http::get(ports.cache, "/").unwrap().body, "cache");
    world.page("demo/api", "api\n");
    session.wait("ready; every save");
    assert_eq!(http::get(ports.web, "/").unwrap().body, "web");
    assert_eq!(session.stop(), 130);
    world.assert_nothing_left();
}

#[test]
fn a_failed_need_of_up_blocks_only_its_dependents() {
    let (world, ports) = four();
    world.page("demo/api", "BROKEN\n");
    let up = world.hob(["up"]).code(3);
    assert!(
        up.err.contains("page.txt:1: syntax error near BROKEN"),
        "{up:?}"
    );
    assert!(up.err.contains("demo/web waits"), "{up:?}");
    assert_eq!(http::get(ports.alone, "/").unwrap().body, "alone");
    assert!(http::get(ports.web, "/").is_err());
    world.page("demo/api", "api\n");
    world.hob(["up"]).good();
    assert_eq!(http::get(ports.web, "/").unwrap().body, "web");
}

#[test]
fn a_failed_want_blocks_nobody() {
    let (world, ports) = four();
    world.page("demo/cache", "BROKEN\n");
    let mut session = world.dev(&[]);
    session.wait("not everything is ready");
    assert_eq!(http::get(ports.web, "/").unwrap().body, "web");
    session.stop();
}

#[test]
fn a_service_that_is_being_updated_holds_nobody_back_who_needs_it() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [
        Service::new("web", web).with("needs = [\"api\"]"),
        Service::new("api", api),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "one\n");
    let mut session = world.dev_ready(&["api", "--keep"]);
    // A save whose process takes its time.
    world.page("demo/api", "two\nslow 3600000\n");
    let updating = || {
        world
            .status("api")
            .is_some_and(|it| it["phase"] == "updating")
    };
    until("the update", updating);
    let plan = world.hob(["plan", "web"]).good();
    let because = format!("await {} demo/api", world.engine().unit());
    assert!(plan.out.contains(&because), "{plan:?}");
    assert!(plan.out.contains("an older save still answers"), "{plan:?}");
    session.stop();
    let mut session = world.dev(&["web"]);
    World::answers(web, "web");
    assert_eq!(http::get(api, "/").unwrap().body, "one");
    session.stop();
}

//! Stacks with a door of their own: `[ingress]` and `routes`, by a real nginx
//! and a real dnsmasq.

use std::net::{Ipv4Addr, TcpListener};

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{Poller, Service, World, http, stack, until};

/// A project whose stack `shop` has a door, and the ports around it.
struct Shop {
    world: World,
    /// The stack's own.
    door: u16,
    /// The ingress's for all stacks.
    http: u16,
    dns: u16,
}

/// Nothing is up, the platform was never asked for.
fn shop() -> Shop {
    let mut world = World::new();
    let (door, http, dns) = (world.port(), world.port(), world.port());
    world.platform_on(http, dns);
    world.stack("shop", &routed(door, "/", "/api/"));
    for name in ["web", "api", "deep"] {
        world.page(&format!("shop/{name}"), &format!("{name}\npaths\n"));
    }
    Shop {
        world,
        door,
        http,
        dns,
    }
}

/// The stack's file: its door, and what leads to `web` and `api`.
fn routed(door: u16, web: &str, api: &str) -> String {
    let service =
        |name: &str, path: &str| Service::auto(name).with(&format!("routes = [\"{path}\"]"));
    let services = [
        service("web", web),
        service("api", api),
        service("deep", "/api/deep"),
    ];
    let text = stack(&services);
    let door = format!("version = 1\n\n[ingress]\nport = {door}\n");
    text.replacen("version = 1\n", &door, 1)
}

/// Adds a stack `late` with a door of its own, whose port this is.
fn late(shop: &mut Shop) -> u16 {
    let door = shop.world.port();
    let text = routed(door, "/", "/api").replace("[services.", "[services.x");
    shop.world.stack("late", &text);
    for name in ["web", "api", "deep"] {
        shop.world
            .page(&format!("late/{name}"), &format!("{name}\npaths\n"));
    }
    door
}

/// What a port answers for a path: status and body; none when nobody listens.
fn asked(port: u16, path: &str) -> Option<(u16, String)> {
    let answer = http::get(port, path).ok()?;
    Some((answer.status, answer.body))
}

fn by_name(port: u16, host: &str, path: &str) -> Option<(u16, String)> {
    let answer = http::get_from(port, host, path).ok()?;
    Some((answer.status, answer.body))
}

fn good(body: &str) -> Option<(u16, String)> {
    Some((200, body.to_owned()))
}

#[test]
fn what_a_stack_with_a_door_stands_on_comes_up_before_it_and_stays() {
    let shop = shop();
    let (world, door) = (&shop.world, shop.door);
    let up = world.hob(["up"]).good();
    let first = "shop stands on hob's dns and ingress: first that";
    assert!(up.err.contains(first), "{up:?}");
    assert_eq!(asked(door, "/"), good("web"));
    assert_eq!(by_name(shop.http, "shop.test", "/"), good("web"));
    assert_eq!(by_name(shop.http, "api.shop.test", "/"), good("api"));
    let here = Answer::Addresses(vec![Ipv4Addr::LOCALHOST]);
    until("a name", || {
        ask(shop.dns, "shop.test").as_ref() == Some(&here)
    });
    for address in [
        format!("  http://localhost:{door}/\n"),
        format!("  http://localhost:{door}/api\n"),
        format!("  http://shop.test:{}/api\n", shop.http),
        format!("  http://web.shop.test:{}/\n", shop.http),
    ] {
        assert!(up.err.contains(&address), "{address}: {up:?}");
    }
    // What names need on this machine, whichever it is.
    let install = "names such as shop.test need `hob dns install`";
    let curl = format!(
        "`curl --header 'Host: shop.test' http://127.0.0.1:{}",
        shop.http
    );
    let said = |line: &&str| line.contains(install) || line.contains(&curl);
    assert_eq!(up.err.lines().filter(said).count(), 1, "{up:?}");
    let again = world.hob(["up"]).good();
    assert!(!again.err.contains("stands on"), "{again:?}");
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.hob(["down"]).good();
    until("a closed door", || asked(door, "/").is_none());
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains("ready"), "{status:?}");
    assert!(!status.out.contains("localhost"), "{status:?}");
    let once_more = world.hob(["up"]).good();
    assert!(!once_more.err.contains("stands on"), "{once_more:?}");
    assert_eq!(asked(door, "/"), good("web"));
    let status = world.hob(["ingress", "status"]).good();
    let address = format!("http://localhost:{door}/api\n");
    assert!(status.out.contains(&address), "{status:?}");
}

#[test]
fn the_longest_path_answers_and_gets_the_path_as_it_was_asked_for() {
    let shop = shop();
    shop.world.hob(["up"]).good();
    for (path, told) in [
        ("/", "web"),
        ("/any/path?a=1", "web /any/path?a=1"),
        ("/apis", "web /apis"),
        ("/api", "api /api"),
        ("/api/", "api /api/"),
        ("/api/deeper", "api /api/deeper"),
        ("/api/deep", "deep /api/deep"),
        ("/api/deep/x", "deep /api/deep/x"),
    ] {
        assert_eq!(asked(shop.door, path), good(told), "{path}");
    }
}

#[test]
fn a_route_to_what_is_down_answers_503_while_the_stack_has_anything_up() {
    let shop = shop();
    let Shop { world, door, .. } = &shop;
    world.hob(["up"]).good();
    world.hob(["down", "api"]).good();
    until("503", || asked(*door, "/api").is_some_and(|it| it.0 == 503));
    let (_, words) = asked(*door, "/api").unwrap();
    assert_eq!(words.trim(), "nothing serves api now");
    assert_eq!(asked(*door, "/"), good("web"));
    world.hob(["up", "api"]).good();
    assert_eq!(asked(*door, "/api"), good("api /api"));
}

#[test]
fn a_session_follows_its_stack_file_and_no_other_route_fails_meanwhile() {
    let shop = shop();
    let Shop { world, door, .. } = &shop;
    let mut session = world.dev_ready(&[]);
    until("the door", || asked(*door, "/") == good("web"));
    let poller = Poller::start(*door);
    world.stack("shop", &routed(*door, "/", "/other"));
    until("the new path", || {
        asked(*door, "/other") == good("api /other")
    });
    let polled = poller.end();
    assert_eq!(polled.bad, Vec::<String>::new());
    assert!(polled.good > 0);
    assert_eq!(session.stop(), 130);
    until("a closed door", || asked(*door, "/").is_none());
}

#[test]
fn a_door_that_somebody_else_listens_at_is_said_before_anything_is_changed() {
    let mut shop = shop();
    shop.world.hob(["up"]).good();
    let taken = late(&mut shop);
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
    let refused = shop.world.hob(["up", "late"]).code(1);
    let whose = format!("(process {}) has it", std::process::id());
    let said = format!("the ingress cannot listen on 127.0.0.1:{taken}: ");
    assert!(refused.err.contains(&said), "{refused:?}");
    assert!(refused.err.contains(&whose), "{refused:?}");
    assert!(
        refused.err.contains("hint: `--port-offset 100`"),
        "{refused:?}"
    );
    assert!(
        shop.world
            .status("late/xweb")
            .is_none_or(|it| it["phase"] == "down")
    );
    assert_eq!(asked(shop.door, "/"), good("web"));
    let doctor = shop.world.hob(["doctor", "late"]);
    let said = "the ingress of late is to have it, and ";
    assert!(doctor.out.contains(said), "{doctor:?}");
    drop(stranger);
    shop.world.hob(["up", "late"]).good();
    let doctor = shop.world.hob(["doctor", "late"]);
    assert!(
        doctor.out.contains("the ingress of late has it"),
        "{doctor:?}"
    );
    assert_eq!(asked(taken, "/"), good("web"));
    assert_eq!(asked(shop.door, "/"), good("web"));
    let own = "hob's resolver has 127.0.0.1";
    assert!(doctor.out.contains(own), "{doctor:?}");
    // A service that wants what the ingress has for another stack.
    let taker = stack(&[Service::new("taker", shop.door)]);
    shop.world.stack("taker", &taker);
    shop.world.page("taker/taker", "taker\n");
    let doctor = shop.world.hob(["doctor", "taker"]);
    let root = shop.world.root().display().to_string();
    let said = format!("taker/taker is to have it, and hob's ingress (for shop of {root}) does");
    assert!(doctor.out.contains(&said), "{doctor:?}");
}

#[test]
fn a_door_whose_port_somebody_else_has_closes_no_other_one_and_opens_once_it_is_free() {
    let mut shop = shop();
    let late = late(&mut shop);
    let Shop {
        world, door, http, ..
    } = &shop;
    world.hob(["up", "shop"]).good();
    world.hob(["ingress", "down"]).good();
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, *door)).unwrap();
    let up = world.hob(["up", "late"]).good();
    let start = format!("the door of shop at 127.0.0.1:{door} stays closed: ");
    let end = format!(
        "(process {}) has the port; `hob ingress up` opens it once that is free",
        std::process::id()
    );
    assert!(up.err.contains(&start) && up.err.contains(&end), "{up:?}");
    assert_eq!(asked(late, "/"), good("web"));
    assert_eq!(by_name(*http, "shop.test", "/"), good("web"));
    let ingress = world.hob(["ingress", "up"]).good();
    assert!(ingress.err.contains(&start), "{ingress:?}");
    let status = world.hob(["status", "shop"]).good();
    let said = format!("shop: its door http://localhost:{door} is closed: ");
    assert!(status.err.contains(&said), "{status:?}");
    assert!(status.err.contains(&end), "{status:?}");
    let status = world.hob(["status", "late"]).good();
    assert!(!status.err.contains("is closed"), "{status:?}");
    let closed = format!("http://localhost:{door}/");
    assert!(!ingress.out.contains(&closed), "{ingress:?}");
    let dns = world.hob(["dns", "up"]).good();
    assert!(!dns.err.contains("stays closed"), "{dns:?}");
    let refused = world.hob(["up", "shop"]).code(1);
    let said = format!("the ingress cannot listen on 127.0.0.1:{door}: ");
    assert!(refused.err.contains(&said), "{refused:?}");
    drop(stranger);
    let up = world.hob(["up", "late"]).good();
    assert!(!up.err.contains("stays closed"), "{up:?}");
    assert_eq!(asked(*door, "/"), good("web"));
    assert_eq!(asked(late, "/"), good("web"));
    let ingress = world.hob(["ingress", "status"]).good();
    assert!(ingress.out.contains(&closed), "{ingress:?}");
}

#[test]
fn what_is_down_serves_no_address_and_no_name_and_its_stacks_are_told() {
    let shop = shop();
    let Shop { world, door, .. } = &shop;
    world.hob(["up"]).good();
    let status = world.hob(["status"]).good();
    assert!(!status.err.contains("is closed"), "{status:?}");
    for service in ["ingress", "dns"] {
        let status = world.hob([service, "status"]).good();
        assert!(status.out.contains("shop.test"), "{status:?}");
        world.hob([service, "down"]).good();
        let status = world.hob([service, "status"]).good();
        let said = format!("not up: `hob {service} up`");
        assert!(status.err.contains(&said), "{status:?}");
        assert!(!status.out.contains("shop.test"), "{status:?}");
    }
    let status = world.hob(["status"]).good();
    let said = format!("shop: its door http://localhost:{door} is closed: `hob ingress up`\n");
    assert!(status.err.contains(&said), "{status:?}");
}

#[test]
fn a_session_waits_for_a_door_that_somebody_else_listens_at() {
    let shop = shop();
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, shop.door)).unwrap();
    let mut session = shop.world.dev(&[]);
    let said = format!("the ingress cannot listen on 127.0.0.1:{}", shop.door);
    session.wait(&said);
    assert_eq!(shop.world.marked(), []);
    drop(stranger);
    until("the door", || asked(shop.door, "/") == good("web"));
    assert_eq!(session.stop(), 130);
}

#[test]
fn a_second_checkout_is_told_who_has_the_door_and_may_have_another() {
    let mut shop = shop();
    // A port of this test's own that lies above.
    let mut ports = std::iter::repeat_with(|| shop.world.port());
    let other = ports.find(|it| *it > shop.door).unwrap();
    let offset = (other - shop.door).to_string();
    let Shop { world, door, .. } = &shop;
    let second = world.checkout("q");
    world.hob(["up"]).good();
    let refused = second.hob(&["up"]).code(1);
    let root = world.root().display().to_string();
    let said = format!("answers on port {door} for shop of {root}, so not for shop");
    assert!(refused.err.contains(&said), "{refused:?}");
    second.hob(&["up", "--port-offset", &offset]).good();
    assert_eq!(asked(other, "/"), good("web"));
    // Whoever takes something down does not know by how much it was moved.
    second.hob(&["down", "api"]).good();
    until("503", || asked(other, "/api").is_some_and(|it| it.0 == 503));
    assert_eq!(asked(*door, "/"), good("web"));
}

#[test]
fn projects_of_another_state_home_are_not_led_to_and_those_told_of_before_go() {
    let shop = shop();
    let world = &shop.world;
    let mut other = World::with_stack("other", &stack(&[Service::auto("web")]));
    other.page("other/web", "other\n");
    let runtime = world.runtime();
    other.set("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
    other.hob(["up"]).good();
    world.hob(["up"]).good();
    world.hob(["ingress", "up"]).good();
    let answer = || by_name(shop.http, "web.other.test", "/").map(|it| it.0);
    assert_ne!(answer(), Some(200));
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains("web.shop.test"), "{status:?}");
    assert!(!status.out.contains("other.test"), "{status:?}");
    // What an older hob took in of it.
    let told = world.platform().join("announced");
    let own = std::fs::read_dir(&told).unwrap().flatten();
    let own = own.map(|it| std::fs::read_to_string(it.path()).unwrap());
    let own = own.into_iter().find(|it| it.contains("\"shop\"")).unwrap();
    let strange = own.replace("\"shop\"", "\"other\"");
    std::fs::write(told.join("0123456789abcdef-host.json"), strange).unwrap();
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains("web.other.test"), "{status:?}");
    world.hob(["down", "api"]).good();
    let status = world.hob(["ingress", "status"]).good();
    assert!(status.out.contains("web.shop.test"), "{status:?}");
    assert!(!status.out.contains("other.test"), "{status:?}");
    other.hob(["down", "--prove"]).good();
}

#[test]
fn an_offset_that_leads_a_door_past_the_last_port_is_refused() {
    let shop = shop();
    let refused = shop.world.hob(["up", "--port-offset", "60000"]).code(2);
    let said = "of `[ingress]` of shop would be past 65535";
    assert!(refused.err.contains(said), "{refused:?}");
    let status = shop.world.hob(["ingress", "status"]).good();
    assert!(status.err.contains("nothing is up"), "{status:?}");
}

#[test]
fn without_a_resolver_a_stack_is_warned_and_comes_up() {
    let shop = shop();
    let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, shop.dns)).unwrap();
    let up = shop.world.hob(["up"]).good();
    let said = "the resolver is not up: names of shop lead nowhere";
    assert!(up.err.contains(said), "{up:?}");
    assert_eq!(asked(shop.door, "/"), good("web"));
}

#[test]
fn without_an_ingress_a_stack_does_not_come_up() {
    let shop = shop();
    let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, shop.http)).unwrap();
    let up = shop.world.hob(["up"]).code(1);
    let said = "the ingress did not come up, and shop cannot do without it";
    assert!(up.err.contains(said), "{up:?}");
    assert_eq!(asked(shop.door, "/"), None);
}

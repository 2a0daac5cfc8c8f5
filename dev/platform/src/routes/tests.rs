//! What is led where, by the lines that nginx gets.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use snapbox::{assert_data_eq, str};

use super::*;
use crate::announced::Speaks;

fn project(services: &[(&str, &str, u16)]) -> Announced {
    let service = |(stack, service, port): &(&str, &str, u16)| AnnouncedService {
        stack: (*stack).to_owned(),
        service: (*service).to_owned(),
        names: BTreeMap::from([(service.to_string(), 100)]),
        addr: SocketAddr::from(([0, 0, 0, 0], *port)),
        speaks: match *service {
            "db" => Speaks::Other,
            "greeter" => Speaks::Grpc,
            _ => Speaks::Http,
        },
        version: "1".to_owned(),
    };
    Announced {
        root: "/p".into(),
        domains: BTreeSet::from(["test".to_owned()]),
        services: services.iter().map(service).collect(),
        ..Announced::default()
    }
}

/// The hosts that are served, and where they lead, line by line.
fn led(all: &[Announced]) -> Vec<String> {
    text_led(&routes(all, &doors()).unwrap())
}

fn doors() -> Doors {
    Doors {
        http: 80,
        ..Doors::default()
    }
}

fn text_led(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let told = |line: &&str| {
        ["server_name ", "server ", "listen ", "ssl_"]
            .iter()
            .any(|start| line.starts_with(start) && !line.ends_with('{'))
    };
    lines.filter(told).map(str::to_owned).collect()
}

#[test]
fn each_service_of_http_has_a_host_and_each_stack_has_the_others() {
    let all = [project(&[("shop", "web", 20000), ("shop", "db", 5432)])];
    let led = led(&all).join("\n");
    for part in [
        "listen 127.0.0.1:80",
        "server_name web.shop.test;",
        "server 127.0.0.1:20000",
        "*.shop.test",
    ] {
        assert!(led.contains(part), "{part}: {led}");
    }
    assert!(!led.contains("db.shop.test"), "{led}");
}

#[test]
fn calls_go_to_services_of_grpc_and_requests_to_those_of_http() {
    let mut shop = project(&[("shop", "web", 20000), ("shop", "greeter", 20001)]);
    let routes_of = [("/", "web"), ("/hello.Greeter", "greeter")];
    let said = AnnouncedStack {
        routes: routes_of.map(|(path, of)| (path.into(), of.into())).into(),
        ..AnnouncedStack::default()
    };
    shop.stacks = BTreeMap::from([("shop".to_owned(), said)]);
    let text = routes(&[shop], &doors()).unwrap();
    let asks = |line: &&str| {
        ["proxy_pass ", "grpc_pass "]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let asked: Vec<&str> = text.lines().map(str::trim).filter(asks).collect();
    assert_eq!(
        asked,
        [
            "proxy_pass http://shop.1;",
            "grpc_pass grpc://shop.2;",
            "grpc_pass grpc://shop.2;",
            "grpc_pass grpc://shop-greeter.1;",
            "proxy_pass http://shop-web.1;",
        ]
    );
}

#[test]
fn what_two_projects_have_leads_to_the_first_ones() {
    let first = project(&[("shop", "web", 20000), ("shop-a", "b", 1)]);
    let second = project(&[("shop", "web", 20100), ("shop", "a-b", 2)]);
    let led = led(&[first, second]).join("\n");
    assert_eq!(
        led.matches("server_name web.shop.test;").count(),
        1,
        "{led}"
    );
    assert!(
        led.contains("127.0.0.1:20000") && !led.contains("20100"),
        "{led}"
    );
    // Both would be called `shop-a-b`.
    assert!(led.contains("server_name b.shop-a.test;"), "{led}");
    assert!(led.contains("server_name a-b.shop.test;"), "{led}");
}

#[test]
fn versions_share_the_requests_of_their_service_and_have_hosts_of_their_own() {
    let mut shop = project(&[("shop", "web", 20000), ("shop", "web-2", 20001)]);
    shop.services[0].names = BTreeMap::from([("web".to_owned(), 75)]);
    let both = [("web".to_owned(), 25), ("web-2".to_owned(), 100)];
    shop.services[1].names = BTreeMap::from(both);
    shop.services[1].version = "2".to_owned();
    let said = AnnouncedStack {
        routes: BTreeMap::from([("/greeting".to_owned(), "web".to_owned())]),
        ..AnnouncedStack::default()
    };
    shop.stacks = BTreeMap::from([("shop".to_owned(), said)]);
    let shared = [
        "server 127.0.0.1:20000 weight=75 max_fails=0;",
        "server 127.0.0.1:20001 weight=25 max_fails=0;",
    ];
    let lines = led(&[shop.clone()]);
    assert_eq!(lines[..2], shared);
    assert_eq!(lines[2..4], shared);
    assert_eq!(lines[4], "server 127.0.0.1:20001 weight=100 max_fails=0;");
    // The one before, which rests, is asked for nothing.
    shop.services[0].names.clear();
    let led = led(&[shop]).join("\n");
    assert!(!led.contains("20000"), "{led}");
}

#[test]
fn a_stack_with_a_certificate_is_behind_the_other_door_too() {
    let all = [project(&[("shop", "web", 20000), ("blog", "web", 20001)])];
    let doors = Doors {
        http: 80,
        https: Some(443),
        certificates: BTreeMap::from([("shop".to_owned(), "shop-1.pem".to_owned())]),
        ..Doors::default()
    };
    let led = text_led(&routes(&all, &doors).unwrap());
    assert_data_eq!(
        led.join("\n") + "\n",
        str![[r#"
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:hob:1m;
ssl_session_timeout 1h;
server 127.0.0.1:20001 weight=100 max_fails=0;
server 127.0.0.1:20000 weight=100 max_fails=0;
listen 127.0.0.1:80 default_server backlog=4096;
listen 127.0.0.1:443 ssl http2 default_server backlog=4096;
ssl_reject_handshake on;
listen 127.0.0.1:80;
server_name *.blog.test;
server_name blog.test;
listen 127.0.0.1:80;
server_name web.blog.test;
listen 127.0.0.1:80;
listen 127.0.0.1:443;
server_name *.shop.test;
server_name shop.test;
ssl_certificate "/hob-certificates/shop-1.pem";
ssl_certificate_key "/hob-certificates/shop-1.pem";
listen 127.0.0.1:80;
listen 127.0.0.1:443;
server_name web.shop.test;
ssl_certificate "/hob-certificates/shop-1.pem";
ssl_certificate_key "/hob-certificates/shop-1.pem";

"#]]
    );
}

#[test]
fn nothing_up_is_a_good_configuration_too() {
    assert_eq!(
        led(&[]),
        ["listen 127.0.0.1:80 default_server backlog=4096;"]
    );
}

#[test]
fn a_door_whose_port_somebody_has_is_left_out_and_its_stack_keeps_its_name() {
    let shop = with_door(Some(8088), &[("/", "web")]);
    let listens = |closed: &[u16]| {
        let closed = closed.iter().copied().collect();
        let doors = Doors { closed, ..doors() };
        let text = routes(std::slice::from_ref(&shop), &doors).unwrap();
        assert!(text.contains("server_name shop.test;"), "{text}");
        let ports = listened(&text).into_iter().map(|it| it.port());
        ports.collect::<Vec<u16>>()
    };
    assert_eq!(listens(&[]), [80, 8088]);
    assert_eq!(listens(&[8088, 9]), [80]);
}

/// A shop with a door, its `web` up at 20000.
fn with_door(port: Option<u16>, routes: &[(&str, &str)]) -> Announced {
    let mut announced = project(&[("shop", "web", 20000)]);
    let text = |(path, service): &(&str, &str)| ((*path).to_owned(), (*service).to_owned());
    let said = AnnouncedStack {
        port,
        offset: None,
        routes: routes.iter().map(text).collect(),
    };
    announced.stacks = BTreeMap::from([("shop".to_owned(), said)]);
    announced
}

/// The lines of a stack's own site.
fn site(all: &[Announced], name: &str) -> String {
    let text = routes(all, &doors()).unwrap();
    let start = format!("# The site {name}.");
    let from = text.find(&start).map(|at| &text[at + start.len()..]);
    let site = from.map(|it| it.split("# The site").next().unwrap_or(it));
    site.unwrap_or_default().to_owned()
}

#[test]
fn a_stack_answers_at_its_name_and_its_port_by_path() {
    let all = [with_door(Some(8088), &[("/", "web"), ("/late", "later")])];
    let site = site(&all, "shop");
    for part in [
        "listen 127.0.0.1:80;",
        "listen 127.0.0.1:8088 default_server",
        "server_name shop.test;",
        "# /: web",
        "location = /late {",
        "nothing serves later now",
    ] {
        assert!(site.contains(part), "{part}: {site}");
    }
    assert!(!site.contains("*.shop.test"), "{site}");
    let text = routes(&all, &doors()).unwrap();
    assert!(text.contains("server_name *.shop.test;"), "{text}");
    let ports = listened(&text).into_iter().map(|it| it.port());
    assert_eq!(ports.collect::<Vec<_>>(), [80, 8088]);
}

#[test]
fn an_offset_moves_a_stacks_port() {
    let mut announced = with_door(Some(8088), &[("/", "web")]);
    if let Some(said) = announced.stacks.get_mut("shop") {
        said.offset = Some(100);
    }
    let ports = listened(&routes(&[announced], &doors()).unwrap()).into_iter();
    assert_eq!(ports.map(|it| it.port()).collect::<Vec<_>>(), [80, 8188]);
}

#[test]
fn a_port_that_somebody_has_already_is_not_listened_on_twice() {
    let mut second = with_door(Some(8088), &[("/second", "web")]);
    second.root = "/q".into();
    let all = [with_door(Some(8088), &[("/first", "web")]), second];
    let text = routes(&all, &doors()).unwrap();
    assert_eq!(text.matches("listen 127.0.0.1:8088").count(), 1, "{text}");
    assert!(
        text.contains("/first") && !text.contains("/second"),
        "{text}"
    );
    let own = routes(&[with_door(Some(80), &[("/", "web")])], &doors()).unwrap();
    assert!(own.contains("server_name shop.test;"), "{own}");
    assert_eq!(own.matches("default_server").count(), 1, "{own}");
}

#[test]
fn a_door_of_which_nothing_is_up_is_closed() {
    let mut announced = with_door(Some(8088), &[("/", "web")]);
    announced.services.clear();
    let ports = listened(&routes(&[announced], &doors()).unwrap()).into_iter();
    assert_eq!(ports.map(|it| it.port()).collect::<Vec<_>>(), [80]);
}

#[test]
fn a_project_on_two_engines_has_one_door() {
    let first = with_door(None, &[("/", "web"), ("/late", "later")]);
    let mut second = with_door(None, &[("/", "web"), ("/late", "later")]);
    second.services = project(&[("shop", "later", 20001)]).services;
    let site = site(&[first, second], "shop");
    assert!(!site.contains("nothing serves later"), "{site}");
}

#[test]
fn a_path_of_a_service_on_two_engines_leads_where_its_name_does() {
    let first = with_door(Some(8088), &[("/", "web")]);
    let mut second = first.clone();
    second.services[0].addr.set_port(20009);
    let text = routes(&[first, second], &doors()).unwrap();
    assert!(text.contains("127.0.0.1:20000"), "{text}");
    assert!(!text.contains("127.0.0.1:20009"), "{text}");
}

#[test]
fn what_two_engines_tell_of_one_address_is_led_to_once() {
    let first = with_door(Some(8088), &[("/", "web")]);
    let mut second = first.clone();
    second.services[0].version = "dev".to_owned();
    let text = routes(&[first, second], &doors()).unwrap();
    let upstream = text.split("upstream shop.1 {").nth(1).unwrap_or_default();
    let upstream = upstream.split('}').next().unwrap_or_default();
    assert_eq!(upstream.matches("127.0.0.1:20000").count(), 1, "{text}");
}

//! Names of what is up, by a real dnsmasq.

use std::net::Ipv4Addr;

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{Service, World, stack, until};

pub(crate) fn here() -> Option<Answer> {
    Some(Answer::Addresses(vec![Ipv4Addr::LOCALHOST]))
}

/// A project with two services, and the port of a resolver that is up.
pub(crate) fn named() -> (World, u16) {
    let mut world = World::new();
    let (web, api, dns) = (world.port(), world.port(), world.port());
    let services = [Service::new("web", web), Service::new("api", api)];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    world.hob(["dns", "up", "--port", &dns.to_string()]).good();
    (world, dns)
}

#[test]
fn a_service_has_a_name_while_it_is_up() {
    let (world, dns) = named();
    assert_eq!(ask(dns, "web.demo.test"), Some(Answer::NoSuchName));
    world.hob(["up"]).good();
    for name in [
        "web.demo.test",
        "api.demo.test",
        "demo.test",
        "any.demo.test",
    ] {
        until(name, || ask(dns, name) == here());
    }
    let status = world.hob(["dns", "status"]).good();
    for name in ["web.demo.test", "api.demo.test"] {
        assert!(status.out.contains(name), "{status:?}");
    }
    world.hob(["down", "web"]).good();
    let status = world.hob(["dns", "status"]).good();
    assert!(!status.out.contains("web.demo.test"), "{status:?}");
    world.hob(["down"]).good();
    until("no name", || {
        ask(dns, "web.demo.test") == Some(Answer::NoSuchName)
    });
    until("no name", || {
        ask(dns, "any.demo.test") == Some(Answer::NoSuchName)
    });
}

#[test]
fn what_a_dev_session_brings_up_has_a_name_too_below_each_domain() {
    let (world, dns) = named();
    let text = world.engine().project_file().unwrap_or_default();
    world.write(
        "hob.toml",
        &format!("{text}domains = [\"test\", \"shop.internal\"]\n"),
    );
    let mut session = world.dev_ready(&[]);
    until("a name", || ask(dns, "web.demo.shop.internal") == here());
    assert_eq!(ask(dns, "web.demo.test"), here());
    assert_eq!(session.stop(), 130);
    until("no name", || {
        ask(dns, "web.demo.test") == Some(Answer::NoSuchName)
    });
}

#[test]
fn nothing_but_the_own_domains_is_answered() {
    let (_world, dns) = named();
    assert_eq!(ask(dns, "debian.org"), Some(Answer::Refused));
    assert_eq!(ask(dns, "nobody.test"), Some(Answer::NoSuchName));
}

#[test]
fn names_are_there_for_what_was_up_before_the_resolver_and_after_its_end() {
    let mut world = World::new();
    let (web, dns) = (world.port(), world.port());
    world.stack("demo", &stack(&[Service::new("web", web)]));
    world.page("demo/web", "web\n");
    world.hob(["up"]).good();
    let up = ["dns", "up", "--port", &dns.to_string()];
    world.hob(up).good();
    until("a name", || ask(dns, "web.demo.test") == here());
    world.hob(["dns", "down"]).good();
    assert_eq!(ask(dns, "web.demo.test"), None);
    // The port is remembered.
    world.hob(["dns", "up"]).good();
    until("a name", || ask(dns, "web.demo.test") == here());
    let again = world.hob(["dns", "up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
}

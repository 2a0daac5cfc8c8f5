//! Names of what is up, by a real dnsmasq.

use std::net::Ipv4Addr;

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{Service, World, processes, stack, until, until_some};

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

#[test]
fn a_domain_is_hobs_for_as_long_as_somebody_wants_it() {
    let (world, dns) = named();
    let text = world.engine().project_file().unwrap_or_default();
    let wanting = |domain: &str| {
        world.write("hob.toml", &format!("{text}domains = [\"{domain}\"]\n"));
        world.hob(["dns", "up"]).good();
        let nobody = format!("nobody.{domain}");
        until(&nobody, || ask(dns, &nobody) == Some(Answer::NoSuchName));
    };
    wanting("one.internal");
    wanting("two.internal");
    until("another's", || {
        ask(dns, "nobody.one.internal") == Some(Answer::Refused)
    });
    world.hob(["up"]).good();
    world.hob(["dns", "uninstall", "--yes"]).good();
    // What is up has its domain.
    until("a name", || ask(dns, "web.demo.two.internal") == here());
    world.hob(["down"]).good();
    until("another's", || {
        ask(dns, "nobody.two.internal") == Some(Answer::Refused)
    });
    assert_eq!(ask(dns, "nobody.test"), Some(Answer::NoSuchName));
}

/// The two processes of a resolver on this port that is up: the one that is
/// asked, and the one that it asks for whole stacks.
fn processes_of(dns: u16) -> Option<[u32; 2]> {
    let port = format!("--port={dns}");
    let asked = |pid: &u32| {
        let command = processes::command(*pid);
        command.contains("dnsmasq.conf") && command.contains(&port)
    };
    let asks = |pid: &u32| {
        let is_it = processes::command(*pid).contains("wildcards.conf");
        is_it
            && processes::listening(&[*pid])
                .iter()
                .any(|it| it.port() == dns)
    };
    Some([processes::all().find(asked)?, processes::all().find(asks)?])
}

#[test]
fn stacks_and_domains_come_and_go_while_the_same_resolver_answers() {
    let (world, dns) = named();
    let before = processes_of(dns);
    assert!(before.is_some());
    let text = world.engine().project_file().unwrap_or_default();
    for round in ["one.internal", "two.internal"] {
        world.write("hob.toml", &format!("{text}domains = [\"{round}\"]\n"));
        world.hob(["up"]).good();
        let (own, any) = (format!("web.demo.{round}"), format!("any.demo.{round}"));
        until(&own, || ask(dns, &own) == here());
        until(&any, || ask(dns, &any) == here());
        world.hob(["down"]).good();
        until("no name", || ask(dns, &own) == Some(Answer::Refused));
        until("no name", || ask(dns, &any) == Some(Answer::Refused));
    }
    assert_eq!(processes_of(dns), before);
}

#[test]
fn a_resolver_of_which_a_process_was_killed_begins_anew_with_all_names() {
    let (world, dns) = named();
    world.hob(["up"]).good();
    until("a name", || ask(dns, "any.demo.test") == here());
    for which in [0, 1] {
        let before = until_some("two processes", || processes_of(dns));
        processes::kill(before[which]);
        let after = until_some("two others", || {
            processes_of(dns).filter(|now| now.iter().all(|pid| !before.contains(pid)))
        });
        assert!(before.iter().all(|pid| !processes::is_alive(*pid)));
        until("the names", || {
            ["web.demo.test", "any.demo.test"]
                .iter()
                .all(|it| ask(dns, it) == here())
        });
        assert_eq!(processes_of(dns), Some(after));
    }
    world.hob(["down"]).good();
    until("no name", || {
        ask(dns, "any.demo.test") == Some(Answer::NoSuchName)
    });
}

//! Ingress, resolver and registry that are brought up elsewhere than before:
//! what cannot be had changes nothing, and two who do it at once take turns.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use hob_e2e::dns::{Answer, ask};
use hob_e2e::{Poller, World, until};
use rustix::net::{AddressFamily, SocketType, bind, socket};

use crate::dns::here;
use crate::ingress::{asked, doored, good};
use crate::platform_faults::{leads, surrounded};

fn settings(world: &World) -> String {
    std::fs::read_to_string(world.platform().join("settings.json")).unwrap()
}

fn authority(world: &World) -> PathBuf {
    world.platform().join("authority")
}

#[test]
fn a_port_that_somebody_has_is_named_and_nothing_is_changed() {
    let (mut world, door, dns) = surrounded();
    world.hob(["up", "web"]).good();
    leads(&world, (door, dns), "web");
    let before = settings(&world);
    let port = world.port();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let poller = Poller::start_from(door, "web.demo.test");
    let (me, port) = (std::process::id(), port.to_string());
    for (service, option) in [
        ("ingress", "--port"),
        ("ingress", "--https-port"),
        ("dns", "--port"),
        ("registry", "--port"),
    ] {
        let up = world.hob([service, "up", option, &port]).code(1);
        assert!(
            up.err
                .contains(&format!("`hob {service} up {option} PORT`")),
            "{up:?}"
        );
        assert!(
            up.err.contains(&format!("127.0.0.1:{port} is taken")),
            "{up:?}"
        );
        assert!(up.err.contains(&format!("process {me}")), "{up:?}");
        assert_eq!(settings(&world), before, "{service}");
    }
    assert!(!authority(&world).exists());
    assert_eq!(poller.end().bad, Vec::<String>::new());
    world.hob(["up"]).good();
    leads(&world, (door, dns), "api");
    drop(holder);
    world.hob(["ingress", "up", "--port", &port]).good();
    let port = port.parse().unwrap();
    until("the door", || asked(port, "web.demo.test") == good("web"));
}

#[test]
fn a_port_that_somebody_has_for_datagrams_is_named_before_anything_is_changed() {
    let mut world = World::new();
    let dns = world.port();
    world.hob(["dns", "up", "--port", &dns.to_string()]).good();
    let before = settings(&world);
    let serves = world.platform_serving("dns");
    let port = world.port();
    let me = format!("(process {}) has it", std::process::id());
    // The one that is asked, and the one of whole stacks' names.
    for ip in [[127, 0, 0, 1], [127, 83, 53, 53]] {
        let address = SocketAddr::from((ip, port));
        let holder = UdpSocket::bind(address).unwrap();
        let up = world.hob(["dns", "up", "--port", &port.to_string()]);
        let up = up.code(1);
        let taken = format!("{address} is taken (UDP)");
        for part in [&taken, &me, "`hob dns up --port PORT`"] {
            assert!(up.err.contains(part), "{part}: {up:?}");
        }
        assert_eq!(settings(&world), before);
        assert_eq!(world.platform_serving("dns"), serves);
        drop(holder);
    }
    // The same where the port is that of before.
    world.hob(["dns", "down"]).good();
    let holder = UdpSocket::bind((Ipv4Addr::LOCALHOST, dns)).unwrap();
    let up = world.hob(["dns", "up"]).code(1);
    assert!(up.err.contains("is taken (UDP)"), "{up:?}");
    drop(holder);
    world.hob(["dns", "up"]).good();
    until("the resolver", || {
        ask(dns, "nobody.test") == Some(Answer::NoSuchName)
    });
}

#[test]
fn who_takes_a_port_after_it_was_looked_at_is_named_once_the_resolver_has_failed() {
    let (mut world, door, mut dns) = surrounded();
    world.hob(["up", "web"]).good();
    leads(&world, (door, dns), "web");
    let taken = (0..10).find_map(|_| {
        let before = settings(&world);
        let port = world.port();
        let mut up = world.background(["dns", "up", "--port", &port.to_string()]);
        // It was looked at before they are written, and is taken after that,
        // unless the resolver was faster.
        until("other settings", || {
            settings(&world).contains(&port.to_string())
        });
        if let Ok(holder) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            return Some((port, up, before, holder));
        }
        assert_eq!(up.end(), 0, "{}", up.err());
        dns = port;
        None
    });
    let (port, mut up, before, _holder) = taken.expect("a moment in between");
    assert_eq!(up.end(), 3, "{}", up.err());
    for part in [
        format!("127.0.0.1:{port} is taken (UDP)"),
        format!("(process {}) has it", std::process::id()),
        "`hob dns up --port PORT`".to_owned(),
        "put back as they were before".to_owned(),
    ] {
        assert!(up.err().contains(&part), "{part}: {}", up.err());
    }
    assert_eq!(settings(&world), before);
    until("the resolver", || ask(dns, "web.demo.test") == here());
}

/// A port that somebody has who does not listen: no table shows it.
fn unseen(port: u16) -> OwnedFd {
    let holder = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&holder, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
    holder
}

#[test]
fn what_does_not_come_up_elsewhere_is_back_where_it_was() {
    let (mut world, door, dns) = surrounded();
    world.hob(["up", "web"]).good();
    leads(&world, (door, dns), "web");
    let before = settings(&world);
    let port = world.port();
    let _holder = unseen(port);
    let up = world.hob(["dns", "up", "--port", &port.to_string()]);
    let up = up.code(3);
    assert!(up.err.contains("put back as they were before"), "{up:?}");
    assert_eq!(settings(&world), before);
    until("the resolver", || ask(dns, "web.demo.test") == here());
    leads(&world, (door, dns), "web");
}

#[test]
fn of_two_who_move_the_ingress_at_once_the_second_moves_it_once_more() {
    let (mut world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let ports = [world.port(), world.port()];
    let mut both =
        ports.map(|port| world.background(["ingress", "up", "--port", &port.to_string()]));
    for hob in &mut both {
        assert_eq!(hob.end(), 0, "{}", hob.err());
    }
    for (port, hob) in ports.iter().zip(&both) {
        let told = format!("answers on 127.0.0.1:{port}");
        assert!(hob.err().contains(&told), "{told}: {}", hob.err());
    }
    let last = ports
        .iter()
        .find(|port| settings(&world).contains(&port.to_string()));
    let last = *last.unwrap();
    until("the door", || asked(last, "web.demo.test") == good("web"));
    let status = world.hob(["ingress", "status"]).good();
    assert!(
        status
            .out
            .contains(&format!("http://web.demo.test:{last}/")),
        "{status:?}"
    );
}

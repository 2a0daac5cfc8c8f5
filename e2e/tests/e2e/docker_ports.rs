//! Published ports: on loopback alone, and taken under hob's hands.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use hob_e2e::{Service, World, engine, http, stack, until};

use crate::{Web, web};

/// An address of this machine that others reach it by. Nothing is sent.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then_some(ip)
}

#[track_caller]
fn assert_on_loopback_alone(world: &World, port: u16) {
    let published = world.container("demo/web").published();
    assert_eq!(published, [("127.0.0.1".to_owned(), port)]);
    if let Some(ip) = outward() {
        let other = SocketAddr::new(ip, port);
        let reached = TcpStream::connect_timeout(&other, Duration::from_secs(5));
        assert!(reached.is_err(), "{other} is reached");
    }
}

#[test]
fn what_is_published_is_published_on_loopback_alone() {
    let Web { world, port } = web();
    let mut session = world.dev_ready(&[]);
    assert_on_loopback_alone(&world, port);
    session.stop();
    world.hob(["up"]).good();
    assert_on_loopback_alone(&world, port);
    world.assert_nothing_left();
}

#[test]
fn a_port_that_is_taken_after_the_plan_was_made_is_named_and_the_next_up_goes_on() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [
        Service::new("web", web).with("image = {}"),
        Service::new("api", api),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    // The port of `web` is published only after its image is built.
    let (base, project) = (engine::base(), world.project());
    let text = format!(
        "FROM {base}\nRUN sleep 5; echo {project}\nCOPY . /app/\nWORKDIR /app\n\
         CMD [\"./hob-e2e-service\", \"page.txt\"]\n"
    );
    world.write("stacks/demo/web/Dockerfile", &text);
    let mut up = world.background(["up"]);
    let all = || world.client().containers_of(&world.project());
    until("the network of both", || {
        !world.client().networks_of(&project).is_empty()
    });
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, web)).unwrap();
    assert_eq!(up.end(), 1, "{}", up.transcript());
    let said = up.err();
    let taken = format!("127.0.0.1:{web} is taken");
    let me = format!("process {}", std::process::id());
    for part in [&taken, &me] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(http::get(api, "/").unwrap().body, "api");
    drop(holder);
    world.hob(["up"]).good();
    assert_eq!(http::get(web, "/").unwrap().body, "web");
    assert_eq!(all().len(), 2);
    world.assert_nothing_kept();
}

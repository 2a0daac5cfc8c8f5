//! Updates beside what else is done to the project: other services go down or
//! are updated, whoever updates is interrupted more than once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use hob_e2e::{Engine, Load, Service, World, until};

use super::{HOST, asked, killed_at, leaves_nothing, rolled_of, step, step_of, version};

const SLOW: [&str; 4] = ["roll", "web", "--pause", "60s"];
const MOVING: &str = "50 of 100 requests go to demo/web-2";

/// A request to a version that never comes to its end.
fn open(door: u16, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", door)).unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

fn two() -> (World, u16) {
    rolled_of(&[Service::auto("web"), Service::auto("api")])
}

#[test]
fn an_update_goes_on_while_another_service_goes_down() {
    let (world, _door) = two();
    world.page("demo/web", "two\n");
    let mut hob = world.background(SLOW);
    hob.wait(MOVING);
    world.hob(["down", "api"]).good();
    assert_eq!(step(&world).as_deref(), Some("moving"));
    world.hob(["down", "web"]).good();
    assert_eq!(hob.end(), 130);
    leaves_nothing(&world);
}

#[test]
fn an_update_first_settles_those_of_other_services_that_were_killed() {
    let (world, door) = two();
    killed_at(&world, "moving", &SLOW);
    let roll = world.hob(["roll", "api"]).good();
    assert!(roll.err.contains("is undone"), "{}", roll.err);
    assert_eq!((step(&world), step_of(&world, "api")), (None, None));
    assert_eq!(version(door), "1");
    assert!(world.status("api-2").is_some());
}

#[test]
fn a_second_ctrl_c_leaves_an_update_to_the_next_command() {
    let web = Service::auto("web").with("limits = { drain = \"600s\" }");
    let (world, door) = rolled_of(&[web, Service::auto("api")]);
    world.page("demo/web", "two\n");
    let mut hob = world.background(SLOW);
    hob.wait(MOVING);
    let request = open(door, "web-2.demo.test");
    hob.interrupt();
    // It waits for the request.
    until("the old one alone", || (0..8).all(|_| asked(door) == "one"));
    assert_eq!(hob.stop(), 130);
    assert!(hob.err().contains("left as it is"), "{}", hob.err());
    assert_eq!(step(&world).as_deref(), Some("starting"));
    drop(request);
    // The files are as they were: nothing but the update is to be undone.
    world.page("demo/web", "one\n");
    let load = Load::start(door, HOST, 50);
    let up = world.hob(["up"]).good();
    assert!(up.err.contains("is undone"), "{}", up.err);
    assert_eq!(load.end().bad, Vec::<String>::new());
    assert_eq!(world.status("web-2"), None);
    leaves_nothing(&world);
}

#[test]
fn what_was_told_a_port_keeps_its_service_from_being_updated_whichever_version_it_is() {
    let api = Service::auto("api").with("needs = [\"web\"]");
    let (world, _door) = rolled_of(&[Service::auto("web"), api]);
    for _ in 0..2 {
        world.hob(["roll", "api"]).good();
    }
    match Engine::of_this_run() {
        // Neighbours find it by its name.
        Engine::Docker => drop(world.hob(["roll", "web"]).good()),
        Engine::Host => {
            let refused = world.hob(["roll", "web"]).code(2);
            assert!(
                refused.err.contains("api was told the port of web"),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn an_update_is_undone_when_nobody_moves_requests_any_more() {
    let (world, door) = two();
    world.page("demo/web", "two\n");
    let mut hob = world.background(SLOW);
    hob.wait(MOVING);
    let status = world.hob(["status", "web"]).good();
    for line in [MOVING, "`hob roll web --abort` undoes it"] {
        let line = line.replace(" go to", " for demo/web go to");
        assert!(status.err.contains(&line), "{line}: {}", status.err);
    }
    world.hob(["ingress", "down"]).good();
    assert_eq!(hob.end(), 1);
    let said = hob.err();
    assert!(said.contains("which is not up"), "{said}");
    assert!(
        said.contains("demo/web goes on; demo/web-2 is undone"),
        "{said}"
    );
    assert_eq!(step(&world), None);
    world.hob(["ingress", "up"]).good();
    until("the door", || asked(door) == "one");
    leaves_nothing(&world);
}

#[test]
fn what_a_killed_one_only_began_to_write_goes() {
    let (world, _door) = two();
    let engine = Engine::of_this_run().name();
    let state = world.state().join("hob").join(world.project());
    std::fs::write(state.join(format!("versions-{engine}.new-123")), "{").unwrap();
    leaves_nothing(&world);
}

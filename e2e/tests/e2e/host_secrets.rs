//! Nobody else on this machine reaches what runs here.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use hob_e2e::{Service, World, processes, stack, until};

use crate::{Web, web, web_of};

#[test]
fn sockets_and_folders_are_closed_to_everybody_else() {
    let Web { world, .. } = web();
    let mut session = world.dev_ready(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = world.runtime().join("hob");
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&world.state().join("hob")), 0o700);
    let mut sockets = 0;
    for project in fs::read_dir(&home).unwrap().flatten() {
        assert_eq!(mode(&project.path()), 0o700);
        for socket in fs::read_dir(project.path()).unwrap().flatten() {
            assert_eq!(mode(&socket.path()), 0o600, "{:?}", socket.path());
            sockets += 1;
        }
    }
    // The agent's and the session's.
    assert_eq!(sockets, 2);
    session.stop();
}

#[test]
fn a_service_in_production_form_owns_its_port_itself() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let process = world.serving("web").unwrap();
    let listens = processes::listening(&[process]);
    assert_eq!(listens, [format!("127.0.0.1:{port}").parse().unwrap()]);
}

#[test]
fn nothing_listens_beyond_loopback() {
    let mut world = World::new();
    let (web, raw) = (world.port(), world.port());
    let services = [
        Service::new("web", web),
        Service::new("raw", raw)
            .with("protocol = \"tcp\"")
            .instead("ready = \"tcp\""),
        Service::auto("auto"),
    ];
    world.stack("demo", &stack(&services));
    for name in ["web", "raw", "auto"] {
        world.page(&format!("demo/{name}"), "one\n");
    }
    let check = |world: &World, least: usize| {
        let pids: Vec<u32> = world.marked().into_iter().map(|it| it.pid).collect();
        let listening = processes::listening(&pids);
        assert!(listening.len() >= least, "{listening:?}");
        let beyond: Vec<&SocketAddr> = listening
            .iter()
            .filter(|addr| !addr.ip().is_loopback())
            .collect();
        assert!(beyond.is_empty(), "{beyond:?}");
    };
    let mut session = world.dev_ready(&[]);
    // A front and a process each.
    check(&world, 6);
    session.stop();
    world.hob(["up"]).good();
    check(&world, 3);
}

#[test]
fn a_service_that_listens_beyond_loopback_is_told_of() {
    let Web { world, .. } = web_of(|it| {
        let program = "[\"sh\", \"-c\", \"HOST=0.0.0.0 exec $0 $1\", ";
        let run = format!("run = {program}{}", service_args());
        it.instead(&run)
    });
    let session = world.dev(&[]);
    session.wait("ready; every save");
    session.wait("beyond loopback; bind to $HOST");
    drop(session);
    until("its end", || world.hob(["down"]).code == 0);
}

/// The rest of the arguments of a command that runs the test service.
fn service_args() -> String {
    let text = stack(&[Service::auto("x")]);
    let line = text.lines().find(|it| it.starts_with("run = ")).unwrap();
    line.trim_start_matches("run = [").to_owned()
}

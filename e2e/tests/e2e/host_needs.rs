//! Programs that are missing on this machine, and what that means for the
//! others.

use std::net::{Ipv4Addr, TcpListener};

use hob_e2e::{Service, World, http, stack};

use crate::needs::{Ports, four};
use crate::web_of;

/// The stack of [`four`] with one service whose program is not installed.
fn without(missing: &str) -> (World, Ports) {
    let (world, ports) = four();
    let text = world.read("stacks/demo/stack.toml");
    let service = format!("[services.{missing}]");
    let at = text.find(&service).unwrap();
    let (before, after) = text.split_at(at);
    let after = after.replacen(
        "run = [",
        "packages = { no-such-program = \"such-package\" }\nrun = [\"no-such-program\", ",
        1,
    );
    world.stack("demo", &format!("{before}{after}"));
    (world, ports)
}

#[test]
fn a_missing_program_names_its_package_and_the_rest_comes_up() {
    let (world, ports) = without("cache");
    let up = world.hob(["up"]).code(4);
    assert!(
        up.err
            .contains("demo/cache: no-such-program is not installed"),
        "{up:?}"
    );
    assert!(up.err.contains("apt-get install such-package"), "{up:?}");
    assert_eq!(http::get(ports.web, "/").unwrap().body, "web");
    assert_eq!(http::get(ports.alone, "/").unwrap().body, "alone");
    let mut session = world.dev(&["web"]);
    session.wait("no-such-program is not installed");
    session.wait("not everything is ready");
    assert_eq!(http::get(ports.web, "/").unwrap().generation(), Some(1));
    session.stop();
}

#[test]
fn a_missing_program_of_the_service_that_was_asked_for_ends_dev() {
    let (world, _) = without("alone");
    let dev = world.hob(["dev", "alone"]).code(4);
    assert!(dev.err.contains("apt-get install such-package"), "{dev:?}");
    world.assert_nothing_left();
}

#[test]
fn a_missing_program_of_a_need_blocks_who_needs_it() {
    let (world, _) = without("api");
    let dev = world.hob(["dev", "web"]).code(4);
    assert!(
        dev.err
            .contains("demo/web: it needs demo/api, which cannot come up"),
        "{dev:?}"
    );
    world.assert_nothing_left();
}

#[test]
fn dev_ends_when_nothing_of_it_can_ever_come_by_waiting() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [
        Service::new("web", web).with("needs = [\"api\"]"),
        Service::new("api", api).instead("run = [\"no-such-program-here\"]"),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let _holder = TcpListener::bind((Ipv4Addr::LOCALHOST, web)).unwrap();
    let dev = world.hob(["dev"]).code(4);
    assert!(dev.err.contains("no-such-program-here"), "{dev:?}");
    world.assert_nothing_left();
}

#[test]
fn a_missing_prerequisite_has_an_exit_code_of_its_own() {
    let missing = web_of(|it| it.instead("run = [\"no-such-program-here\"]"));
    let run = missing.world.hob(["up"]).code(4);
    assert!(
        run.err.contains("no-such-program-here is not installed"),
        "{run:?}"
    );
}

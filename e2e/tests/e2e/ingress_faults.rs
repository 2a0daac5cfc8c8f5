//! An ingress whose processes are killed, and one that refuses its routes.

use std::net::{TcpListener, TcpStream};

use hob_e2e::{Engine, Poller, Run, World, processes, until, until_some};
use rustix::process::Signal;

use crate::ingress::{asked, doored, good};

/// Writes the routes as somebody does who should not.
fn spoil(world: &World, with: impl Fn(String) -> String) {
    let path = world.platform().join("stacks/hob/routes/nginx.conf");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, with(text)).unwrap();
}

/// Runs what hob runs to have nginx read its routes.
fn reload(world: &World) -> Run {
    let script = match world.engine() {
        Engine::Host => "serve.sh",
        Engine::Docker => "/usr/local/lib/hob/serve.sh",
    };
    let platform = world.platform();
    let platform = platform.to_str().unwrap();
    let exec = ["--project", platform, "exec", "ingress", "--"];
    world.hob([&exec[..], &["sh", script, "reload"]].concat())
}

/// Runs a line of shell in the folder that the ingress writes to.
fn in_its_folder(world: &World, line: &str) {
    let platform = world.platform();
    let platform = platform.to_str().unwrap();
    let line = format!("cd \"$VOLUME_RUN\" && {line}");
    let exec = ["--project", platform, "exec", "ingress", "--"];
    world.hob([&exec[..], &["sh", "-c", &line]].concat()).good();
}

/// The routes with another port to listen on.
fn listening(text: &str, port: u16) -> String {
    let line = text.lines().find(|it| it.contains(" default_server"));
    let line = line.unwrap();
    text.replace(line, &format!("{line}\nlisten 127.0.0.1:{port};"))
}

/// Kills nginx, and waits until another one serves.
fn begins_anew(world: &World) {
    let master = until_some("its process", || world.platform_serving("ingress"));
    processes::kill(master);
    until("another process", || {
        let now = world.platform_serving("ingress");
        now.is_some_and(|pid| pid != master)
    });
}

/// That the log of the ingress has all of these.
fn says(world: &World, parts: &[&str]) {
    let platform = world.platform();
    let platform = platform.to_str().unwrap();
    let log = world.hob(["--project", platform, "logs", "ingress"]).good();
    for part in parts {
        assert!(log.out.contains(part), "{part}: {log:?}");
    }
}

#[test]
fn an_ingress_that_is_killed_is_back_by_itself_and_hears_of_later_changes() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    begins_anew(&world);
    until("the door", || asked(door, "web.demo.test") == good("web"));
    world.hob(["up", "api"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
    world.hob(["down", "web"]).good();
    until("503", || {
        asked(door, "web.demo.test").is_some_and(|it| it.0 == 503)
    });
}

#[test]
fn a_worker_that_is_killed_is_replaced_and_the_routes_stay() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let master = until_some("its process", || world.platform_serving("ingress"));
    let before = processes::children(master);
    assert!(!before.is_empty());
    before.iter().for_each(|pid| processes::kill(*pid));
    until("another worker", || {
        let now = processes::children(master);
        !now.is_empty() && now.iter().all(|pid| !before.contains(pid))
    });
    until("the door", || asked(door, "web.demo.test") == good("web"));
    assert_eq!(world.platform_serving("ingress"), Some(master));
    world.hob(["up", "api"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
}

#[test]
fn routes_that_nginx_cannot_read_change_nothing_and_the_next_change_mends_them() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let poller = Poller::start_from(door, "web.demo.test");
    spoil(&world, |text| text + "no_such_thing on;\n");
    let refused = reload(&world).code(1);
    assert!(refused.err.contains("no_such_thing"), "{refused:?}");
    world.hob(["up", "api"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
    assert_eq!(poller.end().bad, Vec::<String>::new());
}

#[test]
fn routes_that_nginx_refuses_are_not_those_that_it_begins_with() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    spoil(&world, |text| text + "no_such_thing on;\n");
    reload(&world).code(1);
    begins_anew(&world);
    until("the old door", || {
        asked(door, "web.demo.test") == good("web")
    });
    says(&world, &["no_such_thing", "the last ones that it took"]);
    let doctor = world.hob(["doctor"]);
    let told = "it has not read its newest routes";
    assert!(doctor.out.contains(told), "{doctor:?}");
    world.hob(["up", "api"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
}

#[test]
fn a_port_that_nginx_cannot_have_keeps_no_other_route_from_it_when_it_begins() {
    let (mut world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let other = world.port();
    let taken = TcpListener::bind(("127.0.0.1", other)).unwrap();
    spoil(&world, |text| listening(&text, other));
    reload(&world).code(1);
    begins_anew(&world);
    until("the old door", || {
        asked(door, "web.demo.test") == good("web")
    });
    let bind = format!("bind() to 127.0.0.1:{other}");
    says(&world, &[&bind, "the last ones that it took"]);
    drop(taken);
    reload(&world).good();
    until("both doors", || {
        TcpStream::connect(("127.0.0.1", other)).is_ok()
    });
}

#[test]
fn a_port_that_nginx_cannot_have_is_told_and_the_old_routes_go_on() {
    let (mut world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let other = world.port();
    let taken = TcpListener::bind(("127.0.0.1", other)).unwrap();
    spoil(&world, |text| listening(&text, other));
    let poller = Poller::start_from(door, "web.demo.test");
    let refused = reload(&world).code(1);
    for part in [&format!("bind() to 127.0.0.1:{other}"), "goes on as before"] {
        assert!(refused.err.contains(part), "{part}: {refused:?}");
    }
    assert_eq!(poller.end().bad, Vec::<String>::new());
    drop(taken);
    reload(&world).good();
    until("both doors", || {
        TcpStream::connect(("127.0.0.1", other)).is_ok()
    });
}

#[test]
fn who_makes_a_change_that_the_ingress_refuses_is_told_and_the_next_one_mends_it() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    // The lock of those who reload cannot be had.
    in_its_folder(&world, "rm lock && mkdir lock");
    let up = world.hob(["up", "api"]).code(1);
    for part in [
        "the ingress refuses its new routes; the old ones stay",
        "lock: Is a directory",
        "`hob ingress up` tries them again",
    ] {
        assert!(up.err.contains(part), "{part}: {up:?}");
    }
    assert_eq!(asked(door, "web.demo.test"), good("web"));
    in_its_folder(&world, "rmdir lock");
    world.hob(["ingress", "up"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
}

#[test]
fn of_two_checkouts_the_first_has_the_names_and_the_second_is_told() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let second = world.checkout("second");
    let up = second.hob(&["up", "web", "--port-offset", "1000"]).good();
    let told = "web.demo.test leads to ";
    for part in [told, "`domains = [\"…\"]`"] {
        assert!(up.err.contains(part), "{part}: {up:?}");
    }
    assert_eq!(up.err.matches(told).count(), 1, "{up:?}");
    let status = world.hob(["ingress", "status"]).good();
    assert_eq!(status.out.matches("http://web.demo.test").count(), 1);
    assert!(status.err.contains(told), "{status:?}");
    world.hob(["down"]).good();
    until("the second's door", || {
        asked(door, "web.demo.test") == good("web")
    });
    second.hob(&["down"]).good();
    until("a closed door", || asked(door, "web.demo.test").is_none());
}

#[test]
fn an_ingress_that_does_not_look_at_its_routes_is_said_to_be_silent_and_refuses_nothing() {
    let (world, door) = doored();
    world.hob(["up", "web"]).good();
    until("the door", || asked(door, "web.demo.test") == good("web"));
    let master = until_some("its process", || world.platform_serving("ingress"));
    processes::signal(master, Signal::STOP);
    let up = world.hob(["up", "api"]);
    processes::signal(master, Signal::CONT);
    let up = up.code(1);
    for part in ["the ingress does not answer", "`hob ingress up`"] {
        assert!(up.err.contains(part), "{part}: {up:?}");
    }
    assert!(!up.err.contains("refuses"), "{up:?}");
    world.hob(["ingress", "up"]).good();
    until("the door", || asked(door, "api.demo.test") == good("api"));
}

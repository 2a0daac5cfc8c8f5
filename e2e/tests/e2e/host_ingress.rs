//! An ingress of the host engine whose agent is killed, or whose port somebody
//! takes while it begins. nginx shows no mark of whose it is.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use hob_e2e::{Service, World, http, processes, stack, until};

use crate::ingress::{asked, good};

/// A stack with a door of its own that is up, that port, and the one for all.
fn shop() -> (World, u16, u16) {
    let mut world = World::new();
    let (door, http, dns) = (world.port(), world.port(), world.port());
    world.platform_on(http, dns);
    let web = Service::auto("web").with("routes = [\"/\"]");
    let own = format!("version = 1\n\n[ingress]\nport = {door}\n");
    let text = stack(&[web]).replacen("version = 1\n", &own, 1);
    world.stack("shop", &text);
    world.page("shop/web", "web\n");
    world.hob(["up"]).good();
    (world, door, http)
}

/// Kills the agent of the ingress; the nginx that it leaves.
fn left(world: &World) -> u32 {
    let nginx = world.platform_serving("ingress").unwrap();
    let agent = processes::agent(&world.platform(), "hob/ingress").unwrap();
    processes::kill(agent);
    until("the agent's end", || !processes::is_alive(agent));
    assert!(processes::is_alive(nginx));
    nginx
}

#[test]
fn whatever_brings_up_an_ingress_ends_what_a_killed_agent_left_of_it() {
    let (world, door, http) = shop();
    for again in [&["up"][..], &["ingress", "up"]] {
        let nginx = left(&world);
        let doctor = world.hob(["doctor"]);
        assert!(doctor.out.contains("its agent is gone"), "{doctor:?}");
        world.hob(again).good();
        assert!(!processes::is_alive(nginx), "{again:?}");
        assert_eq!(asked(http, "web.shop.test"), good("web"));
        assert_eq!(http::get(door, "/").unwrap().body, "web");
    }
}

#[test]
fn who_changes_what_a_left_ingress_does_not_hear_of_is_told_what_mends_it() {
    let (mut world, _, http) = shop();
    let port = world.port();
    world.stack("plain", &stack(&[Service::new("api", port)]));
    world.page("plain/api", "api\n");
    left(&world);
    let up = world.hob(["up", "plain"]).code(1);
    for part in ["ingress goes on as it was", "`hob ingress up`"] {
        assert!(up.err.contains(part), "{part}: {up:?}");
    }
    world.hob(["ingress", "up"]).good();
    assert_eq!(asked(http, "api.plain.test"), good("api"));
}

/// An nginx that begins once a file is there, by a name that its caller finds
/// first; that file, and the one that says that it waits.
fn held_nginx(world: &mut World) -> (PathBuf, PathBuf) {
    let folder = world.outside().join("bin");
    let (go, waits) = (folder.join("go"), folder.join("waits"));
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' -g '*)\n  : >{}\n  while [ ! -e {} ]; do sleep 0.02; \
         done ;;\nesac\nPATH=/usr/sbin:$PATH\nexec nginx \"$@\"\n",
        waits.display(),
        go.display()
    );
    let file = folder.join("nginx");
    std::fs::write(&file, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&file, mode).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    world.set("PATH", &format!("{}:{path}", folder.display()));
    (go, waits)
}

#[test]
fn an_ingress_whose_port_somebody_takes_while_it_begins_is_ready_once_it_listens_itself() {
    let mut world = World::new();
    let (http, dns, port) = (world.port(), world.port(), world.port());
    world.platform_on(http, dns);
    world.stack("demo", &stack(&[Service::new("web", port)]));
    world.page("demo/web", "web\n");
    let (go, waits) = held_nginx(&mut world);
    let mut up = world.background(["ingress", "up"]);
    until("nginx to begin", || waits.exists());
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, http)).unwrap();
    std::fs::write(&go, "").unwrap();
    let refused = || {
        let platform = world.platform();
        let logs = ["--project", platform.to_str().unwrap(), "logs", "ingress"];
        world.hob(logs).out.contains("bind() to")
    };
    until("a port that nginx cannot have", refused);
    assert!(!up.err().contains("is ready"), "{}", up.err());
    let mut other = world.background(["up"]);
    drop(stranger);
    for hob in [&mut up, &mut other] {
        assert_eq!(hob.end(), 0, "{}", hob.err());
        assert!(!hob.err().contains("refuses"), "{}", hob.err());
    }
    assert_eq!(asked(http, "web.demo.test"), good("web"));
}

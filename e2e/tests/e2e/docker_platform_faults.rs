//! What surrounds the services in Docker, with what the engine has of it
//! removed behind hob's back.

use hob_e2e::{Service, World, processes, stack, until};

use crate::platform_faults::{all_down, leads, surrounded};

#[test]
fn networks_and_volumes_can_go_under_what_surrounds_the_services() {
    let (world, door, dns) = surrounded();
    world.hob(["up"]).good();
    leads(&world, (door, dns), "web");
    let client = world.client();
    for network in client.networks_of(&world.project()) {
        client.remove_network(&network);
    }
    world.hob(["up"]).good();
    leads(&world, (door, dns), "web");
    world.hob(["down"]).good();
    world.hob(["ingress", "down"]).good();
    let platform = world.platform_project();
    for project in [&world.project(), &platform] {
        let kept = client.volumes_of(project);
        let volumes = kept.iter().filter(|it| it.contains("ingress"));
        volumes.for_each(|it| client.remove_volume(it));
    }
    world.hob(["ingress", "up"]).good();
    world.hob(["up"]).good();
    leads(&world, (door, dns), "api");
    all_down(&world);
}

#[test]
fn what_is_on_both_engines_is_taken_down_on_both_before_it_is_proven() {
    let mut world = World::new();
    let (door, dns) = (world.port().to_string(), world.port().to_string());
    let up = |what, engine, port: &str| {
        world
            .hob([what, "up", "--engine", engine, "--port", port])
            .good();
    };
    up("ingress", "docker", &door);
    up("dns", "host", &dns);
    let down = ["down", "--all", "--volumes", "--prove", "--yes"];
    let proven = world.hob(down.iter().chain(&["--engine", "auto"])).good();
    for engine in ["docker", "host"] {
        let line = format!("on the engine {engine}:\n");
        assert!(proven.err.contains(&line), "{}", proven.err);
    }
}

#[test]
fn of_two_engines_that_a_door_is_wanted_on_at_once_one_has_it() {
    let mut world = World::new();
    let ports = [world.port(), world.port(), world.port(), world.port()];
    world.platform_on(ports[0], ports[1]);
    let door = |port| format!("version = 1\n\n[ingress]\nport = {port}\n");
    let text = stack(&[Service::auto("web")]);
    world.stack("shop", &text.replacen("version = 1\n", &door(ports[2]), 1));
    world.page("shop/web", "web\n");
    let second = world.checkout("second");
    let other = text.replacen("version = 1\n", &door(ports[3]), 1);
    std::fs::write(second.root().join("stacks/shop/stack.toml"), other).unwrap();
    // Whether their own services can run on that engine is nothing of this.
    let mut both = [
        world.background(["up"]),
        second.background(&["up", "--engine", "host"]),
    ];
    for hob in &mut both {
        hob.end();
        for part in ["is taken", "did not come up", "is not up"] {
            assert!(!hob.err().contains(part), "{part}: {}", hob.err());
        }
    }
    let is_on = |engine: &str| {
        let status = world.hob(["ingress", "status", "--engine", engine]).good();
        status.out.contains("ready")
    };
    assert!(is_on("docker") != is_on("host"));
    second.hob(&["down", "--engine", "host"]).good();
    world.hob(["down"]).good();
    for down in ["ingress", "dns"] {
        for engine in ["host", "docker"] {
            world.hob([down, "down", "--engine", engine]).good();
        }
    }
}

#[test]
fn what_is_left_of_an_ingress_on_another_engine_is_named_with_what_ends_it() {
    let mut world = World::new();
    let (http, dns) = (world.port(), world.port());
    world.platform_on(http, dns);
    world.hob(["ingress", "up", "--engine", "host"]).good();
    let agent = processes::agent(&world.platform(), "hob/ingress").unwrap();
    processes::kill(agent);
    until("the agent's end", || !processes::is_alive(agent));
    let up = world.hob(["ingress", "up"]).code(1);
    let ends = "`hob ingress down --engine host`";
    assert!(up.err.contains(ends), "{up:?}");
    world.hob(["ingress", "down", "--engine", "host"]).good();
    world.hob(["ingress", "up"]).good();
}

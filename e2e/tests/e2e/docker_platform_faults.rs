//! What surrounds the services in Docker, with what the engine has of it
//! removed behind hob's back.

use hob_e2e::World;

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

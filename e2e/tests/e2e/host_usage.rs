//! How the host engine is chosen.

use crate::web_of;

#[test]
fn the_engine_is_chosen_by_its_name_and_by_no_other_word() {
    let mut world = web_of(|it| it.with("image = { name = \"debian:trixie-slim\" }")).world;
    world.unset("HOB_ENGINE");
    // Whatever engine this machine has.
    world.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let asked = "on the host engine, because it was asked for";
    let plan = world.hob(["plan", "--engine", "host"]).good();
    assert!(plan.err.contains(asked), "{plan:?}");
    let plan = world.hob(["plan", "--engine", "auto"]).good();
    let none =
        "on the host engine, because no Docker engine answers at unix:///nowhere/docker.sock";
    assert!(plan.err.contains(none), "{plan:?}");
    assert!(!plan.err.contains(asked), "{plan:?}");
    let wrong = world.hob(["up", "--engine", "podman"]).code(2);
    assert!(
        wrong.err.contains("possible values: auto, host, docker"),
        "{wrong:?}"
    );
    // A session in the background gets the same.
    let dev = world.hob(["dev", "--detach", "--engine", "host"]).good();
    assert!(dev.err.contains(asked), "{dev:?}");
    world.hob(["down"]).good();
    world.write("hob.toml", "engine = \"podman\"\n");
    let wrong = world.hob(["plan"]).code(2);
    assert!(wrong.err.contains("podman"), "{wrong:?}");
    world.write("hob.toml", "engine = \"host\"\n");
    let plan = world.hob(["plan"]).good();
    assert!(plan.err.contains(asked), "{plan:?}");
}

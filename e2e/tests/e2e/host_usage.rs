//! How the host engine is chosen.

use crate::{Web, web};

#[test]
fn the_engine_is_chosen_by_its_name_and_by_no_other_word() {
    let Web { mut world, .. } = web();
    world.unset("HOB_ENGINE");
    let asked = "on the host engine, because it was asked for";
    let plan = world.hob(["plan", "--engine", "host"]).good();
    assert!(plan.err.contains(asked), "{plan:?}");
    let plan = world.hob(["plan", "--engine", "auto"]).good();
    assert!(plan.err.contains("on the host engine"), "{plan:?}");
    assert!(!plan.err.contains(asked), "{plan:?}");
    let wrong = world.hob(["up", "--engine", "docker"]).code(2);
    assert!(
        wrong.err.contains("possible values: auto, host"),
        "{wrong:?}"
    );
    // A session in the background gets the same.
    let dev = world.hob(["dev", "--detach", "--engine", "host"]).good();
    assert!(dev.err.contains(asked), "{dev:?}");
    world.hob(["down"]).good();
    world.write("hob.toml", "engine = \"docker\"\n");
    let wrong = world.hob(["plan"]).code(2);
    assert!(wrong.err.contains("docker"), "{wrong:?}");
    world.write("hob.toml", "engine = \"host\"\n");
    let plan = world.hob(["plan"]).good();
    assert!(plan.err.contains(asked), "{plan:?}");
}

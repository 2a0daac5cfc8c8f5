//! Versions of a service as its neighbours in containers find them: by the
//! service's name, whichever it is that serves.

use std::collections::BTreeSet;

use hob_e2e::{Engine, Service, World, stack};

/// The addresses that a name has for a neighbour.
fn addresses(world: &World, name: &str) -> BTreeSet<String> {
    let neighbour = world.container("demo/api").id;
    let script = format!("getent ahostsv4 {name} || true");
    let out = world.client().exec(&neighbour, &["sh", "-c", &script]);
    let first = out
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    first.map(str::to_owned).collect()
}

#[test]
fn neighbours_find_the_version_that_serves_by_the_services_name() {
    let mut world = World::new();
    let door = world.port().to_string();
    let services = [
        Service::auto("web"),
        Service::auto("api").with("needs = [\"web\"]"),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "one\n");
    world.page("demo/api", "api\n");
    world.hob(["ingress", "up", "--port", &door]).good();
    world.hob(["up"]).good();
    let one = addresses(&world, "web");
    assert_eq!(one.len(), 1);

    let mut hob = world.background(["roll", "web", "--pause", "60s"]);
    hob.wait("50 of 100 requests go to demo/web-2");
    let both = addresses(&world, "web");
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both.is_superset(&one), "{both:?}");
    assert_eq!(hob.stop(), 130);
    assert_eq!(addresses(&world, "web"), one);

    world
        .hob(["roll", "web", "--strategy", "blue-green"])
        .good();
    let three = addresses(&world, "web");
    assert_eq!(three.len(), 1);
    assert_eq!(three, addresses(&world, "web-3"));
    assert_ne!(three, one);
    // It was told where browsers find the first one; that is no reason.
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert!(plan.err.contains("there is nothing to do"), "{plan:?}");
    // The one that rests is nobody's neighbour.
    world.hob(["roll", "web", "--back"]).good();
    assert_eq!(addresses(&world, "web").len(), 1);
    assert_ne!(addresses(&world, "web"), three);
    assert_eq!(addresses(&world, "web-3"), three);
}

#[test]
fn a_version_that_rests_comes_back_to_what_it_needs() {
    let mut world = World::new();
    let door = world.port().to_string();
    let program = Engine::Docker.service_program();
    let run = format!(
        "run = [\"sh\", \"-c\", \"until getent hosts api; do sleep 0.1; done; \
         exec {} $OUT/page.txt\"]",
        program.display()
    );
    let services = [
        Service::auto("api"),
        Service::auto("web").with("needs = [\"api\"]").instead(&run),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "one\n");
    world.page("demo/api", "api\n");
    world.hob(["ingress", "up", "--port", &door]).good();
    world.hob(["up"]).good();
    world.page("demo/web", "two\n");
    world.hob(["roll", "web"]).good();
    let back = world.hob(["roll", "web", "--back"]).good();
    assert!(
        back.err.contains("all requests go to demo/web"),
        "{}",
        back.err
    );
}

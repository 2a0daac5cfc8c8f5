//! A project that has something up on two engines: which of them its names
//! lead to, and that `status` says so.

use hob_e2e::{Service, World, stack, until};

use crate::ingress::asked;

#[test]
fn status_says_which_of_two_engines_the_names_of_a_service_lead_to() {
    let mut world = World::new();
    let (http, dns) = (world.port(), world.port());
    world.platform_on(http, dns);
    let services = ["api", "web"].map(Service::auto);
    world.stack("demo", &stack(&services));
    world.page("demo/web", "of docker\n");
    world.page("demo/api", "api\n");
    let words = "demo/web: on both engines, and hob's names lead to";
    let status = |engine: &str, options: &[&str]| {
        let status = ["status", "--engine", engine];
        world.hob(status.iter().chain(options)).good()
    };
    world.hob(["up", "--engine", "docker"]).good();
    world.hob(["ingress", "up"]).good();
    assert!(!status("docker", &[]).err.contains(words));
    world.page("demo/web", "of the host\n");
    world.hob(["up", "web", "--engine", "host"]).good();
    let leads = |to: &str| {
        until(to, || {
            asked(http, "web.demo.test").is_some_and(|it| it.1 == to)
        });
    };
    leads("of docker");
    for engine in ["docker", "host"] {
        let told = format!("{words} docker (`hob down --engine docker demo/web` has them");
        let seen = status(engine, &[]);
        assert!(seen.err.contains(&told), "{told}: {seen:?}");
        assert!(!seen.err.contains("demo/api: on"), "{seen:?}");
        let seen = status(engine, &["--json"]);
        let note = seen.out.lines().find(|it| it.contains("\"note\":\"demo/"));
        assert!(note.is_some_and(|it| it.contains(&told)), "{seen:?}");
        let other = status(engine, &["api"]);
        assert!(!other.err.contains(words), "{other:?}");
    }
    world.hob(["down", "--engine", "docker", "demo/web"]).good();
    leads("of the host");
    assert!(!status("host", &[]).err.contains("on both engines"));
    for engine in ["host", "docker"] {
        world.hob(["down", "--engine", engine]).good();
    }
}

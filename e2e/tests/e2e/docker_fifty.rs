//! Many services at once.

use hob_e2e::{Service, World, http, stack};

#[test]
fn fifty_services_come_up_stay_as_they_are_and_go() {
    let mut world = World::new();
    let names: Vec<String> = (1..=50).map(|n| format!("s{n}")).collect();
    let ports: Vec<u16> = names.iter().map(|_| world.port()).collect();
    let services: Vec<Service> = names
        .iter()
        .zip(&ports)
        .map(|(name, port)| Service::new(name, *port))
        .collect();
    world.stack("many", &stack(&services));
    for name in &names {
        world.page(&format!("many/{name}"), &format!("{name}\n"));
    }
    world.hob(["up"]).good();
    for (name, port) in names.iter().zip(&ports) {
        assert_eq!(http::get(*port, "/").unwrap().body, *name);
    }
    let ids = |world: &World| -> Vec<String> {
        let all = world.client().containers_of(&world.project());
        all.into_iter().map(|it| it.id).collect()
    };
    let before = ids(&world);
    assert_eq!(before.len(), 50);
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    assert_eq!(ids(&world), before);
    let down = world.hob(["down", "--prove"]).good();
    assert!(down.err.contains("nothing is left"), "{down:?}");
    world.assert_gone(false);
}

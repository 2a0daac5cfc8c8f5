//! The steps of the host engine.

use hob_e2e::{Service, World, http, stack};
use snapbox::{assert_data_eq, str};

#[test]
fn plan_says_what_would_be_done_and_why_and_does_nothing() {
    let mut world = World::new();
    let (web, api) = (world.port(), world.port());
    let services = [
        Service::new("web", web).with("needs = [\"api\"]"),
        Service::new("api", api).with("volumes = { data = \"/data\" }"),
    ];
    world.stack("demo", &stack(&services));
    world.page("demo/web", "web\n");
    world.page("demo/api", "api\n");
    let plan = world.hob(["plan"]).good();
    assert_data_eq!(
        world.words(&plan.out),
        str![[r#"
create folder demo/api       because it is not there
create volume demo/api/data  because it is not there
create agent demo/api        because it is not there
configure agent demo/api     because it is new
start agent demo/api         because it is to run
await agent demo/api         because others may rely on it only then
create folder demo/web       because it is not there
create agent demo/web        because it is not there
configure agent demo/web     because it is new
start agent demo/web         because it is to run
await agent demo/web         because others may rely on it only then

"#]]
    );
    world.assert_gone(false);
    world.hob(["up"]).good();
    let plan = world.hob(["plan", "--for", "down", "web"]).good();
    assert_data_eq!(
        world.words(&plan.out),
        str![[r#"
remove agent demo/web   because it is not asked for
remove folder demo/web  because it is not asked for

"#]]
    );
    assert_eq!(http::get(web, "/").unwrap().body, "web");
}

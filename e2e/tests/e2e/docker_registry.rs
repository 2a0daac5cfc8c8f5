//! A registry of this machine, and what is pushed to it.

use hob_e2e::{Run, Service, Session, World, stack};

use crate::Web;
use crate::docker_images::{dockerfile, imaged};

/// A project with an image that no other test has, since what runs anywhere on
/// the engine is not collected; and a registry that is up.
pub(crate) fn registered(words: &str) -> (World, u16) {
    let Web { mut world, .. } = imaged(words);
    let port = world.port();
    world
        .hob(["registry", "up", "--port", &port.to_string()])
        .good();
    (world, port)
}

/// The digest that a push ended with.
#[track_caller]
pub(crate) fn digest(run: &Run) -> String {
    let line = run.out.strip_suffix('\n');
    let found = line.and_then(|it| it.split_once('@'));
    let found = found.filter(|it| !it.1.contains(char::is_whitespace));
    found.unwrap_or_else(|| panic!("{run:?}")).1.to_owned()
}

#[test]
fn without_a_name_every_stack_is_pushed() {
    let (world, _) = registered("pushed without a name");
    world.stack("tool", &stack(&[Service::auto("api")]));
    world.page("tool/api", "api\n");
    let push = world.hob(["registry", "push"]).good();
    assert!(push.out.contains("/demo/web:"), "{push:?}");
    let none = "· tool/api has no image of its own";
    assert!(push.err.contains(none), "{push:?}");
}

#[test]
fn an_image_is_pushed_once_and_again_when_something_changed() {
    let (world, port) = registered("pushed once");
    let push = world.hob(["registry", "push"]).good();
    let first = digest(&push);
    let repository = format!("127.0.0.1:{port}/demo/web");
    assert!(push.out.starts_with(&format!("{repository}:")), "{push:?}");
    assert!(push.err.contains("✓ demo/web is pushed after "), "{push:?}");
    assert!(!push.err.contains(&first), "{push:?}");
    let again = world.hob(["registry", "push"]).good();
    let there = "· demo/web is there already\nnothing to push: the image is there, looked at in ";
    assert!(again.err.starts_with(there), "{again:?}");
    assert_eq!(again.out, push.out);
    let name = push.out.trim();
    // The engine keeps none of the names that it pushed by.
    let names = world.client().images_named(&format!("127.0.0.1:{port}/"));
    assert_eq!(names, Vec::<String>::new());
    world.client().pull(name);
    // It says whose it is, and nothing of this machine.
    let labels = world.client().labels_of(name);
    assert_eq!(labels["hob.project"], world.project());
    let path = labels.values().find(|it| it.contains('/'));
    assert_eq!(path, None, "{labels:?}");
    world.client().remove_image(name);
    dockerfile(&world, "RUN echo pushed twice > /app/page.txt");
    let other = digest(&world.hob(["registry", "push", "demo"]).good());
    assert_ne!(first, other);
    let list = world.hob(["registry", "ls"]).good();
    assert_eq!(list.out.matches("demo/web").count(), 2, "{list:?}");
    world.hob(["registry", "gc", "--keep", "1"]).good();
    let list = world.hob(["registry", "ls", "--json"]).good();
    assert_eq!(list.out.lines().count(), 1, "{list:?}");
    assert!(list.out.contains(&other), "{list:?}");
    // What was collected is pushed whole again.
    dockerfile(&world, "RUN echo pushed once > /app/page.txt");
    let whole = world.hob(["registry", "push"]).good();
    let name = format!("127.0.0.1:{port}/demo/web@{}", digest(&whole));
    world.client().pull(&name);
    world.client().remove_image(&name);
    world.hob(["registry", "rm", "demo/web"]).good();
    let list = world.hob(["registry", "ls"]).good();
    assert_eq!(list.out, "", "{list:?}");
}

#[test]
fn what_was_pushed_outlives_the_registry_until_it_is_to_go() {
    let (world, _) = registered("outliving");
    world.hob(["registry", "push"]).good();
    world.hob(["registry", "down"]).good();
    let gone = world.hob(["registry", "ls"]).code(1);
    assert!(gone.err.contains("`hob registry up`"), "{gone:?}");
    // A push brings it up.
    let again = world.hob(["registry", "push"]).good();
    assert!(again.err.contains("is there already"), "{again:?}");
    world.hob(["registry", "down", "--volumes"]).good();
    world.hob(["registry", "up"]).good();
    let list = world.hob(["registry", "ls"]).good();
    assert_eq!(list.out, "", "{list:?}");
}

#[test]
fn what_cannot_be_pushed_says_why() {
    let (world, port) = registered("refused");
    let none = world.hob(["registry", "push", "--engine", "host"]).code(2);
    assert!(
        none.err.contains("only a Docker engine builds images"),
        "{none:?}"
    );
    // Nobody listens there.
    let nowhere = world
        .hob(["registry", "push", "--to", "127.0.0.1:1/shop"])
        .code(1);
    assert!(
        nowhere
            .err
            .contains("cannot push 127.0.0.1:1/shop/demo/web"),
        "{nowhere:?}"
    );
    dockerfile(&world, "RUN exit 7");
    let broken = world.hob(["registry", "push"]).code(3);
    assert!(broken.err.contains("Dockerfile:3"), "{broken:?}");
    let unknown = world.hob(["registry", "rm", "demo/nobody"]).code(1);
    assert!(unknown.err.contains("demo/nobody"), "{unknown:?}");
    let endpoint = ["--endpoint", "registry:5000"];
    let hosting = [&["registry", "hosting", "kind"][..], &endpoint].concat();
    let told = world.hob(hosting).good();
    let host = format!("host: \"127.0.0.1:{port}\"");
    assert!(told.out.contains(&host), "{told:?}");
}

#[test]
fn a_collection_leaves_what_runs_from_whatever_folder_it_is_asked_for() {
    let (world, _) = registered("collected");
    world.hob(["up"]).good();
    world.hob(["registry", "push"]).good();
    dockerfile(&world, "RUN echo collected too > /app/page.txt");
    world.hob(["registry", "push"]).good();
    let would = world.hob(["registry", "gc", "--keep", "1", "--dry-run"]);
    let would = would.good();
    assert!(would.out.contains(": demo/web runs it\n"), "{would:?}");
    let collected = |engine: &str| {
        let outside = world.outside();
        let gc = ["registry", "gc", "--keep", "1", "--engine", engine];
        let mut collecting = Session::start(world.command_in(&outside, gc));
        assert_eq!(collecting.end(), 0, "{}", collecting.err());
        let list = world.hob(["registry", "ls", "--json"]).good();
        list.out.lines().count()
    };
    assert_eq!(collected("docker"), 2);
    // What runs in containers runs whatever engine hob is to use.
    assert_eq!(collected("host"), 2);
    world.hob(["down"]).good();
    assert_eq!(collected("host"), 1);
}

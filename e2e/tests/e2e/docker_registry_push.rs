//! Pushes to a registry that is not hob's, with a login and without; and what a
//! person sees of a push on its way.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hob_e2e::registry::{PASSWORD, Registry, USER};
use hob_e2e::{Run, World};
use serde_json::json;

use crate::docker_images::{dockerfile, imaged};
use crate::docker_registry::{digest, registered};

/// `USER:PASSWORD`, and `USER:another-word`, in base64.
const LOGIN: &str = "c29tZWJvZHk6YS1zZWNyZXQtd29yZA==";
const WRONG: &str = "c29tZWJvZHk6YW5vdGhlci13b3Jk";

const CATALOG: &str = "{\"repositories\":[\"shop/demo/web\"]}";

/// Writes what `docker login` does, in the caller's own home folder.
fn configure(world: &World, config: &serde_json::Value) {
    let folder = world.outside().join("h/.docker");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

fn push_to(world: &World, registry: &Registry) -> Run {
    let to = format!("{}/shop", registry.authority());
    world.hob(["registry", "push", "--to", &to])
}

/// That it was pushed, and neither password is told anywhere.
#[track_caller]
fn assert_pushed(world: &World, registry: &Registry, push: &Run) {
    let name = format!("{}/shop/demo/web:", registry.authority());
    assert!(push.out.starts_with(&name), "{push:?}");
    assert!(digest(push).starts_with("sha256:"), "{push:?}");
    assert_untold(push);
    let start = format!("{}/", registry.authority());
    let names = world.client().images_named(&start);
    assert_eq!(names, Vec::<String>::new());
}

#[track_caller]
fn assert_untold(run: &Run) {
    for secret in [PASSWORD, LOGIN, WRONG, "another-word"] {
        let told = run.out.contains(secret) || run.err.contains(secret);
        assert!(!told, "{run:?}");
    }
}

#[test]
fn a_registry_elsewhere_gets_the_same_and_can_be_pulled_from() {
    let world = imaged("elsewhere").world;
    let registry = Registry::start(false);
    let push = push_to(&world, &registry).good();
    assert_pushed(&world, &registry, &push);
    assert_eq!(registry.catalog(), CATALOG);
    let name = push.out.trim();
    world.client().pull(name);
    assert_eq!(
        world.client().labels_of(name)["hob.project"],
        world.project()
    );
    world.client().remove_image(name);
    // Nobody can tell what it has, so it is asked by the engine, layer by layer.
    let again = push_to(&world, &registry).good();
    assert_eq!(again.out, push.out);
    // It needs no registry of this machine.
    let own = world.hob(["registry", "ls"]).code(1);
    assert!(own.err.contains("`hob registry up`"), "{own:?}");
}

#[test]
fn a_login_is_the_one_that_dockers_configuration_has() {
    let mut world = imaged("logged in").world;
    let registry = Registry::start(true);
    let authority = registry.authority();
    let refused = |run: Run, why: &str| {
        let run = run.code(1);
        let name = format!("cannot push {authority}/shop/demo/web:");
        let login = format!("`docker login {authority}`");
        for part in [name.as_str(), why, login.as_str()] {
            assert!(run.err.contains(part), "{part}: {run:?}");
        }
        assert_untold(&run);
    };
    refused(push_to(&world, &registry), "no basic auth credentials");
    let auths = |login: &str| json!({ "auths": { (authority.as_str()): { "auth": login } } });
    configure(&world, &auths(WRONG));
    refused(push_to(&world, &registry), "unauthorized");
    configure(&world, &auths(LOGIN));
    let push = push_to(&world, &registry).good();
    assert_pushed(&world, &registry, &push);
    assert_eq!(registry.catalog_for(LOGIN), CATALOG);
    // A helper counts before that.
    let programs = world.outside().join("bin");
    fs::create_dir_all(&programs).unwrap();
    let path = std::env::var("PATH").unwrap();
    world.set("PATH", &format!("{}:{path}", programs.display()));
    let mut config = auths(LOGIN);
    config["credHelpers"] = json!({ (authority.as_str()): "hob-test" });
    configure(&world, &config);
    let helper = |secret: &str| {
        let script = format!(
            "#!/bin/sh\n[ \"$1 $(cat)\" = \"get {authority}\" ] || exit 1\n\
             echo '{{\"ServerURL\":\"{authority}\",\"Username\":\"{USER}\",\"Secret\":\"{secret}\"}}'\n"
        );
        let place = programs.join("docker-credential-hob-test");
        fs::write(&place, script).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    };
    helper("another-word");
    dockerfile(&world, "RUN echo by a helper > /app/page.txt");
    refused(push_to(&world, &registry), "unauthorized");
    helper(PASSWORD);
    let other = push_to(&world, &registry).good();
    assert_pushed(&world, &registry, &other);
    assert_ne!(other.out, push.out);
}

/// The megabytes that were sent each time that it was said.
fn sent(shown: &str) -> Vec<u64> {
    let said = shown.split(" layers, ").skip(1);
    let said = said.filter_map(|it| it.split_once(" MiB of ")?.0.parse().ok());
    said.collect()
}

#[test]
fn a_push_shows_how_many_layers_and_bytes_are_sent() {
    let (world, port) = registered("on its way");
    world.hob(["build"]).good();
    let mut terminal = world.terminal(["registry", "push"]);
    terminal.wait(&format!("127.0.0.1:{port}/demo/web:"));
    assert_eq!(terminal.end(), 0, "{}", terminal.shown());
    let shown = terminal.shown();
    assert!(shown.contains("pushing demo/web: 0 of "), "{shown}");
    let sent = sent(&shown);
    assert!(sent.is_sorted() && sent.first() < sent.last(), "{sent:?}");
    // The name alone is the answer.
    assert_eq!(shown.matches("@sha256:").count(), 1, "{shown}");
}

//! The tests' own eyes and hands, and their own engine: what they say is what
//! the other tests stand on.

use std::process::Command;

use hob_e2e::dockerd::{Dockerd, Network};
use hob_e2e::{World, engine, processes, until};

/// Runs `sleep` as a service of the world's project; the container's id.
fn sleeper(world: &World, name: &str) -> String {
    let project = world.project();
    let labels = [
        ("hob.project", project.as_str()),
        ("hob.stack", "demo"),
        ("hob.service", name),
    ];
    let name = format!("{project}-{name}");
    let command = ["sh", "-c", "sleep 1234 & exec sleep 4321"];
    world.client().run(&name, engine::base(), &labels, &command)
}

#[test]
fn a_container_is_seen_with_its_processes_and_changed() {
    let world = World::new();
    let client = world.client();
    let id = sleeper(&world, "web");
    assert_eq!(world.container("demo/web").id, id);
    let commands = || -> Vec<String> {
        let all = world.marked().into_iter();
        all.map(|it| format!("{} {}", it.service, it.command))
            .collect()
    };
    until("its processes", || {
        commands() == ["demo/web sleep 4321", "demo/web sleep 1234"]
    });
    let first = world.agent("demo/web").unwrap();
    assert_eq!(processes::innermost(first), Some(1));
    assert_eq!(
        client.exec(&id, &["sh", "-c", "echo $0 inside"]),
        "sh inside\n"
    );
    assert!(
        client
            .exec(&id, &["python3", "--version"])
            .starts_with("Python 3")
    );
    client.pause(&id);
    assert_eq!(world.container("demo/web").state(), "paused");
    client.unpause(&id);
    let name = format!("{}-renamed", world.project());
    client.rename(&id, &name);
    assert_eq!(world.container("demo/web").name, name);
    client.restart(&id);
    until("another process", || {
        world.agent("demo/web").is_some_and(|it| it != first)
    });
    for network in world.container("demo/web").networks() {
        client.disconnect(&network, &id);
    }
    assert_eq!(world.container("demo/web").networks(), Vec::<String>::new());
    client.stop(&id);
    assert_eq!(world.container("demo/web").state(), "exited");
    let left = world.engine().left(client, world.root(), true);
    assert_eq!(left, [format!("container {name}")]);
    client.remove(&id);
    world.assert_gone(true);
}

#[test]
fn what_is_left_of_a_project_fails_its_test_and_is_removed() {
    let world = World::new();
    let client = world.client().clone();
    let id = sleeper(&world, "web");
    let failed = std::thread::spawn(move || drop(world)).join();
    assert!(failed.is_err());
    assert!(client.inspect(&id).is_none());
}

#[test]
fn an_engine_that_was_killed_with_all_that_it_ran_leaves_the_next_one_its_images_alone() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let own = Dockerd::start(folder.path(), Network::SECOND).unwrap();
    world.client().copy_image(engine::base(), &own.client());
    let run = |own: &Dockerd| {
        own.client()
            .run("left", engine::base(), &[], &["sleep", "1000"])
    };
    let container = run(&own);
    let process = own.client().inspect(&container).unwrap().pid.unwrap();
    own.abandon();
    assert!(processes::is_alive(process));
    let path = folder.path();
    let own = Dockerd::start(path, Network::SECOND).unwrap();
    assert!(!processes::is_alive(process));
    assert!(own.client().has_image(engine::base()));
    assert!(own.client().inspect(&container).is_none());
    // The name is free again, and containers run.
    let container = run(&own);
    assert_eq!(own.client().inspect(&container).unwrap().state(), "running");
    drop(own);
    let mounts = Command::new("cat")
        .arg("/proc/self/mountinfo")
        .output()
        .unwrap();
    let mounts = String::from_utf8_lossy(&mounts.stdout).into_owned();
    assert!(!mounts.contains(path.to_str().unwrap()), "{mounts}");
}

//! What takes images away from the registry: that a collection which is killed
//! is over before anybody pushes, and that no tag goes unsaid.

use std::fs::File;

use hob_e2e::{Session, World, processes, until};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use crate::docker_images::dockerfile;
use crate::docker_registry::{digest, registered};

/// Where the registry keeps the tags of `demo/web`.
const TAGS: &str = "/var/lib/registry/docker/registry/v2/repositories/demo/web/_manifests/tags";

/// Runs a line of shell as root where the registry is.
fn in_registry(world: &World, line: &str) -> String {
    let container = world.platform_container("registry").id;
    world.client().exec(&container, &["sh", "-c", line])
}

/// Has every collection to come go on until somebody ends it; its process.
fn endless(world: &World, seconds: u16) -> impl Fn() -> Option<u32> {
    let script = "/usr/local/lib/hob/serve.sh";
    let line = format!("sed -i 's/exec docker-registry \"$1\".*/exec sleep {seconds}/' {script}");
    assert_eq!(in_registry(world, &line), "");
    let command = format!("sleep {seconds}");
    move || processes::all().find(|pid| processes::command(*pid) == command)
}

/// Whether somebody else might push.
fn may_push(world: &World) -> bool {
    let lock = File::open(world.platform().join("registry.lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Kills a `gc` whose collection goes on, and asserts that nobody can push before
/// that is over. These would end it, so they have to wait.
#[track_caller]
pub(crate) fn kill_collection(
    world: &World,
    gc: &mut Session,
    enders: &[u32],
    collecting: impl Fn() -> Option<u32>,
) {
    assert!(!enders.is_empty());
    for pid in enders {
        processes::signal(*pid, Signal::STOP);
    }
    gc.kill();
    assert!(!may_push(world) && collecting().is_some());
    for pid in enders {
        processes::signal(*pid, Signal::CONT);
    }
    until("a registry that can be pushed to", || may_push(world));
    assert_eq!(collecting(), None);
}

fn collection(world: &World, collecting: impl Fn() -> Option<u32>) -> Session {
    let collection = world.background(["registry", "gc"]);
    until("a collection", || collecting().is_some());
    collection
}

#[test]
fn a_collection_that_is_killed_ends_before_anybody_pushes() {
    let (world, port) = registered("collection killed");
    world.hob(["registry", "push"]).good();
    // No other test's sleep is as long.
    let collecting = endless(&world, port);
    let mut killed = collection(&world, &collecting);
    let push = world.hob(["registry", "push"]).code(1);
    let told = "images are taken away from the registry just now";
    assert!(push.err.contains(told), "{push:?}");
    let exec = processes::children(killed.pid());
    kill_collection(&world, &mut killed, &exec, &collecting);
    // Neither goes it on without what has it run there.
    let mut left = collection(&world, &collecting);
    let own = processes::children(left.pid());
    let [exec] = &own[..] else { panic!("{own:?}") };
    processes::kill(*exec);
    assert_eq!(left.end(), 1, "{}", left.err());
    until("its end", || collecting().is_none());
    world.hob(["registry", "push"]).good();
}

#[test]
fn tags_that_go_with_the_one_that_is_named_are_asked_about() {
    let (world, _) = registered("two tags");
    world.hob(["registry", "push"]).good();
    let first = in_registry(&world, &format!("ls {TAGS}")).trim().to_owned();
    assert_eq!(
        in_registry(&world, &format!("cd {TAGS} && cp -a {first} second")),
        ""
    );
    dockerfile(&world, "RUN echo another > /app/page.txt");
    let another = world.hob(["registry", "push"]).good();
    let told = format!("demo/web:{first} goes, too: it is the same image as demo/web:second\n");
    let refused = world.hob(["registry", "rm", "demo/web:second"]).code(2);
    for part in [told.as_str(), "`hob registry rm --yes demo/web:second`"] {
        assert!(refused.err.contains(part), "{part}: {refused:?}");
    }
    let list = world.hob(["registry", "ls"]).good();
    assert!(list.out.contains("second"), "{list:?}");
    let mut terminal = world.terminal(["registry", "rm", "demo/web:second"]);
    terminal.wait("do this? [y/N]");
    assert!(
        terminal.shown().contains(told.trim()),
        "{}",
        terminal.shown()
    );
    terminal.press("n\n");
    assert_eq!(terminal.end(), 1);
    // What was named whole is nothing to ask about.
    let both = [format!("demo/web:{first}"), "demo/web:second".to_owned()];
    let removed = world.hob(["registry", "rm", &both[0], &both[1]]).good();
    assert!(removed.err.contains("second"), "{removed:?}");
    let list = world.hob(["registry", "ls", "--json"]).good();
    assert_eq!(list.out.lines().count(), 1, "{list:?}");
    assert!(list.out.contains(&digest(&another)), "{list:?}");
    // Nobody pushes meanwhile.
    let lock = File::open(world.platform().join("registry.lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockShared).unwrap();
    let busy = world.hob(["registry", "rm", "demo/web"]).code(1);
    assert!(busy.err.contains("somebody pushes just now"), "{busy:?}");
    drop(lock);
    world.hob(["registry", "rm", "demo/web"]).good();
}

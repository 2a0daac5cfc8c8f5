//! What runs here while hob's own folders on this machine change under it.

use std::fs;

use hob_e2e::{World, http};

use crate::running::values;
use crate::{Web, web};

#[test]
fn a_removed_runtime_folder_is_told_and_the_next_up_mends_it() {
    let Web { world, port } = web();
    world.hob(["up"]).good();
    let before = world.serving("web").unwrap();
    fs::remove_dir_all(world.runtime().join("hob")).unwrap();
    assert_eq!(http::get(port, "/").unwrap().body, "one");
    let status = world.hob(["status"]).good();
    assert!(status.out.contains("lost"), "{status:?}");
    for said in ["it goes on", "socket was removed", "`hob up demo/web`"] {
        assert!(status.err.contains(said), "{status:?}");
    }
    let json = world.hob(["status", "--json"]).good();
    let status = &values(&json.out, "status")[0];
    assert_eq!(status["phase"], "lost");
    assert!(
        status["note"].as_str().unwrap().contains("socket"),
        "{json:?}"
    );
    world.hob(["up"]).good();
    World::answers(port, "one");
    assert_ne!(world.serving("web"), Some(before));
    let plan = world.hob(["plan", "--for", "up"]).good();
    assert!(plan.err.contains("there is nothing to do"), "{plan:?}");
    fs::remove_dir_all(world.runtime().join("hob")).unwrap();
    world.assert_nothing_left();
}

#[test]
fn a_shell_that_was_opened_inside_of_a_service_is_no_part_of_it() {
    let Web { world, .. } = web();
    world.hob(["up"]).good();
    let hob = world.command(["down"]).get_program().to_owned();
    let inside = world.command(
        ["exec", "web"]
            .map(std::ffi::OsString::from)
            .into_iter()
            .chain([hob, "down".into()]),
    );
    let mut inside = hob_e2e::Session::start(inside);
    assert_eq!(inside.end(), 0, "{}", inside.transcript());
    world.assert_nothing_left();
}

//! The real stack of this repository.

use hob_e2e::{Poller, Polykube, http};

#[test]
fn an_edit_of_goapi_is_answered_by_new_code_without_a_failed_request() {
    let Polykube { world, goapi, .. } = Polykube::copied();
    let mut session = world.dev(&["--only", "goapi"]);
    session.wait("ready; every save");
    let first = http::get(goapi, "/").unwrap();
    assert_eq!(
        (first.status, first.generation()),
        (200, Some(1)),
        "{first:?}"
    );
    let poller = Poller::start(goapi);
    let source = world.read("stacks/polykube/goapi/main.go");
    world.write(
        "stacks/polykube/goapi/main.go",
        &format!("{source}\nfunc broken( {{\n"),
    );
    let waited = world.hob(["wait", "goapi"]).code(3);
    assert!(waited.err.contains("syntax error"), "{waited:?}");
    session.wait("syntax error");
    assert_eq!(http::get(goapi, "/").unwrap().generation(), Some(1));
    world.write(
        "stacks/polykube/goapi/main.go",
        &format!("{source}\n// mended\n"),
    );
    world.hob(["wait", "goapi"]).good();
    assert_eq!(http::get(goapi, "/").unwrap().generation(), Some(3));
    let polled = poller.end();
    assert_eq!(polled.bad, Vec::<String>::new());
    assert_eq!(session.stop(), 130);
    // Images and caches are kept until then.
    world.hob(["down", "--volumes"]).good();
    world.assert_nothing_left();
}

#[test]
fn the_repositorys_own_stacks_are_good() {
    let Polykube { world, .. } = Polykube::copied();
    let check = world.hob(["check"]).good();
    assert_eq!(check.err, "3 services in 1 stack, no mistakes\n");
}

//! The real stack of this repository, with whatever toolchains are there.
//! Go has to be; Mono and nginx may be missing, and that is told.

use std::path::Path;

use hob_e2e::{Poller, Polykube, http};

/// Whether a program is on the search path.
fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

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
    world.assert_nothing_left();
}

#[test]
fn the_whole_stack_comes_up_and_what_is_missing_is_named() {
    let Polykube {
        world,
        site,
        goapi,
        vnextapi,
    } = Polykube::copied();
    let mono = installed("mono") && installed("mcs");
    let up = world.hob(["up"]).code(if mono { 0 } else { 4 });
    let nginx = installed("nginx") || Path::new("/usr/sbin/nginx").is_file();
    let server = if nginx {
        "static files by nginx"
    } else {
        "nginx is not installed"
    };
    assert!(up.err.contains(server), "{up:?}");
    let page = http::get(site, "/").unwrap();
    assert!(
        page.status == 200 && page.body.contains("<html"),
        "{page:?}"
    );
    let answer = http::get(goapi, "/").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    if mono {
        assert_eq!(http::get(vnextapi, "/").unwrap().status, 200);
    } else {
        assert!(up.err.contains("mono"), "{up:?}");
        assert!(up.err.contains("apt-get install"), "{up:?}");
    }
    world.assert_nothing_left();
}

#[test]
fn the_repositorys_own_stacks_are_good() {
    let Polykube { world, .. } = Polykube::copied();
    let check = world.hob(["check"]).good();
    assert_eq!(check.err, "3 services in 1 stack, no mistakes\n");
}

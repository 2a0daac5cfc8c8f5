//! The real stack of this repository with whatever toolchains this machine
//! has. Go has to be there; Mono and nginx may be missing, and that is told.

use std::path::Path;

use hob_e2e::{Polykube, http};

/// Whether a program is on the search path.
fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
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

//! The real stack of this repository in its production images, whatever
//! toolchains this machine has.

use hob_e2e::{Polykube, http};

#[test]
fn the_whole_stack_comes_up_and_goes() {
    let Polykube {
        world,
        site,
        goapi,
        vnextapi,
    } = Polykube::copied();
    world.hob(["up"]).good();
    let page = http::get(site, "/").unwrap();
    assert!(
        page.status == 200 && page.body.contains("<html"),
        "{page:?}"
    );
    for port in [goapi, vnextapi] {
        let answer = http::get(port, "/").unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let again = world.hob(["up"]).good();
    assert!(again.err.contains("everything is up already"), "{again:?}");
    world.assert_nothing_kept();
}

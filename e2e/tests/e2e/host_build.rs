//! `build` where services are programs of this machine.

use snapbox::{assert_data_eq, str};

use crate::{Web, web};

#[test]
fn build_builds_and_runs_nothing() {
    let Web { world, .. } = web();
    let build = world.hob(["build"]).good();
    assert_data_eq!(
        world.words(&build.err),
        str![[r#"
✓ demo/web builds after [TIME]

"#]]
    );
    world.page("demo/web", "BROKEN\n");
    let build = world.hob(["build"]).code(3);
    assert!(
        build.err.contains("page.txt:1: syntax error near BROKEN"),
        "{build:?}"
    );
    world.assert_gone(false);
}

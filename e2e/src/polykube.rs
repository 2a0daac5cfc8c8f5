//! [`Polykube`]: the real stack of this repository, in a project of a test.

use std::path::Path;

use crate::engine::Engine;
use crate::world::World;

/// A copy of the stack on ports of this test.
#[derive(Debug)]
pub struct Polykube {
    /// Its project.
    pub world: World,
    /// The port of the page.
    pub site: u16,
    /// The port of `goapi`.
    pub goapi: u16,
    /// The port of `vnextapi`.
    pub vnextapi: u16,
}

impl Polykube {
    /// The copy, nothing started. Toolchains keep the caller's caches; in Docker
    /// the images for `dev` are there, since the first time they take minutes.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn copied() -> Self {
        let mut world = World::new();
        world.keep_home();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .join("stacks/polykube");
        world.copy(&from, "stacks/polykube");
        // Its images stand on Debian, and not on the tests' own base.
        world.remove("hob.toml");
        let (site, goapi, vnextapi) = (world.port(), world.port(), world.port());
        world.write(
            "stacks/polykube/stack.local.toml",
            &format!(
                "[services.static]\npublish = {site}\n[services.goapi]\npublish = {goapi}\n\
                 [services.vnextapi]\npublish = {vnextapi}\n"
            ),
        );
        if world.engine() == Engine::Docker {
            world.hob(["build", "--dev", "polykube"]).good();
        }
        Self {
            world,
            site,
            goapi,
            vnextapi,
        }
    }
}

//! [`Platformer`]: the real stack of this repository, in a project of a test.

use std::path::Path;

use crate::engine::Engine;
use crate::world::World;

/// A copy of the stack on ports of this test.
#[derive(Debug)]
pub struct Platformer {
    /// Its project.
    pub world: World,
    /// The port of its load balancer.
    pub door: u16,
    /// The port of the ingress for every name.
    pub http: u16,
    /// The port of the resolver.
    pub dns: u16,
}

impl Platformer {
    /// The copy, nothing started. In Docker its images are there, since the
    /// first time they take minutes.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn copied() -> Self {
        let mut world = World::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .join("stacks/platformer");
        world.copy(&from, "stacks/platformer");
        // Its images stand on Debian, and not on the tests' own base.
        world.remove("hob.toml");
        let (door, http, dns) = (world.port(), world.port(), world.port());
        world.platform_on(http, dns);
        world.write(
            "stacks/platformer/stack.local.toml",
            &format!("[ingress]\nport = {door}\n"),
        );
        if world.engine() == Engine::Docker {
            world.hob(["build", "platformer"]).good();
            world.hob(["build", "--dev", "platformer"]).good();
        }
        Self {
            world,
            door,
            http,
            dns,
        }
    }
}

//! hob as its users have it: the real program in projects of its own, one
//! file a subject.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod all;
mod crash;
mod dev;
mod full;
mod holder;
mod leave;
mod needs;
mod polykube;
mod reload;
mod running;
mod secrets;
mod session;
mod taken;
mod up;
mod usage;
mod verbs;

use hob_e2e::{Service, World, stack};

/// A project `demo` with the one service `web`, which answers `one`.
struct Web {
    world: World,
    port: u16,
}

fn web() -> Web {
    web_of(|service| service)
}

/// The same with more said about the service.
fn web_of(service: impl FnOnce(Service) -> Service) -> Web {
    let mut world = World::new();
    let port = world.port();
    world.stack("demo", &stack(&[service(Service::new("web", port))]));
    world.page("demo/web", "one\n");
    Web { world, port }
}

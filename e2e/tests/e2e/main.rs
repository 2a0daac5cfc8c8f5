//! hob as its users have it: the real program in projects of its own, one
//! file a subject.
//!
//! They hold on every engine (`HOB_E2E_ENGINE`); those of `host_…` hold on the
//! host alone, where services are processes of this machine, and those of
//! `docker_…` in Docker alone.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod crash;
mod dev;
mod dns;
mod dns_faults;
mod docker_agents;
mod docker_bases;
mod docker_engine;
mod docker_eyes;
mod docker_fifty;
mod docker_hand;
mod docker_images;
mod docker_platform_faults;
mod docker_polykube;
mod docker_ports;
mod docker_registry;
mod docker_registry_faults;
mod docker_registry_push;
mod docker_registry_removal;
mod docker_roll;
mod docker_two_engines;
mod doors;
mod grpc;
mod holder;
mod host_all;
mod host_build;
mod host_crash;
mod host_full;
mod host_ingress;
mod host_needs;
mod host_plan;
mod host_polykube;
mod host_registry;
mod host_running;
mod host_secrets;
mod host_usage;
mod https;
mod ingress;
mod ingress_faults;
mod leave;
mod moving;
mod needs;
mod output;
mod platform_faults;
mod platformer;
mod polykube;
mod reload;
mod roll;
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

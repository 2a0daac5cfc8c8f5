//! What surrounds the services of all projects: registry, resolver and
//! ingress.
//!
//! They are services like others. Owns the project that they are the services
//! of, in the user's data folder, whose files it writes ([`files`], pure), and
//! what projects announce of theirs. Starts nothing: engines bring that project up
//! like any other. Start with [`Home`].

mod announced;
mod files;
mod home;
mod names;
mod routes;
mod settings;
mod shadowed;
mod twice;

pub use announced::{Announced, AnnouncedService, AnnouncedStack, Speaks};
pub use files::{File, files};
pub use home::{Changes, Home, HomeError, Locked, Named, PushNote, Read, Tellers};
pub use names::{answers_on, check, dnsmasq_conf, hosts, servers, wildcards_conf};
pub use routes::{Doors, RoutesError, listened, routes};
pub use settings::Settings;
pub use shadowed::{Shadowed, shadowed};
pub use twice::{Told, Twice, twice};

/// The one stack of the project.
pub const STACK: &str = "hob";
/// The registry, by its name in the stack.
pub const REGISTRY: &str = "registry";
/// The resolver.
pub const DNS: &str = "dns";
/// The ingress.
pub const INGRESS: &str = "ingress";

//! The real agent as a process of its own, with real builds and services,
//! asked over its real socket.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod crashes;
mod doors;
mod files;
mod first;
mod kept;
mod leftovers;
mod output;
mod readiness;
mod saves;
mod socket;
mod support;
mod usage;
mod users;
mod verbs;
mod visit;

//! What hob's end-to-end tests stand on: a project of their own, the real
//! `hob` program, and eyes for what it does to the machine.
//!
//! Owns temporary projects and everything that is started in them; never
//! looks into hob's crates, so that what is tested is what a user has. Start
//! with [`World`]; [`Session`] is a `hob` that goes on in the background,
//! [`Terminal`] the same at a terminal, [`http`] and [`Poller`] ask services,
//! [`processes`] and [`ledger`] look at the machine and at hob's record.
//!
//! The program under test is the `hob` of the same build, `cargo build -p
//! xtask` makes it, or the one that `HOB_BIN` names. [`Engine`] is where its
//! services run: `HOB_E2E_ENGINE=docker` runs the same tests in containers,
//! which [`containers`] looks at. With `HOB_SHOTS=DIR` the
//! browser's tests keep pictures of what they see there.
//!
//! Nothing here sleeps to let something happen: everything waits for a
//! condition, with a limit.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a harness of tests: it starts programs, writes files and fails loudly"
)]

pub mod containers;
mod default_bridge;
pub mod dns;
pub mod dockerd;
pub mod engine;
pub mod grpc;
pub mod http;
pub mod ledger;
mod left;
mod load;
mod platformer;
mod poller;
mod polykube;
mod ports;
pub mod processes;
mod programs;
pub mod registry;
mod remains;
mod run;
mod session;
pub mod small_disk;
mod stack;
mod store;
mod terminal;
mod wait;
mod words;
mod world;

pub use engine::Engine;
pub use load::{Load, Loaded};
pub use platformer::Platformer;
pub use poller::{Polled, Poller};
pub use polykube::Polykube;
pub use ports::Port;
pub use run::Run;
pub use session::Session;
pub use stack::{Service, stack};
pub use store::Store;
pub use terminal::Terminal;
pub use wait::{LIMIT, until, until_some, until_within};
pub use words::Words;
pub use world::{Checkout, World};

/// The number that every JSON line of this `hob` carries.
pub const PROTOCOL: u32 = 4;

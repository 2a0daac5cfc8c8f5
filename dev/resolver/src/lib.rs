//! How this machine's own resolver is made to ask hob's for some domains and
//! for nothing else, and how each byte is put back.
//!
//! Owns the files below `/etc` that do it, and the record of what stood there
//! before. It runs no command, asks no question at a terminal, and writes
//! nothing: [`Facts::read`] looks, [`in_charge`], [`install`] and [`uninstall`]
//! decide and are pure, [`check`] says whether it works. What a plan is made
//! of, and what performs it, is `hob-changes`'s. What cannot be done without
//! harm is a [`Refusal`] with what helps.
//!
//! Begin with `charge.rs`, then `install.rs` and, for the one way that needs
//! more than a file, `install/resolved.rs`.

mod charge;
pub mod check;
mod domain;
mod facts;
mod install;
mod plan;
mod record;
mod uninstall;

pub use charge::{InCharge, in_charge};
pub use domain::{Domain, NoDomain};
pub use facts::{
    Asked, Facts, Inside, Link, Listener, NetworkManager, ResolvConf, Resolved, System,
};
pub use install::{LINK, Refusal, install};
pub use plan::Plan;
pub use record::Record;
pub use uninstall::uninstall;

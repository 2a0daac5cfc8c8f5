//! How this machine's own resolver is made to ask hob's for some domains and
//! for nothing else, and how each byte is put back.
//!
//! Owns the files below `/etc` that do it, and the record of what stood there
//! before. It runs no command, asks no question at a terminal, and changes
//! nothing that its record does not name: [`Facts::read`] looks, [`in_charge`],
//! [`install`] and [`uninstall`] decide and are pure, [`Place::perform`] acts,
//! [`check`] says whether it works. What cannot be done without harm is a
//! [`Refusal`] with what helps.
//!
//! Begin with `charge.rs`, then `install.rs` and, for the one way that needs
//! more than a file, `install/resolved.rs`.

mod apply;
mod charge;
pub mod check;
mod domain;
mod entry;
mod facts;
mod install;
mod plan;
mod record;
mod uninstall;

pub use apply::{ApplyError, Place, below};
pub use charge::{InCharge, in_charge};
pub use domain::{Domain, NoDomain};
pub use entry::{Bytes, Entry, File};
pub use facts::{
    Asked, Facts, Inside, Link, Listener, NetworkManager, ResolvConf, Resolved, System, entry,
};
pub use install::{LINK, Refusal, install};
pub use plan::{Command, Edit, Plan, Step, Undo, diff};
pub use record::Record;
pub use uninstall::{Changed, restores, uninstall};

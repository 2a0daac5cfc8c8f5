//! Changes to a machine's own settings: shown before they are made, noted
//! before that, and taken back byte by byte.
//!
//! Owns what such a change is made of, a file put in place whole or a command;
//! the order in which it is carried out and undone; and the writes themselves.
//! It knows neither what is changed nor why, runs no command and asks no
//! question: who decides fills [`Changes`] and adds to what was [`Made`] what
//! it was for, [`Place::perform`] acts. What somebody else has changed since is
//! [`Changed`], and stays.
//!
//! Begin with `changes.rs`, then `made.rs` for the way back.

mod changes;
mod entry;
mod made;
mod place;

pub use changes::{Changes, Command, Edit, Step};
pub use entry::{Bytes, Entry, File};
pub use made::{Changed, Made, Undo};
pub use place::{ApplyError, Place, below, entry};

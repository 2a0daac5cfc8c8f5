//! A certificate authority of this machine's own, for the domains that hob's
//! names are in, and where this machine is made to trust it.
//!
//! Owns the authority's files, whose key nobody but their user reads; the
//! certificates that the ingress shows, one a stack; and which files and
//! commands have the system and browsers trust it, with what takes that back.
//! It decides nothing about who serves, runs no command and asks no question:
//! [`Authority`] makes and signs, [`Folder`] keeps, [`trust`] looks and plans.
//! The crates that sign are compiled for this one alone.

mod authority;
mod folder;
pub mod trust;

pub use authority::{About, Authority, AuthorityError, Leaf};
pub use folder::{Folder, FolderError};

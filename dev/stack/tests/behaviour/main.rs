//! What people see of this crate: text files in; diagnostics, the model and
//! the effective file out.

#![expect(clippy::unwrap_used, reason = "tests")]

mod containers;
mod effective;
mod files;
mod full;
mod graph;
mod keys;
mod mutation;
mod project;
mod schema;
mod select;
mod values;

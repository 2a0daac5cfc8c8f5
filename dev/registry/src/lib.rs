//! A local container registry, seen from outside: what is in it, what may go,
//! how clusters pull from it, and who may push elsewhere.
//!
//! It speaks the API of the CNCF's distribution (`/v2/`, [the specification])
//! over plain HTTP, since a local registry has no certificate. It never starts
//! a registry and never pushes: the one is a service like any other, the other
//! is done by an engine. It writes no file, reads no clock and no environment,
//! and knows neither stacks nor clusters; who calls it brings names and puts
//! texts where they belong. The one program that it runs is a credential
//! helper that the caller's own Docker configuration names.
//!
//! Begin with [`Client`], then `listing.rs` (all that a registry holds),
//! [`mod@gc`] (pure: what of it may go), [`hosting`] (pure: what a cluster has
//! to be told) and [`mod@credentials`].
//!
//! [the specification]: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md

mod authority;
mod client;
pub mod credentials;
mod error;
pub mod gc;
pub mod hosting;
mod http;
mod image;
mod listing;
mod manifest;
mod name;
mod page;
mod words;

pub use authority::Authority;
pub use client::Client;
pub use credentials::credentials;
pub use error::Error;
pub use gc::gc;
pub use image::{Image, image_reference};
pub use listing::{Contents, Listing, Tagged, Unreadable};
pub use manifest::Manifest;
pub use name::{Digest, NameError, Reference, Repository, Tag};

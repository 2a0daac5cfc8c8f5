//! The client against a real registry, and against others that listen where
//! one should.

#![expect(
    clippy::disallowed_methods,
    reason = "tests make files and start servers"
)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod broken;
mod gone;
mod holds;
mod pages;
mod push;
mod server;
mod strangers;
mod sweep;

use hob_registry::{Digest, Reference, Repository};

fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

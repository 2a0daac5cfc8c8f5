//! The front between real clients and real processes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod errors;
mod hold;
mod pages;
mod protocols;
mod retry;
mod streams;
mod support;
mod swap;
mod tcp;

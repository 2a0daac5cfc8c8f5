//! Images: what a Dockerfile asks for, what is sent to an engine, whether
//! anything of it changed, and the build itself.
//!
//! It knows neither stacks nor plans and decides nothing about either: who
//! calls it says what to build and under which tag. It speaks to an engine's
//! API over HTTP and needs no `docker` program. It writes no file.
//!
//! Begin with [`Recipe`], then `build.rs` (one build from the request to the
//! image's id), `dockerfile/` (what is understood before anything is sent),
//! `context.rs` (what is sent), `explain.rs` (why there is no image).

mod archive;
pub mod base;
mod build;
mod context;
mod digest;
mod dockerfile;
mod engine;
mod error;
mod explain;
#[cfg(test)]
mod fake;
mod http;
mod ignore;
mod narration;
mod pattern;
mod push;
mod recipe;
mod taken;
mod trace;
mod words;

pub use build::{Output, build, build_with};
pub use digest::{Inputs, inputs, watched};
pub use engine::{Builder, api_version};
pub use error::{BuildError, Kind};
pub use http::Endpoint;
pub use push::{PushError, PushProgress, push};
pub use recipe::{Recipe, froms};

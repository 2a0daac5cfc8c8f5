//! The gate in front of a service: it owns the service's port and holds or
//! routes requests while the process behind it changes.
//!
//! Owns the listening socket that it is handed, the connections on both its
//! sides, and the pages that a browser sees when nothing serves. Never starts
//! a process, never builds, never decides when to swap: a supervisor says so
//! through a [`Gate`]. Start with [`Gate`], then [`serve`]; the way of one
//! HTTP request is in `http`.
//!
//! # What it promises
//! - No request fails because of a swap: it is answered by the old process,
//!   or held and answered by the new one, or, past the limit, answered 503
//!   with `Retry-After` and the reason.
//! - Bodies stream both ways with backpressure; none is kept whole.
//! - A request is sent a second time only when nothing of it was sent before,
//!   or when it is idempotent, without a body, and nothing came back.
//!
//! # What it changes
//! - Requests: hop-by-hop fields end here (RFC 9110, 7.6.1); `X-Forwarded-For`,
//!   `-Proto` and `-Host` are added where absent and never extended, so that
//!   what a proxy further out said stays; `Host` is kept.
//! - Answers: `hob-generation` is added.
//! - Page loads, with live reload: asked for without compression and without
//!   conditions; a script tag is put at the end of the HTML and the validators
//!   (`ETag`, `Last-Modified`) are dropped, because the bytes are no longer
//!   those that they describe.

mod ansi;
mod backend;
mod body;
mod csp;
mod gate;
mod headers;
mod hold;
mod http;
mod inject;
mod live;
mod origin;
mod page;
mod pool;
mod serve;
mod tcp;
mod tunnel;
mod upload;
mod visit;

pub use gate::{Failure, Gate, Target, Trouble};
pub use serve::{Config, serve};

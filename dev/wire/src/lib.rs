//! The language between hob's programs: what a client asks of an agent or a
//! session, what they answer, and the events that they tell.
//!
//! Owns the serde types and their framing (one JSON value a line) and nothing
//! else: no sockets, no processes, no decisions. Start with [`Request`] for
//! the questions, [`Spec`] for what an agent is told to run, [`Status`] for
//! what it says of itself and [`Event`] for what it tells while it works.
//!
//! A connection carries one [`Request`] line and then the reply lines that
//! the request's documentation names. [`Request::Attach`] keeps it open both
//! ways. Every value names the [`PROTOCOL`] that it was written for at the
//! connection's first line, so an agent of another version is recognised and
//! replaced instead of misread.

mod event;
mod frame;
mod mark;
mod request;
mod spec;
mod status;

pub use event::{Event, EventKind, LogLine, Stage, Stream, Waterfall};
pub use frame::{Error, Hello, LINE_LIMIT, Reply, Token, decode, encode};
pub use mark::{MARK_CONTAINED, MARK_PROJECT, MARK_ROOT, MARK_RUN, MARK_SERVICE, lock_mark};
pub use request::{Change, ChangeAction, LogQuery, Request, SessionRequest};
pub use spec::{
    Duration, Limits, Listen, Mode, Program, Protocol, Ready, Restart, SecretSource, Spec, Swap,
};
pub use status::{Build, Phase, Problem, Serving, SessionInfo, SessionState, Status};

/// The version of everything in this crate.
///
/// It goes up with each incompatible change, before the first release as
/// after it: a request, a reply, an event or a field that goes, gets another
/// name or another meaning; a field that a peer must know; and a request that
/// an older agent would refuse. What a reader may pass over leaves it as it
/// is: a field with a default, an event. `tests/names/` holds all the names, so
/// that none of them changes without this question.
pub const PROTOCOL: u32 = 4;

/// The paths of a dev service that the front answers itself.
pub const FRONT_PREFIX: &str = "/__hob/";

/// The header of each answer of a dev service: the generation that gave it.
pub const GENERATION_HEADER: &str = "hob-generation";

/// The `User-Agent` of a question whether a service is ready, so that an
/// access log can leave it out.
pub const READY_AGENT: &str = "hob-ready";

/// Microseconds since the Unix epoch, the unit of every timestamp here.
pub type Micros = u64;

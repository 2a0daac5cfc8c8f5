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
mod request;
mod spec;
mod status;

pub use event::{Event, EventKind, LogLine, Stage, Stream, Waterfall};
pub use frame::{Error, Hello, LINE_LIMIT, Reply, decode, encode};
pub use request::{Change, ChangeAction, LogQuery, Request, SessionRequest};
pub use spec::{
    Duration, Limits, Listen, Mode, Program, Protocol, Ready, Restart, SecretSource, Spec, Swap,
};
pub use status::{Build, Phase, Problem, Serving, SessionInfo, Status};

/// The version of everything in this crate. It goes up with each change that
/// an older peer would misread.
pub const PROTOCOL: u32 = 1;

/// Marks every process that hob starts: the environment variable that holds
/// the project's id. Children inherit it, so even a daemon that left its
/// process group is recognised as hob's.
pub const MARK_PROJECT: &str = "HOB_PROJECT";

/// Like [`MARK_PROJECT`], with `stack/service` as its value.
pub const MARK_SERVICE: &str = "HOB_SERVICE";

/// Like [`MARK_PROJECT`], with the project's folder as its value, so that
/// another project can name the owner of a port.
pub const MARK_ROOT: &str = "HOB_ROOT";

/// The paths of a dev service that the front answers itself.
pub const FRONT_PREFIX: &str = "/__hob/";

/// The header of each answer of a dev service: the generation that gave it.
pub const GENERATION_HEADER: &str = "hob-generation";

/// Microseconds since the Unix epoch, the unit of every timestamp here.
pub type Micros = u64;

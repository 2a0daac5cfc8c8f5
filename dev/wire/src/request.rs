//! What a client asks of an agent ([`Request`]) and of a dev session
//! ([`SessionRequest`]).

use serde::{Deserialize, Serialize};

use crate::{Micros, SessionInfo, Spec};

/// One question to an agent: the second line of a connection, after
/// [`Hello`](crate::Hello).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Answered by one [`Reply::Status`](crate::Reply).
    Status,
    /// Take this spec from now on; the first one builds and accepts generation
    /// 1 by itself. What can change under the running process
    /// does at once; the rest is built and swapped in like a save. Answered by
    /// `Done` or `Refused`.
    Configure {
        /// What to run.
        spec: Box<Spec>,
        /// The engine's digest of it, given back in [`Status`](crate::Status)
        /// so that an unchanged service needs no action.
        digest: String,
    },
    /// Launch the process as soon as it is built: what it needs is there.
    /// Until then a created agent builds and holds. Answered by `Done`.
    Start,
    /// End the process and start the same generation again. Answered by
    /// `Done` once the new one is ready, or `Refused` with the reason.
    Restart,
    /// End the process, which may finish what it has, and start none until
    /// `Start` or `Restart` comes: what is built stays. Answered by `Done`
    /// when everything that it started is gone.
    Rest,
    /// Have the process read its files anew: it gets a HUP, and one that is
    /// only starting makes room for another. Answered by `Done` once that is
    /// sent; whatever starts later reads them by itself.
    Signal,
    /// End the process and then the agent. Nothing new is accepted from then
    /// on, and the process gets its TERM at once: requests that it has may end
    /// within the grace. Answered by `Done` when everything it started is gone
    /// and its port is free.
    Shutdown,
    /// Log lines: the stored ones, then with `follow` those to come. Each is
    /// a `Log` reply; without `follow` a `Done` ends them.
    Logs(LogQuery),
    /// `Status` now and after each change, `Event` for each event, until the
    /// client closes.
    Watch {
        /// Whether log lines are told as events too.
        logs: bool,
    },
    /// Become the one session that sends changes. Refused, with its
    /// [`SessionInfo`], while another one is connected. After `Done` the
    /// client may send further lines of `Request::Change`, `Restart`,
    /// `Start`, `Configure` on this connection (none of them answered except
    /// by events), and gets what `Watch` gives.
    Attach(SessionInfo),
    /// Only on an attached connection: sources changed.
    Change(Change),
    /// Only on an attached connection: the sources that this generation was
    /// built from have this digest (known later than the build began).
    Digest {
        /// The generation.
        generation: u64,
        /// The digest of the whole source tree.
        digest: String,
    },
    /// What the agent and all that it has started use now. Answered by
    /// [`Reply::Usage`](crate::Reply), which takes a tenth of a second.
    Usage,
    /// Returns `Done` once `serving` (or `done`) is at or past the generation, `Refused`
    /// with the problem once that generation failed. Other generations'
    /// failures do not count.
    Await {
        /// The generation.
        generation: u64,
    },
}

/// An accepted save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number, greater than every earlier one of this service.
    pub generation: u64,
    /// What to do about it.
    pub action: ChangeAction,
    /// When the first event of it reached the watcher.
    pub noticed: Micros,
    /// The digest of the whole source tree, when it is known.
    pub digest: Option<String>,
    /// Some of the paths, relative to the source, for people to read.
    pub paths: Vec<String>,
}

/// What a change asks for, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeAction {
    /// Nothing but a reload of browsers.
    None,
    /// A signal to the process (HUP), then a reload of browsers.
    Signal,
    /// A new process from what is built.
    Restart,
    /// A build, then a new process.
    Rebuild,
}

/// Which stored lines of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Only lines at or after this time.
    pub since: Option<Micros>,
    /// At most this many of the newest stored lines.
    pub tail: Option<u64>,
    /// Whether to go on with those to come.
    pub follow: bool,
}

/// One question to a dev session, in the same framing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionRequest {
    /// Look at the disk now, whatever the events said. Answered by
    /// `Generation`: the one that holds all that was on disk at the call.
    Sync {
        /// `stack/service`.
        service: String,
    },
    /// Say what the session works with. Answered by `Session`.
    Describe,
    /// End the session and what it started. Answered by `Done` before it ends.
    Quit,
}

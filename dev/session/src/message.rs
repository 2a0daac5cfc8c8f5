//! What goes into the reducer ([`Input`]) and what comes out of it
//! ([`Effect`]): data and nothing else.

use crate::selfwritten::SelfWritten;
use hob_stack::ServiceId;
use hob_wire::{ChangeAction, Micros, Reply, Request, SessionInfo, SessionRequest, Status};

/// Names a request of the session's socket until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// What came in.
#[derive(Debug, Clone)]
pub enum Input {
    /// Files of a service are different.
    Save(Save),
    /// The whole source tree of a service has this digest, without a change.
    Digest {
        /// Whose.
        service: ServiceId,
        /// As the watcher gives it.
        digest: String,
    },
    /// The agent has taken this session as its own.
    Attached(ServiceId),
    /// The agent did not take this session.
    Refused {
        /// The service.
        service: ServiceId,
        /// In one line.
        reason: String,
        /// The session that has it; none when the reason may pass.
        other: Option<SessionInfo>,
    },
    /// The connection to the agent ended.
    Lost(ServiceId),
    /// The session that had this service is over.
    Released(ServiceId),
    /// The agent told its state.
    Status(Box<Status>),
    /// The agent told an event.
    Event(hob_wire::Event),
    /// There is a plan, which makes these services anew.
    Planned(Vec<ServiceId>),
    /// A plan was performed.
    Performed(Performed),
    /// It is time to plan again.
    Replan,
    /// It is time to see whether what was in the way is gone.
    Retry,
    /// A stack file is different, and is read: `Reread` follows.
    Rereading,
    /// The stack files were read as they are now: what came of it was told
    /// before, or nothing did, for this reason.
    Reread(Option<String>),
    /// A stack file is different, and this is what is watched now.
    Reloaded(Vec<Watching>),
    /// Somebody asks through the session's socket.
    Asked {
        /// What the answer is for.
        token: Token,
        /// What is asked.
        request: SessionRequest,
    },
    /// The disk was looked at for a request.
    Synced {
        /// The request.
        token: Token,
        /// Whether it could be looked at.
        looked: bool,
    },
    /// The time of an `Effect::WakeAfter` has come.
    Wake {
        /// The service.
        service: ServiceId,
        /// Of the effect.
        ticket: u64,
    },
    /// The user wants something.
    Command(Command),
    /// The user wants to leave: once is gentle, twice is at once.
    Leave,
    /// All that the session started is gone.
    TornDown,
}

/// A service whose sources are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// The service.
    pub service: ServiceId,
    /// When its watch was set.
    pub since: Micros,
}

/// A plan that was performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// How it ended.
    pub how: Applied,
    /// What kept services from where they are wanted and no agent tells, one
    /// line each.
    pub troubles: Vec<String>,
}

/// How a plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Everything that was asked for is there.
    Wholly,
    /// Some step was not done; nothing that happens elsewhere mends that.
    Partly,
    /// Something was in the way of some service.
    Obstructed,
    /// Nothing that was asked for by name can ever be brought up by waiting.
    Blocked,
}

/// Really changed files of one service.
#[derive(Debug, Clone)]
pub struct Save {
    /// Whose.
    pub service: ServiceId,
    /// What the stack file says about such files.
    pub action: ChangeAction,
    /// When the first event was noticed.
    pub noticed: Micros,
    /// For people to read.
    pub paths: Vec<String>,
    /// Whether all of the files came or went: none of them was there before
    /// and is there now.
    pub new: bool,
    /// Of the whole source tree, when known.
    pub digest: Option<String>,
}

/// What the user can ask a session for; `None` means all its services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// New processes from what is built.
    Restart(Option<ServiceId>),
    /// New builds although nothing changed.
    Rebuild(Option<ServiceId>),
    /// Keep saves back, or let them through again.
    Pause,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Observe, plan and apply these services; `Applied` follows. What is
    /// under way is given up.
    Apply {
        /// Those that are this session's.
        services: Vec<ServiceId>,
        /// Nobody asked for it: only what is different from the last time is
        /// worth a word.
        quietly: bool,
    },
    /// `Replan` after this many milliseconds.
    ReplanAfter(u64),
    /// `Retry` after this many milliseconds.
    RetryAfter(u64),
    /// `Wake` after this many milliseconds.
    WakeAfter {
        /// The service.
        service: ServiceId,
        /// Comes back with it.
        ticket: u64,
        /// How long.
        ms: u64,
    },
    /// Connect to the agent; `Attached`, `Refused` or `Lost` follows.
    Attach(ServiceId),
    /// Wait for the end of the session that has the service; `Released`
    /// follows.
    AwaitEnd(ServiceId, SessionInfo),
    /// Send to the agent.
    Send(ServiceId, Request),
    /// Look at the disk now; `Synced` follows.
    Sync {
        /// The request.
        token: Token,
        /// The service to look at.
        service: ServiceId,
    },
    /// Answer a request.
    Answer(Token, Reply),
    /// Tell the user.
    Tell(Told),
    /// Give up the plan that is under way and take down what the session
    /// started. `TornDown` follows.
    TearDown {
        /// Those that are this session's.
        services: Vec<ServiceId>,
        /// Without a grace.
        force: bool,
    },
    /// The session is over.
    Finish(End),
}

/// What the reducer tells the user beside the events of the agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Everything that was asked for answers.
    AllReady,
    /// What was on disk when the session began answers, or failed. Told once.
    CaughtUp,
    /// Some of it does not; a save or another stack file may mend that.
    SomeReady {
        /// Whether any service answers.
        serves: bool,
    },
    /// Saves are kept back, or not any more.
    Paused(bool),
    /// An agent died; it is made anew.
    AgentLost(ServiceId),
    /// Somebody else took a service down.
    TakenDown(ServiceId),
    /// Another session has the service.
    Taken {
        /// The service.
        service: ServiceId,
        /// In one line.
        reason: String,
    },
    /// The session that had the service is over: it is this one's again.
    TakenBack(ServiceId),
    /// A service seems to write its own sources: what changes only them is
    /// acted upon late from now on.
    SelfWritten(SelfWritten),
    /// Everything the session started is being taken down.
    Leaving,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user left.
    Left,
    /// Every service was taken down by somebody else.
    TakenDown,
    /// Another session has the services.
    Taken {
        /// Its process.
        pid: u32,
    },
    /// What was asked for cannot be brought up.
    Blocked,
}

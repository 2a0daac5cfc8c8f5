//! From what a project asks for and what is there to a plan, and from the
//! plan to done, whatever dies on the way.
//!
//! [`resource`] is what all of it speaks of. [`plan()`] decides and is pure;
//! [`apply()`] performs a [`Plan`] and decides nothing; a [`World`] is where
//! its steps are performed; the [`Ledger`] remembers what was begun. [`host`]
//! is the engine of supervised processes on this machine, [`docker`] that of
//! containers. Another engine is another folder beside them and knows the same
//! four things: how to observe, how to lower a project to [`Desired`]
//! resources, how to perform an action, and how an agent is reached
//! ([`Reach`]).

mod agent;
mod apply;
mod change;
pub mod docker;
mod engine;
pub mod host;
mod ledger;
mod leftover;
mod lock;
mod lowering;
pub mod machine;
mod obstacle;
mod paths;
mod plan;
pub mod resource;
mod rollouts;
mod sessions;
mod setup;
mod status;
mod typed;
mod want;
mod world;

pub use agent::{
    AgentClient, AgentWire, ClientError, Connecting, Connection, Reach, Receiver, Sender, Usage,
};
pub use apply::{AT_ONCE, Applied, Outcome, Progress, StepState, apply};
pub use engine::{Engine, EngineError, Known, Prepared, Surroundings};
pub use ledger::{Entry, Journal, LEDGER_FILE, Ledger, LedgerError, Records, Stage};
pub use leftover::{Leftover, LeftoverKind};
pub use lock::{Holding, LOCK_FILE, LockError, ProjectLock};
pub use obstacle::{Obstacle, ObstacleKind};
pub use paths::{Homes, Paths, PathsError, ROOT_FILE};
pub use plan::{After, Memory, Plan, Step, StepId, plan};
pub use resource::{
    Claim, Dependency, Desired, DesiredSet, Digest, Health, Holder, Identity, Kind, Level,
    Observed, ObservedResource, Owner, ResourceId, Scope, StepLimits, Verb,
};
pub use rollouts::{Rest, Rollout, Rollouts, RolloutsError, Step as UpdateStep, Version, named};
pub use sessions::{AskedSession, describe, session_name, sessions};
pub use setup::{Executable, ProjectRef, Setup};
pub use status::{Inside, ServiceState, Verdict};
pub use typed::typed;
pub use want::{Want, owner};
pub use world::{Action, Failure, FailureKind, Says, World};

//! [`ServiceState`]: one service for people who ask how it is, and [`Inside`]
//! for those who go there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hob_wire::Status;

use crate::resource::Owner;

/// What is known of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// The service.
    pub owner: Owner,
    /// How it is.
    pub verdict: Verdict,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of it runs.
    Down,
    /// Its agent says so.
    Up(Box<Status>),
    /// Its agent is gone, and what it left still runs: this many processes.
    Remains(usize),
    /// Its agent runs and cannot be asked: its socket was removed.
    Cut,
    /// Its agent is there and of no use, for this reason.
    Broken(String),
}

/// What a command gets that a person starts beside a service's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The environment of that process, hob's marks left out.
    pub environment: BTreeMap<String, String>,
    /// The folder where it runs.
    pub folder: PathBuf,
}

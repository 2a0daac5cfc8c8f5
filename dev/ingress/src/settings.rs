//! How nginx runs: its files, its logs, its processes. Pure.
//!
//! Start with [`Settings`].

use std::num::{NonZeroU8, NonZeroU32};

use crate::{AccountName, FilePath};

/// How long old workers may go on after a reload, in seconds, when nothing
/// else is said: ten minutes.
pub const DRAIN_SECONDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599);

/// How nginx runs. All that it writes goes where this says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file that holds the id of nginx's first process.
    pub pid: FilePath,
    /// A folder that exists, for temporary files. nginx makes folders in it
    /// when it starts. Bodies pass through without them, however large.
    pub temporary: FilePath,
    /// Where each request gets a line, see [the crate's page](crate#the-access-log).
    pub access_log: Log,
    /// Where nginx says what is wrong.
    pub error_log: Log,
    /// Who the workers are, when root starts nginx: nginx's built-in account
    /// when nothing is said. An ordinary user's workers are always the user's
    /// own, and nginx warns that an account was named.
    pub account: Option<Account>,
    /// How many workers there are: one for each core when nothing is said.
    pub workers: Option<NonZeroU8>,
    /// How long, in seconds, old workers may go on after a reload with the
    /// requests that they have: streams and WebSockets are cut then. Until
    /// then each open stream may keep one old worker with some MiB of memory.
    pub drain_seconds: NonZeroU32,
}

/// Where a log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// The standard output of nginx. The access log opens it by its name in
    /// `/dev`, so it can be a file, a pipe or a terminal of who starts nginx,
    /// and no socket.
    Stdout,
    /// The standard error of nginx, likewise.
    Stderr,
    /// The end of a file.
    File(FilePath),
}

/// An account of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: AccountName,
    /// The group.
    pub group: AccountName,
}

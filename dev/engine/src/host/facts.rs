//! [`HostFacts`]: what the lowering has to know of this machine.

use std::collections::{BTreeMap, BTreeSet};

use hob_stack::ServiceId;

/// What was found about the services that are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The port of every service that has one, and of those that it is told
    /// of: fixed ones with their offset, automatic ones chosen. A fixed one
    /// that its offset takes past 65535 is not in it.
    pub ports: BTreeMap<ServiceId, u16>,
    /// The programs that were not found.
    pub missing: BTreeMap<ServiceId, BTreeSet<String>>,
    /// The version of nginx, if it is installed.
    pub nginx: Option<String>,
    /// The digest of each source tree, in mode `run`; or why it could not be
    /// read.
    pub sources: BTreeMap<ServiceId, Result<String, String>>,
    /// Variables that secrets are taken from and that neither the caller nor
    /// a running agent has.
    pub unset: BTreeMap<ServiceId, BTreeSet<String>>,
}

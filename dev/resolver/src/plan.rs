//! [`Plan`]: what is to be done, and for whom.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hob_changes::{Changes, Step};

use crate::charge::InCharge;
use crate::domain::Domain;
use crate::record::Record;

/// What has to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whom it is for.
    pub charge: InCharge,
    /// The domains.
    pub domains: BTreeSet<Domain>,
    /// Where hob's resolver listens.
    pub server: SocketAddr,
    /// All that it takes.
    pub changes: Changes,
}

impl Plan {
    /// In order; `before` is what was noted of an earlier plan.
    #[must_use]
    pub fn steps(&self, before: Option<&Record>) -> Vec<Step> {
        self.changes.steps(Record::of(self, before).text())
    }
}

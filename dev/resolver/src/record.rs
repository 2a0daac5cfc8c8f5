//! [`Record`]: what hob changes, written before it is changed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use hob_changes::{Command, Edit, Made};
use serde::{Deserialize, Serialize};

use crate::charge::InCharge;
use crate::domain::Domain;
use crate::plan::Plan;

/// The version of its form.
const VERSION: u32 = 1;

/// All that putting it back takes, as it is written: what was [`Made`] stands
/// beside what it was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this form.
    pub version: u32,
    /// Whom it was for.
    pub charge: InCharge,
    /// The domains.
    pub domains: BTreeSet<Domain>,
    /// Where hob's resolver is asked.
    pub server: SocketAddr,
    /// The files, with what stood there before.
    pub edits: Vec<Edit>,
    /// The folders that were made, the outermost first.
    pub folders: Vec<PathBuf>,
    /// What is run before it is put back.
    pub undo_first: Vec<Command>,
    /// What is run after.
    pub undo_after: Vec<Command>,
}

impl Record {
    /// What is to be noted before this plan is carried out; `before` is what
    /// was noted of an earlier one.
    #[must_use]
    pub fn of(plan: &Plan, before: Option<&Self>) -> Self {
        let made = Made::by(&plan.changes, before.map(Self::made).as_ref());
        Self {
            version: VERSION,
            charge: plan.charge.clone(),
            domains: plan.domains.clone(),
            server: plan.server,
            edits: made.edits,
            folders: made.folders,
            undo_first: made.undo_first,
            undo_after: made.undo_after,
        }
    }

    /// What was made, whatever for.
    #[must_use]
    pub fn made(&self) -> Made {
        Made {
            edits: self.edits.clone(),
            folders: self.folders.clone(),
            undo_first: self.undo_first.clone(),
            undo_after: self.undo_after.clone(),
        }
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.edits.iter().map(|it| it.path.clone())
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        // Paths alone could fail, and hob's own are text.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// It is none, or of another version.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let record: Self = serde_json::from_str(text)?;
        if record.version == VERSION {
            return Ok(record);
        }
        let version = record.version;
        let words = format!("version {version}, and this hob reads {VERSION}");
        Err(serde::de::Error::custom(words))
    }
}

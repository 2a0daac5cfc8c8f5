//! [`Record`]: what hob changes, written before it is changed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::charge::InCharge;
use crate::domain::Domain;
use crate::plan::{Command, Edit};

/// The version of its form.
pub const VERSION: u32 = 1;

/// All that putting it back takes.
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

//! Which stacks' own ports the ingress leaves to somebody else, who has them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{Changes, Home, HomeError, Locked, keep};

impl Home {
    /// The ports of stacks that the ingress does not listen on. A note that
    /// cannot be read closes nothing: it is looked at anew with each change.
    #[must_use]
    pub fn closed(&self) -> BTreeSet<u16> {
        let text = fs::read(self.closed_file()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Has the ingress listen on the ports of all stacks but these.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn close(&self, _locked: &Locked, ports: &BTreeSet<u16>) -> Result<Changes, HomeError> {
        if *ports != self.closed() {
            let text = serde_json::to_string(ports).unwrap_or_default();
            keep(&self.closed_file(), &text)?;
        }
        self.changes()
    }

    fn closed_file(&self) -> PathBuf {
        self.root.join("closed.json")
    }
}

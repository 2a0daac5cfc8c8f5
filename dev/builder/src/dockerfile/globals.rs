//! The variables that `FROM` may use: what stands before the first one, and
//! what Docker predefines.

use std::collections::BTreeMap;

use super::Dockerfile;
use super::substitute::{substitute, words};

impl Dockerfile {
    /// The value that an `ARG` before the first `FROM` gives a stage's; the
    /// platform is the engine's matter and not known here.
    pub(super) fn global(&self, name: &str, args: &BTreeMap<String, String>) -> Option<String> {
        if platform().contains_key(name) {
            return None;
        }
        self.globals(args).ok()?.remove(name)
    }

    /// The variables that `FROM` may use.
    pub(super) fn globals(
        &self,
        args: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut globals = platform();
        for arg in &self.globals {
            for word in words(&arg.rest, self.escape) {
                let (name, default) = match word.split_once('=') {
                    Some((name, default)) => (name, Some(default)),
                    None => (word.as_str(), None),
                };
                let value = match (args.get(name), default) {
                    (Some(given), _) => given.clone(),
                    (None, Some(default)) => {
                        substitute(default, self.escape, &|name| globals.get(name).cloned())?
                    }
                    (None, None) => continue,
                };
                globals.insert(name.to_owned(), value);
            }
        }
        Ok(globals)
    }
}

/// What Docker predefines; this machine's, as images are built for it.
fn platform() -> BTreeMap<String, String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let mut known = BTreeMap::new();
    for whose in ["TARGET", "BUILD"] {
        known.insert(format!("{whose}OS"), "linux".to_owned());
        known.insert(format!("{whose}ARCH"), arch.to_owned());
        known.insert(format!("{whose}PLATFORM"), format!("linux/{arch}"));
    }
    known
}

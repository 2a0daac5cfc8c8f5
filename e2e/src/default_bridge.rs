//! The default bridge of the machine's own engine, kept while an engine of the
//! tests begins: one that is told of another bridge (`--bridge`) removes
//! `docker0` at its start, whoever uses that.

use std::fs;
use std::process::Command;

use crate::dockerd::run;

const BRIDGE: &str = "docker0";

/// The bridge as it was; none where there was none.
#[derive(Debug)]
pub(crate) struct DefaultBridge(Option<Seen>);

#[derive(Debug)]
struct Seen {
    /// `172.17.0.1/16`.
    addresses: Vec<String>,
    /// The ends of containers' links that are plugged into it.
    plugged: Vec<String>,
}

impl DefaultBridge {
    /// Looks.
    pub(crate) fn seen() -> Self {
        Self(is_there().then(|| Seen {
            addresses: addresses(),
            plugged: names(&format!("/sys/class/net/{BRIDGE}/brif")),
        }))
    }

    /// Makes it anew if it went meanwhile.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn keep(&self) -> Result<(), String> {
        let Some(seen) = self.0.as_ref().filter(|_| !is_there()) else {
            return Ok(());
        };
        run("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
        for address in &seen.addresses {
            run("ip", &["address", "add", address, "dev", BRIDGE])?;
        }
        run("ip", &["link", "set", BRIDGE, "up"])?;
        for link in &seen.plugged {
            // Its container may have ended.
            let _ = run("ip", &["link", "set", link, "master", BRIDGE]);
        }
        Ok(())
    }
}

fn is_there() -> bool {
    names("/sys/class/net").iter().any(|it| it == BRIDGE)
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn addresses() -> Vec<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("ip")
        .args(["-oneline", "-4", "address", "show", "dev", BRIDGE])
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .output();
    let said = output.map_or_else(|_| Vec::new(), |it| it.stdout);
    let words = String::from_utf8_lossy(&said);
    let words: Vec<&str> = words.split_whitespace().collect();
    let pairs = words.windows(2).filter(|it| it[0] == "inet");
    pairs.map(|it| it[1].to_owned()).collect()
}

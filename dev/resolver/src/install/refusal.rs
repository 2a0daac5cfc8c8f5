//! [`Refusal`]: why nothing is changed, and what helps.

use std::path::PathBuf;

use crate::charge::InCharge;
use crate::domain::Domain;

/// Why hob will not touch the machine's resolver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was asked for.
    #[error("there is no domain to ask for")]
    NoDomain,
    /// Somebody answers its names before any resolver is asked.
    #[error("names below `{domain}` never reach a resolver: they are taken by {by}")]
    Swallowed {
        /// The domain.
        domain: Domain,
        /// Who, in words.
        by: &'static str,
    },
    /// A link has the same domain: often a VPN.
    #[error("`{domain}` is taken by the link {link}, which asks {}", servers.join(", "))]
    Claimed {
        /// The domain.
        domain: Domain,
        /// The link.
        link: String,
        /// Whom it asks.
        servers: Vec<String>,
    },
    /// Nobody on this machine could send one domain elsewhere.
    #[error(
        "programs here ask the servers of /etc/resolv.conf themselves, and that file can send \
         no single domain elsewhere, nor anything to another port than 53"
    )]
    Plain {
        /// What leads there.
        hints: Vec<String>,
    },
    /// It cannot be told who is asked, or it does not answer.
    #[error("{why}")]
    Unknown {
        /// Why.
        why: String,
        /// What to type about it.
        hint: Option<String>,
    },
    /// Its version takes no port.
    #[error("systemd-resolved {version} asks on port 53 alone; 246 is the first with ports")]
    Old {
        /// The version.
        version: u32,
    },
    /// Somebody else's file stands there, or hob's was changed.
    #[error("{} is not hob's, or was changed since, and stays as it is", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What is in it.
        text: String,
    },
    /// It was done for another resolver.
    #[error("this was installed for {}, and now it is {}", before.words(), now.words())]
    Moved {
        /// Whom the record names.
        before: InCharge,
        /// Who is in charge now.
        now: InCharge,
    },
}

impl Refusal {
    /// What to type next, in words.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoDomain => vec!["`domains = [\"test\"]` in hob.toml names one".to_owned()],
            Self::Swallowed { .. } | Self::Claimed { .. } => {
                vec!["choose another one: `domains = [\"internal\"]` in hob.toml".to_owned()]
            }
            Self::Plain { hints } => hints.clone(),
            Self::Unknown { hint, .. } => hint.iter().map(|it| format!("`{it}`")).collect(),
            Self::Old { .. } => {
                vec![
                    "a newer system has one; until then `hob dns status` lists the names"
                        .to_owned(),
                ]
            }
            Self::InTheWay { path, .. } => {
                let path = path.display();
                vec![format!("`sudo mv {path} {path}.mine`, if nobody needs it")]
            }
            Self::Moved { .. } => vec!["`hob dns uninstall`, then once more".to_owned()],
        }
    }
}

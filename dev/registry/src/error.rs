//! Why a registry gives no answer, or not the one that was asked for.

use std::time::Duration;

/// Why a question to a registry failed. Each names the URL that was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection: nobody listens, or there is no such host.
    #[error("nobody answers at {url}")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        source: std::io::Error,
    },
    /// The limit of a request went by.
    #[error("{url} gave no whole answer within {limit:?}")]
    Slow {
        /// The URL.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The connection ended in the middle.
    #[error("the connection broke before {url} had answered: {reason}")]
    Broken {
        /// The URL.
        url: String,
        /// What the connection says.
        reason: String,
    },
    /// Somebody listens who is no registry.
    #[error("what listens at {url} is no registry: {reason}")]
    NotRegistry {
        /// The URL.
        url: String,
        /// What it did instead.
        reason: String,
    },
    /// The registry wants to know who asks.
    #[error("the registry at {url} wants a login: {words}")]
    Login {
        /// The URL.
        url: String,
        /// Its words, or its challenge.
        words: String,
    },
    /// What was asked for is not there.
    #[error("there is nothing at {url}: {words}")]
    NotFound {
        /// The URL.
        url: String,
        /// The registry's words.
        words: String,
    },
    /// The registry deletes nothing.
    #[error("deleting is switched off in the registry that was asked for {url}: {words}")]
    DeleteDisabled {
        /// The URL.
        url: String,
        /// Its words.
        words: String,
    },
    /// Any other answer that says no.
    #[error("{url} answered {status}: {words}")]
    Refused {
        /// The URL.
        url: String,
        /// HTTP's number.
        status: u16,
        /// The registry's words.
        words: String,
    },
    /// An answer that no registry gives.
    #[error("the answer of {url} makes no sense: {reason}")]
    Garbage {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// What to type or change next, commands in backticks.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unreachable { .. } | Self::NotRegistry { .. } => {
                let port = self.port();
                format!("`ss -ltnp 'sport = :{port}'` shows who listens on port {port}")
            }
            Self::Login { .. } => {
                "a registry of this machine needs no login: start it without `REGISTRY_AUTH`".into()
            }
            Self::DeleteDisabled { .. } => {
                "start the registry with `REGISTRY_STORAGE_DELETE_ENABLED=true`".into()
            }
            Self::Slow { .. }
            | Self::Broken { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Garbage { .. } => return Vec::new(),
        };
        vec![hint]
    }

    /// The URL that was asked.
    pub fn url(&self) -> &str {
        match self {
            Self::Unreachable { url, .. }
            | Self::Slow { url, .. }
            | Self::Broken { url, .. }
            | Self::NotRegistry { url, .. }
            | Self::Login { url, .. }
            | Self::NotFound { url, .. }
            | Self::DeleteDisabled { url, .. }
            | Self::Refused { url, .. }
            | Self::Garbage { url, .. } => url,
        }
    }

    fn port(&self) -> u16 {
        let url: Option<http::Uri> = self.url().parse().ok();
        url.and_then(|url| url.port_u16()).unwrap_or(80)
    }

    pub(crate) fn garbage(url: &str, reason: impl Into<String>) -> Self {
        Self::Garbage {
            url: url.to_owned(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_port_that_was_asked() {
        let check = |url: &str, port: &str| {
            let error = Error::NotRegistry {
                url: url.into(),
                reason: "it speaks no HTTP".into(),
            };
            assert_eq!(
                error.hints(),
                [format!(
                    "`ss -ltnp 'sport = :{port}'` shows who listens on port {port}"
                )]
            );
        };
        check("http://127.0.0.1:5000/v2/", "5000");
        check("http://[::1]:5001/v2/", "5001");
        check("http://localhost/v2/", "80");
    }
}

//! The image that others stand on: there already, pulled, or made from a
//! Debian mirror where no registry can be reached.

mod bootstrap;
mod group;

use std::time::Duration;

use crate::build::Output;
use crate::error::{BuildError, Kind};

use crate::http::{self, Endpoint, Failure, Lines};
use crate::words::{Hinted, Trouble, explain_pull};

#[doc(hidden)]
pub use bootstrap::bootstrap;

/// How long an engine may take to look an image up.
const LOOK: Duration = Duration::from_secs(10);

/// How long the first sign of a registry may take before something that can
/// be made here is made here, and before all else fails.
const FIRST_SIGN: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(30));

/// How long a pull may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How the image came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// It was there.
    Local,
    /// A registry had it.
    Pulled,
    /// It was made by `mmdebstrap` from a Debian mirror.
    Bootstrapped,
}

/// Why there is no base image.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct BaseError {
    /// Whose matter it is.
    pub kind: Kind,
    /// One line, lower case, without a full stop.
    pub message: String,
    /// The last lines of what was run, if anything was.
    pub output: Vec<String>,
    /// What to type or change next, commands in backticks.
    pub hints: Vec<String>,
}

impl BaseError {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            output: Vec::new(),
            hints: Vec::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl Hinted for BaseError {
    fn hinted(self, hint: &str) -> Self {
        self.hint(hint)
    }
}

impl From<Failure> for BaseError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Unreachable { .. } => Self::new(Kind::Prerequisite, failure.to_string())
                .hint("is the engine running? `docker version` asks it"),
            _ => Self::new(Kind::Operation, failure.to_string()),
        }
    }
}

/// Whether [`ensure`] would make the image here, were no registry to have it.
/// Two that do so at once make two images, of which one keeps the name: who
/// calls lets them take turns.
#[must_use]
pub fn can_be_made(image: &str) -> bool {
    Name::parse(image).is_ok_and(|name| name.suite().is_some())
}

/// Sees to it that the engine has `image`, like `debian:trixie-slim`.
///
/// Looks, then pulls; only `debian:SUITE` and `debian:SUITE-slim` are made
/// here when that fails, from `mirrors` (URLs or whole `deb` lines; none:
/// Debian's own).
///
/// # Errors
/// A pull that failed where nothing can be made here, or `mmdebstrap`.
pub async fn ensure(
    endpoint: &Endpoint,
    image: &str,
    mirrors: &[String],
    mut progress: impl FnMut(Output) + Send,
) -> Result<Ensured, BaseError> {
    let name = Name::parse(image)?;
    match http::send(
        endpoint,
        http::get(&format!("/images/{image}/json")),
        Some(LOOK),
    )
    .await
    {
        Ok(_) => return Ok(Ensured::Local),
        Err(Failure::Refused { status: 404, .. }) => {}
        Err(failure) => return Err(failure.into()),
    }
    let suite = name.suite();
    let first_sign = if suite.is_some() {
        FIRST_SIGN.0
    } else {
        FIRST_SIGN.1
    };
    let words = match pull(endpoint, &name, first_sign, &mut progress).await {
        Ok(()) => return Ok(Ensured::Pulled),
        Err(unreachable @ Failure::Unreachable { .. }) => return Err(unreachable.into()),
        Err(Failure::Slow { .. }) => "dial tcp: i/o timeout".to_owned(),
        Err(failure) => failure.to_string(),
    };
    let trouble = Trouble::of(&words);
    match suite {
        Some(suite) if trouble != Some(Trouble::Missing) => {
            let text = format!("{image} cannot be pulled; making it from a Debian mirror");
            progress(Output { step: None, text });
            bootstrap(endpoint, suite, image, mirrors, progress).await?;
            Ok(Ensured::Bootstrapped)
        }
        _ => Err(match trouble {
            Some(trouble) => explain_pull(&format!("`{image}`"), trouble, BaseError::new),
            None => BaseError::new(
                Kind::Operation,
                format!("`{image}` cannot be pulled: {words}"),
            ),
        }),
    }
}

/// An image's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    repository: &'a str,
    tag: &'a str,
}

impl<'a> Name<'a> {
    fn parse(image: &'a str) -> Result<Self, BaseError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        if image.is_empty() || !image.chars().all(fits) || image.contains("..") {
            return Err(BaseError::new(
                Kind::Recipe,
                format!("`{image}` is no image name"),
            ));
        }
        // A digest goes where a tag would; a colon before a slash is a port.
        let (repository, tag) = match image.split_once('@') {
            Some((repository, digest)) => (repository, digest),
            None => match image.rsplit_once(':') {
                Some((repository, tag)) if !tag.contains('/') => (repository, tag),
                _ => (image, "latest"),
            },
        };
        Ok(Self { repository, tag })
    }

    /// The suite of Debian that it would be made from.
    fn suite(&self) -> Option<&'a str> {
        if self.repository != "debian" {
            return None;
        }
        let suite = self.tag.strip_suffix("-slim").unwrap_or(self.tag);
        let named = suite.chars().all(|c| c.is_ascii_lowercase()) && suite != "latest";
        (named && !suite.is_empty()).then_some(suite)
    }
}

#[derive(serde::Deserialize)]
struct Progress {
    status: Option<String>,
    id: Option<String>,
    error: Option<String>,
}

/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageCreate>
async fn pull(
    endpoint: &Endpoint,
    name: &Name<'_>,
    first_sign: Duration,
    progress: &mut impl FnMut(Output),
) -> Result<(), Failure> {
    let pairs = [
        ("fromImage", name.repository.to_owned()),
        ("tag", name.tag.to_owned()),
    ];
    let path = format!("/images/create?{}", http::query(pairs));
    let request = http::request("POST", &path, http_body_util::Empty::new());
    let answer = http::send(endpoint, request, Some(first_sign)).await?;
    let mut lines = Lines::of(answer);
    loop {
        let slow = |_| Failure::Slow {
            endpoint: endpoint.to_string(),
            limit: SILENCE,
        };
        let Some(line) = tokio::time::timeout(SILENCE, lines.next())
            .await
            .map_err(slow)??
        else {
            return Ok(());
        };
        let Ok(Progress { status, id, error }) = serde_json::from_slice(&line) else {
            continue;
        };
        if let Some(message) = error {
            return Err(Failure::Refused {
                status: 200,
                message,
            });
        }
        // Bars of layers repeat themselves; their beginnings and ends are enough.
        let status = status.filter(|status| status != "Downloading" && status != "Extracting");
        if let Some(text) = status {
            progress(Output { step: id, text });
        }
    }
}

/// The last lines of something that runs.
#[derive(Debug, Default)]
struct Tail(std::collections::VecDeque<String>);

impl Tail {
    fn push(&mut self, line: String) {
        if self.0.len() == BuildError::OUTPUT {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    async fn ensured(image: &str, answer: fn(&str) -> (u16, String)) -> Result<Ensured, String> {
        let engine = Fake::new(answer);
        ensure(&engine.endpoint, image, &[], |_| ())
            .await
            .map_err(|error| error.message)
    }

    fn absent() -> (u16, String) {
        (404, r#"{"message":"No such image"}"#.into())
    }

    #[tokio::test]
    async fn an_image_that_is_there_is_not_pulled() {
        let there = ensured("debian:trixie", |path| match path {
            "/images/debian:trixie/json" => (200, "{}".into()),
            _ => (500, "asked for more".into()),
        });
        assert_eq!(there.await, Ok(Ensured::Local));
    }

    #[tokio::test]
    async fn an_image_that_a_registry_has_is_pulled() {
        let pulled = ensured("me/it:1", |path| match path {
            "/images/me/it:1/json" => absent(),
            "/images/create?fromImage=me%2Fit&tag=1" => {
                (200, "{\"status\":\"Pulling\"}\r\n".into())
            }
            _ => (500, "asked for more".into()),
        });
        assert_eq!(pulled.await, Ok(Ensured::Pulled));
    }

    #[tokio::test]
    async fn what_the_registry_says_does_not_exist_is_not_made_here() {
        let refused = ensured("debian:nosuch", |path| match path {
            "/images/debian:nosuch/json" => absent(),
            _ => (
                404,
                r#"{"message":"manifest for debian:nosuch not found: manifest unknown"}"#.into(),
            ),
        });
        let message = "`debian:nosuch` cannot be pulled: the registry does not have it";
        assert_eq!(refused.await, Err(message.into()));
    }

    #[tokio::test]
    async fn an_error_in_the_midst_of_a_pull_is_one() {
        let refused = ensured("me/it:1", |path| match path {
            "/images/me/it:1/json" => absent(),
            _ => (
                200,
                "{\"status\":\"Pulling\"}\n{\"error\":\"no space left on device\"}\n".into(),
            ),
        });
        assert_eq!(
            refused.await,
            Err("`me/it:1` cannot be pulled: no space left on device".into())
        );
    }

    fn suite(image: &str) -> Option<&str> {
        let suite = Name::parse(image).expect("a name").suite();
        assert_eq!(can_be_made(image), suite.is_some(), "{image}");
        suite
    }

    #[test]
    fn only_suites_of_debian_are_made_here() {
        assert_eq!(suite("debian:trixie-slim"), Some("trixie"));
        assert_eq!(suite("debian:sid"), Some("sid"));
        for other in [
            "debian",
            "debian:12",
            "debian:latest",
            "ubuntu:noble",
            "me/debian:trixie",
            "debian:trixie-20250101",
        ] {
            assert_eq!(suite(other), None, "{other}");
        }
    }

    #[test]
    fn names_have_a_tag_a_digest_or_neither() {
        let parse = |image| {
            Name::parse(image)
                .map(|name| (name.repository, name.tag))
                .map_err(|error| error.message)
        };
        assert_eq!(
            parse("localhost:5000/a"),
            Ok(("localhost:5000/a", "latest"))
        );
        assert_eq!(parse("localhost:5000/a:1"), Ok(("localhost:5000/a", "1")));
        assert_eq!(parse("a@sha256:12"), Ok(("a", "sha256:12")));
        assert_eq!(parse("a?b"), Err("`a?b` is no image name".into()));
    }
}

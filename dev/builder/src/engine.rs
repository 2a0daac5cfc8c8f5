//! What an engine can do, and whether that is enough for a Dockerfile.

use std::time::Duration;

use crate::dockerfile::Dockerfile;
use crate::error::{BuildError, Kind};
use crate::http::{self, Endpoint};

/// How long the engine may take for a question that it answers from memory.
pub(crate) const QUICK: Duration = Duration::from_secs(10);

/// Which builder of an engine makes the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// `version=2` of the API.
    BuildKit,
    /// `version=1`: no cache mounts, one step after the other.
    Classic,
}

/// What an engine can do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Engine {
    pub(crate) builder: Builder,
    /// The first number of its version, like 20, when it says one.
    major: Option<u32>,
}

/// The version of the API that an engine speaks at most, like `(1, 41)`; none
/// where it does not say. Cheaper than to ask for its version, for which
/// engines start other programs.
pub async fn api_version(endpoint: &Endpoint) -> Option<(usize, usize)> {
    let asked = http::send(endpoint, http::get("/_ping"), Some(QUICK)).await;
    let answer = asked.ok()?;
    let version = answer.response.headers().get("api-version")?;
    numbers(version.to_str().ok()?)
}

fn numbers(version: &str) -> Option<(usize, usize)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Engine {
    pub(crate) async fn at(endpoint: &Endpoint) -> Result<Self, http::Failure> {
        let answer = http::send(endpoint, http::get("/_ping"), Some(QUICK)).await?;
        let header = |name| {
            answer
                .response
                .headers()
                .get(name)?
                .to_str()
                .ok()
                .map(str::to_owned)
        };
        Ok(Self::told(
            header("builder-version"),
            header("api-version"),
            header("server"),
        ))
    }

    /// From the headers of its `_ping`. Engine 20.10 names a builder only when
    /// its configuration does; BuildKit is in every engine since API 1.39.
    fn told(builder: Option<String>, api: Option<String>, server: Option<String>) -> Self {
        let minor = api
            .as_deref()
            .and_then(|api| api.strip_prefix("1.")?.parse::<u32>().ok());
        let builder = match builder.as_deref() {
            Some("2") => Builder::BuildKit,
            Some(_) => Builder::Classic,
            None if minor.is_some_and(|minor| minor >= 39) => Builder::BuildKit,
            None => Builder::Classic,
        };
        let major = server.as_deref().and_then(|server| {
            server
                .strip_prefix("Docker/")?
                .split('.')
                .next()?
                .parse()
                .ok()
        });
        Self { builder, major }
    }

    pub(crate) fn can_build(
        &self,
        dockerfile: &Dockerfile,
        builder: Builder,
    ) -> Result<(), BuildError> {
        let old = self.major.is_some_and(|major| major < 23);
        let (need, reason) = match builder {
            Builder::Classic => (
                dockerfile.needs_buildkit(),
                "BuildKit, and this engine builds with its classic builder",
            ),
            Builder::BuildKit if old => (
                dockerfile.needs_newer_buildkit(),
                "an engine of version 23.0 or newer",
            ),
            Builder::BuildKit => return Ok(()),
        };
        let Some(need) = need else {
            return Ok(());
        };
        let message = format!("`{}` on line {} needs {reason}", need.what, need.line);
        let error = BuildError::new(Kind::Prerequisite, &dockerfile.path, message).at(need.line);
        Err(match builder {
            Builder::Classic => error
                .hint("switch BuildKit on: `\"features\": {\"buildkit\": true}` in the engine's daemon.json"),
            Builder::BuildKit => error
                .hint("write it without, or begin the Dockerfile with `# syntax=docker/dockerfile:1`, which is pulled from Docker Hub"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn engine(builder: Option<&str>, api: &str, server: &str) -> Engine {
        Engine::told(
            builder.map(str::to_owned),
            Some(api.into()),
            Some(server.into()),
        )
    }

    #[test]
    fn an_engine_that_names_no_builder_has_buildkit_since_api_1_39() {
        let debian = engine(None, "1.41", "Docker/20.10.24+dfsg1 (linux)");
        assert_eq!(
            debian,
            Engine {
                builder: Builder::BuildKit,
                major: Some(20)
            }
        );
        assert_eq!(
            engine(None, "1.38", "Docker/18.06.1").builder,
            Builder::Classic
        );
        assert_eq!(
            engine(Some("1"), "1.47", "Docker/27.0.1 (windows)").builder,
            Builder::Classic
        );
        assert_eq!(engine(Some("2"), "1.47", "Libpod/5").major, None);
    }

    #[test]
    fn a_version_of_the_api_is_two_numbers() {
        assert_eq!(numbers("1.41"), Some((1, 41)));
        assert_eq!(["1", "1.x", "", "1.4.1"].map(numbers), [None; 4]);
    }

    #[test]
    fn what_a_builder_lacks_is_told_with_its_line() {
        let text = "FROM a\nRUN --mount=type=cache,target=/c x\nRUN <<E\nE";
        let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), text).expect("readable");
        let refused = |server: &str, builder| {
            let engine = engine(None, "1.41", server);
            engine
                .can_build(&dockerfile, builder)
                .map_err(|error| (error.message, error.line))
        };
        assert_eq!(
            refused("Docker/28.0.1", Builder::Classic),
            Err(("`RUN --mount` on line 2 needs BuildKit, and this engine builds with its classic builder".into(), Some(2)))
        );
        assert_eq!(
            refused("Docker/20.10.24", Builder::BuildKit),
            Err((
                "`RUN <<E` on line 3 needs an engine of version 23.0 or newer".into(),
                Some(3)
            ))
        );
        assert_eq!(refused("Docker/28.0.1", Builder::BuildKit), Ok(()));
    }
}

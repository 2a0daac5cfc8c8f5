//! Who pushes elsewhere, as `docker login` has kept it.
//!
//! Docker's command line keeps logins in `config.json` of its folder, or has
//! them kept by a program, `docker-credential-NAME` ([its reference]). Which
//! of them counts is decided here as it does it: `credHelpers` for that one
//! registry, else `credsStore`, else `auths`.
//!
//! # Why no crate
//! `docker_credential` 1.4 was held against this in November 2026. It blocks
//! until a helper ends, without a limit, and there is no way to end one that
//! hangs. A login in `auths` goes before `credsStore` there, so that an old
//! one hides the one that Docker uses. Whether a helper is missing, and which,
//! or where a file is wrong, is no part of its errors; and its `Debug` prints
//! passwords. The first three cannot be mended from outside.
//!
//! [its reference]: https://docs.docker.com/reference/cli/docker/login/#credential-stores

mod config;
mod helper;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use config::{Config, Keeper};

/// Who pushes to a registry. [`fmt::Debug`] shows no secret, and there is no
/// way to one but [`Credentials::to_header`].
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    username: String,
    password: String,
    identity_token: String,
    registry_token: String,
    server: String,
}

impl Credentials {
    /// The user, where there is one: a token has none.
    pub fn username(&self) -> Option<&str> {
        Some(self.username.as_str()).filter(|name| !name.is_empty())
    }

    /// What a Docker engine wants as `X-Registry-Auth`: JSON in the alphabet
    /// of base64 for URLs, with padding ([Engine API, Authentication]). It is
    /// a secret.
    ///
    /// [Engine API, Authentication]: https://docs.docker.com/reference/api/engine/version/v1.47/#section/Authentication
    pub fn to_header(&self) -> String {
        let fields = [
            ("username", &self.username),
            ("password", &self.password),
            ("identitytoken", &self.identity_token),
            ("registrytoken", &self.registry_token),
            ("serveraddress", &self.server),
        ];
        let json: serde_json::Map<String, serde_json::Value> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value.as_str().into()))
            .collect();
        URL_SAFE.encode(serde_json::Value::Object(json).to_string())
    }

    fn has_secret(&self) -> bool {
        ![&self.password, &self.identity_token, &self.registry_token]
            .iter()
            .all(|secret| secret.is_empty())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Why it cannot be told who pushes. No text of these has a secret in it: what
/// a file or a helper holds is told by line and column alone.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file is there and cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what Docker writes.
    #[error("{} is no configuration of Docker's: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The helper that the file names cannot be run.
    #[error("{} has the login for {registry} kept by `{program}`, which cannot be run", .path.display())]
    NoHelper {
        /// The file.
        path: PathBuf,
        /// The registry.
        registry: String,
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The helper failed.
    #[error("`{program}` gives no login for {registry}: {reason}")]
    Helper {
        /// The program.
        program: String,
        /// The registry.
        registry: String,
        /// Its own words, or what it did.
        reason: String,
    },
}

impl CredentialsError {
    /// What to type or change next, commands in backticks.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoHelper { path, program, .. } => vec![format!(
                "install `{program}`, or take it out of {} and log in again with `docker login`",
                path.display()
            )],
            Self::Helper { registry, .. } => {
                vec![format!("`docker login {registry}` logs in again")]
            }
            Self::Unreadable { .. } | Self::Invalid { .. } => Vec::new(),
        }
    }
}

/// Who pushes to `registry` (`HOST:PORT`, or a host), by the `config.json` of
/// a folder, which is `~/.docker` unless `DOCKER_CONFIG` says another one.
/// `None` if nobody is logged in there, or there is no such file. Helpers are
/// those of the process's own `PATH`.
///
/// # Errors
/// See [`CredentialsError`].
pub async fn credentials(
    docker_config_folder: &Path,
    registry: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    Helpers::default()
        .credentials(docker_config_folder, registry)
        .await
}

/// How helper programs are run.
#[derive(Clone, Debug)]
pub struct Helpers {
    /// The `PATH` on which they lie and which they see; `None` for the
    /// process's own.
    pub path: Option<OsString>,
    /// How long one may take. Some ask a person to unlock a keyring.
    pub limit: Duration,
}

impl Default for Helpers {
    fn default() -> Self {
        Self {
            path: None,
            limit: Duration::from_secs(60),
        }
    }
}

impl Helpers {
    /// As [`credentials`] of the module, with these helpers.
    ///
    /// # Errors
    /// See [`CredentialsError`].
    pub async fn credentials(
        &self,
        docker_config_folder: &Path,
        registry: &str,
    ) -> Result<Option<Credentials>, CredentialsError> {
        let path = docker_config_folder.join("config.json");
        let text = match tokio::fs::read(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CredentialsError::Unreadable { path, source }),
        };
        let invalid = |reason| CredentialsError::Invalid {
            path: path.clone(),
            reason,
        };
        let config = Config::read(&text).map_err(invalid)?;
        let server = config::server(registry);
        let found = match config.keeper(registry, server).map_err(invalid)? {
            Keeper::Nobody => return Ok(None),
            Keeper::File(credentials) => credentials,
            Keeper::Helper(name) => match helper::get(self, &path, name, server).await? {
                Some(credentials) => credentials,
                None => return Ok(None),
            },
        };
        Ok(found.has_secret().then_some(found))
    }
}

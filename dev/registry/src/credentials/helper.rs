//! A helper program, asked for one login.
//!
//! The protocol is that of [docker-credential-helpers]: the argument `get`,
//! the server on stdin, `{"ServerURL", "Username", "Secret"}` on stdout; or
//! another exit code and words on stdout. A user called `<token>` means that
//! the secret is an identity token.
//!
//! [docker-credential-helpers]: https://github.com/docker/docker-credential-helpers#development
#![expect(
    clippy::disallowed_methods,
    reason = "a credential helper is a program that the caller's own configuration names; it is in a group of its own and limited in time"
)]

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Credentials, CredentialsError, Helpers};
use crate::words;

/// What a helper says when nobody is logged in.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The user that is none.
const TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Login {
    username: String,
    secret: String,
}

/// The login for a server, if the helper has one.
pub(super) async fn get(
    helpers: &Helpers,
    config: &Path,
    name: &str,
    server: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    let program = format!("docker-credential-{name}");
    let failed = |reason: String| CredentialsError::Helper {
        program: program.clone(),
        registry: server.to_owned(),
        reason,
    };
    let answer = tokio::time::timeout(helpers.limit, run(helpers, &program, server));
    let output = match answer.await {
        Err(_) => return Err(failed(format!("it took longer than {:?}", helpers.limit))),
        Ok(Err(Failure::Start(source))) => {
            return Err(CredentialsError::NoHelper {
                path: config.to_owned(),
                registry: server.to_owned(),
                program,
                source,
            });
        }
        Ok(Err(Failure::Talk(error))) => return Err(failed(error.to_string())),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        if output.stdout.trim_ascii() == NOT_FOUND.as_bytes() {
            return Ok(None);
        }
        let said = [output.stdout, output.stderr]
            .into_iter()
            .find(|said| !said.trim_ascii().is_empty());
        return Err(failed(match said {
            Some(said) => words::beginning(&said),
            None => output.status.to_string(),
        }));
    }
    // serde's words may repeat a value.
    let login: Login = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("it answers without `Username` and `Secret`".to_owned()))?;
    let mut credentials = Credentials {
        server: server.to_owned(),
        ..Credentials::default()
    };
    if login.username == TOKEN {
        credentials.identity_token = login.secret;
    } else {
        credentials.username = login.username;
        credentials.password = login.secret;
    }
    Ok(Some(credentials))
}

enum Failure {
    Start(io::Error),
    Talk(io::Error),
}

async fn run(helpers: &Helpers, program: &str, server: &str) -> Result<Output, Failure> {
    let mut command = Command::new(program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(path) = &helpers.path {
        // It is looked for there, too.
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(Failure::Start)?;
    let mut group = Group::of(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that has no use for the server may have closed it.
        match stdin.write_all(server.as_bytes()).await {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failure::Talk(error));
            }
            _ => {}
        }
    }
    let output = child.wait_with_output().await.map_err(Failure::Talk)?;
    group.0 = None;
    Ok(output)
}

/// The helper and what it started, ended unless it ended itself. What it
/// leaves behind then, such as a keyring's agent, is its own matter.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

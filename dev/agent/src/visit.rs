//! `visit`: puts a program beside a service's process, in the same container,
//! with the same environment, folder and user. It is what `exec` and `sh` run
//! where the service is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hob_wire::Program;

use crate::kept::Kept;
use crate::user::{self, User};
use crate::{environment, proc};

/// How [`run`] wants to be called.
pub const USAGE: &str = "[--pid PID] [--spec STATE] [--cwd DIR] [--user USER] -- PROGRAM [ARG]...";

/// Why the program does not run.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The exit code that says so: 127 for a program that is not there, 126
    /// for one that cannot be run, 125 when it did not come to that, 2 for
    /// words that were not understood.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }
}

/// Runs a program in this process's place, and returns only when it cannot.
///
/// The environment and the folder are those of the process `--pid`, or those
/// that the spec kept in the state folder `--spec` says; hob's marks are left
/// out and this process's own `TERM` stays. With both, the spec says the
/// environment of a process that has written something else over its own, as
/// those do that show a title. It becomes the process's user, or
/// `--user`, as [`Spec::user`](hob_wire::Spec) writes it.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Failure {
    match go(args) {
        Ok(never) => match never {},
        Err(failure) => failure,
    }
}

fn go(args: impl IntoIterator<Item = OsString>) -> Result<std::convert::Infallible, Failure> {
    let asked = Asked::parse(args).ok_or_else(|| failure(2, format!("usage: visit {USAGE}")))?;
    let mut seat = match &asked.beside {
        Beside::Process { pid, state } => Seat::of_process(*pid, state.as_deref()),
        Beside::Spec(state) => Seat::of_spec(state),
    }
    .map_err(|message| failure(125, message))?;
    if let Some(name) = &asked.user {
        let user = user::find(name).map_err(|error| failure(125, error.to_string()))?;
        for (name, value) in user.variables() {
            seat.env.insert(name.into(), value.into());
        }
        seat.user = Some(user);
    }
    if let Some(term) = std::env::var_os("TERM") {
        seat.env.insert("TERM".into(), term);
    }
    if let Some(cwd) = asked.cwd {
        seat.cwd = cwd;
    }
    Err(seat.exec(&asked.program, &asked.args))
}

fn failure(code: u8, message: String) -> Failure {
    Failure { message, code }
}

/// What was asked for.
struct Asked {
    beside: Beside,
    cwd: Option<PathBuf>,
    user: Option<String>,
    program: OsString,
    args: Vec<OsString>,
}

enum Beside {
    Process { pid: u32, state: Option<PathBuf> },
    Spec(PathBuf),
}

impl Asked {
    fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let (mut pid, mut state, mut cwd, mut user) = (None, None, None, None);
        let mut args = args.into_iter();
        loop {
            let name = args.next()?;
            if name == "--" {
                break;
            }
            let value = args.next()?;
            match name.to_str()? {
                "--pid" => pid = Some(value.to_str()?.parse().ok()?),
                "--spec" => state = Some(PathBuf::from(value)),
                "--cwd" => cwd = Some(value.into()),
                "--user" => user = Some(value.into_string().ok()?),
                _ => return None,
            }
        }
        let beside = match (pid, state) {
            (Some(pid), state) => Beside::Process { pid, state },
            (None, state) => Beside::Spec(state?),
        };
        Some(Self {
            beside,
            cwd,
            user,
            program: args.next()?,
            args: args.collect(),
        })
    }
}

/// Where the program takes place.
struct Seat {
    env: BTreeMap<OsString, OsString>,
    cwd: PathBuf,
    /// This process's own when absent.
    user: Option<User>,
}

impl Seat {
    fn of_process(pid: u32, state: Option<&Path>) -> Result<Self, String> {
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => format!("process {pid} is gone"),
            _ => format!("cannot look at process {pid}: {error}"),
        };
        let owner = proc::owner(pid).ok_or_else(|| format!("process {pid} is gone"))?;
        let environ = proc::read(pid, "environ").map_err(explain)?;
        let mut env = BTreeMap::new();
        for entry in environ.split(|byte| *byte == 0) {
            // A process may have written something else there.
            if let Some(at) = entry.iter().position(|byte| *byte == b'=') {
                let (name, value) = (entry[..at].to_vec(), entry[at + 1..].to_vec());
                env.insert(OsString::from_vec(name), OsString::from_vec(value));
            }
        }
        // hob's marks are in every environment that a service was given.
        let untouched = env.keys().any(|name| !is_plain(name));
        env.retain(|name, _| is_plain(name));
        if let (false, Some(state)) = (untouched, state) {
            env = Self::of_spec(state)?.env;
        }
        Ok(Self {
            env,
            cwd: proc::link(pid, "cwd").map_err(explain)?,
            user: Some(User {
                uid: owner.uid,
                gid: owner.gid,
                name: None,
                home: String::new(),
            }),
        })
    }

    fn of_spec(state: &Path) -> Result<Self, String> {
        let kept = Kept::load(state)
            .map_err(|error| format!("{}/spec.json: {error}", state.display()))?
            .ok_or_else(|| format!("there is no spec.json in {}", state.display()))?;
        let spec = &*kept.spec;
        let secrets = environment::secrets(spec).map_err(|error| error.to_string())?;
        let user = environment::user(spec).map_err(|error| error.to_string())?;
        // In dev mode each process has a port of its own; this is the one that
        // the service has for others.
        let addr = spec.binds();
        let nothing = Program {
            argv: Vec::new(),
            ..spec.run.clone()
        };
        let launch = environment::process(spec, &nothing, state, addr, &secrets, "");
        let env = launch.run_by(user.clone()).env.into_iter();
        let env = env.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Ok(Self {
            // Nothing says which output would be the right one.
            env: env
                .filter(|(name, _)| is_plain(name) && name != "OUT")
                .collect(),
            cwd: spec.run.cwd.clone(),
            user,
        })
    }

    fn exec(&self, program: &OsString, args: &[OsString]) -> Failure {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.cwd);
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid);
        }
        let error = command.exec();
        let shown = program.to_string_lossy();
        match error.kind() {
            io::ErrorKind::NotFound if !self.cwd.is_dir() => failure(
                126,
                format!(
                    "cannot run `{shown}`: its folder {} is not there",
                    self.cwd.display()
                ),
            ),
            io::ErrorKind::NotFound => failure(
                127,
                format!("cannot run `{shown}`: it is not installed here"),
            ),
            _ => failure(126, format!("cannot run `{shown}`: {error}")),
        }
    }
}

/// Whether a variable is the service's and not hob's.
fn is_plain(name: &std::ffi::OsStr) -> bool {
    !name.to_str().is_some_and(environment::is_hobs)
}

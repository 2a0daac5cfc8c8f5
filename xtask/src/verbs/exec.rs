//! `sh` and `exec`: a shell or a command with a service's environment.
//!
//! Of a service that runs it is the environment of its process, to the last
//! variable. Of one that does not it is what `dev` would give it: `PORT` is
//! then the published one, and without a build there is no `OUT`.

#![expect(
    clippy::disallowed_methods,
    reason = "the command takes this program's own place"
)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use hob_stack::ServiceId;
use hob_wire::{MARK_PROJECT, MARK_ROOT, MARK_RUN, MARK_SERVICE, Mode, Program};

use crate::cli::{ExecArgs, OneArgs};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ground::spec_of;
use crate::running::{Asked, Running};

/// The variables by which hob and a service's agent know what they supervise:
/// what a person starts is not.
const MARKS: [&str; 4] = [MARK_PROJECT, MARK_SERVICE, MARK_ROOT, MARK_RUN];

pub async fn sh(context: &Context, args: OneArgs) -> Result {
    let shell = context
        .environment
        .get("SHELL")
        .cloned()
        .unwrap_or_else(|| "/bin/sh".into());
    inside(context, &args.service, vec![shell]).await
}

pub async fn exec(context: &Context, args: ExecArgs) -> Result {
    inside(context, &args.service, args.command).await
}

/// On the host "inside" a service is its folder and its environment.
async fn inside(context: &Context, service: &str, argv: Vec<String>) -> Result {
    let running = context.running()?;
    let id = running.one(service).await?;
    let (pid, mode) = match running.ask(&id).await? {
        Asked::Up(status) => (status.serving.map(|serving| serving.pid), status.mode),
        Asked::Down(_) | Asked::Silent => (None, Mode::Dev),
    };
    let process = pid.and_then(|pid| of_process(&running, &id, pid, &argv));
    let mut command = match process {
        Some(command) => command,
        None => of_file(context, service, &id, mode, argv).await?,
    };
    if let Some(terminal) = context.environment.get("TERM") {
        command.env("TERM", terminal);
    }
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    let folder = command
        .get_current_dir()
        .unwrap_or(std::path::Path::new("."));
    Err(Error::failed(format!(
        "cannot start `{program}` in {}: {error}",
        folder.display()
    )))
}

/// The command as the process that runs would start it; none when that shows
/// no environment of hob's: it may have ended, or written over it.
fn of_process(running: &Running<'_>, id: &ServiceId, pid: u32, argv: &[String]) -> Option<Command> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variables: BTreeMap<String, String> = environ
        .split(|byte| *byte == 0)
        .filter_map(|text| std::str::from_utf8(text).ok()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if variables.get(MARK_SERVICE) != Some(&id.to_string()) {
        return None;
    }
    let project = running.project.as_ref();
    let source = project.and_then(|project| Some(project.service(id)?.source.clone()));
    let folder: PathBuf = match source {
        Some(source) => source,
        None => std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?,
    };
    let (program, args) = argv.split_first()?;
    let mut command = Command::new(program);
    let variables = variables.iter();
    command.args(args).current_dir(folder).env_clear();
    command.envs(variables.filter(|(name, _)| !MARKS.contains(&name.as_str())));
    Some(command)
}

/// The command as the stack file has it.
async fn of_file(
    context: &Context,
    service: &str,
    id: &ServiceId,
    mode: Mode,
    argv: Vec<String>,
) -> Result<Command> {
    let loading = context.load(&[service.to_owned()])?;
    let engine = loading.engine(context)?;
    let spec = spec_of(&engine, &loading, id, mode).await?;
    let program = Program {
        argv,
        cwd: spec.run.cwd.clone(),
        env: spec.run.env.clone(),
    };
    let nowhere = std::env::temp_dir();
    let command = hob_agent::foreground::any(&spec, &program, &nowhere);
    let mut command = command.map_err(anyhow::Error::from)?;
    command.env_remove("OUT");
    Ok(command)
}

//! `sh` and `exec`: a shell or a command with a service's environment.
//!
//! Of a service that runs it is the environment of its process, but for hob's
//! own marks and `TERM`, which is the caller's. Of one that does not it is what
//! `dev` would give it: `PORT` is then the published one, and without a build
//! there is no `OUT`.

#![expect(
    clippy::disallowed_methods,
    reason = "the command takes this program's own place"
)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use hob_engine::Inside;
use hob_stack::ServiceId;
use hob_wire::{Mode, Program};

use crate::cli::{ExecArgs, OneArgs};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ground::spec_of;
use crate::running::{Asked, Running};
use crate::verbs::containers::enter;

pub async fn sh(context: &Context, args: OneArgs) -> Result {
    // A container need not have the caller's.
    let own = context.environment.get("SHELL").cloned();
    let shell = match context.running()?.engine.containers() {
        Some(_) => None,
        None => own,
    };
    let shell = shell.unwrap_or_else(|| "/bin/sh".into());
    inside(context, &args.service, vec![shell]).await
}

pub async fn exec(context: &Context, args: ExecArgs) -> Result {
    inside(context, &args.service, args.command).await
}

/// On the host "inside" a service is its folder and its environment.
async fn inside(context: &Context, service: &str, argv: Vec<String>) -> Result {
    let running = context.running()?;
    let id = running.one(service).await?;
    if let Some(containers) = running.engine.containers() {
        return match running.ask(&id).await? {
            Asked::Up(status) => enter::beside(context, containers, &id, &status, &argv).await,
            Asked::Down(_) => {
                let loading = context.load(&[service.to_owned()])?;
                let engine = loading.engine(context)?;
                enter::alone(context, &loading, &engine, &id, &argv).await
            }
            Asked::Silent => Err(Error::failed(format!("the agent of {id} does not answer"))),
        };
    }
    let (process, mode) = match running.ask(&id).await? {
        Asked::Up(status) => {
            let inside = running.engine.inside(&status);
            let command = inside.and_then(|inside| of_process(&running, &id, inside, &argv));
            (command, status.mode)
        }
        Asked::Down(_) | Asked::Silent => (None, Mode::Dev),
    };
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

/// The command as the process that runs would start it.
fn of_process(
    running: &Running<'_>,
    id: &ServiceId,
    inside: Inside,
    argv: &[String],
) -> Option<Command> {
    let project = running.project.as_ref();
    let source = project.and_then(|project| Some(project.service(id)?.source.clone()));
    let (program, args) = argv.split_first()?;
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(source.unwrap_or(inside.folder))
        .env_clear()
        .envs(inside.environment);
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
    let spec = spec_of(&engine, &loading, id, mode, 0).await?;
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

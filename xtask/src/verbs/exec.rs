//! `sh` and `exec`: a shell or a command with a service's environment.

use std::os::unix::process::CommandExt;

use hob_wire::{Mode, Program};

use crate::cli::{ExecArgs, OneArgs};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ground::{spec_of, status_of};

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

/// On the host "inside" a service is its folder and its environment, in the
/// mode that it runs in (`dev` when it does not run).
async fn inside(context: &Context, service: &str, argv: Vec<String>) -> Result {
    let loading = context.load(&[service.to_owned()])?;
    let id = loading.one(service)?;
    let engine = loading.engine(context)?;
    let mode = status_of(&engine, &id)
        .await
        .map_or(Mode::Dev, |status| status.mode);
    let spec = spec_of(&engine, &loading, &id, mode).await?;
    let mut env = std::collections::BTreeMap::new();
    if let Some(terminal) = context.environment.get("TERM") {
        env.insert("TERM".to_owned(), terminal.clone());
    }
    let program = Program {
        argv,
        cwd: spec.run.cwd.clone(),
        env,
    };
    let out = std::env::temp_dir();
    let mut command =
        hob_agent::foreground::any(&spec, &program, &out).map_err(anyhow::Error::from)?;
    let error = command.exec();
    let program = command.get_program().to_string_lossy().into_owned();
    Err(Error::failed(format!(
        "cannot start `{program}` in {}: {error}",
        spec.run.cwd.display()
    )))
}

//! `run`: one service's production command here, in the foreground.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use hob_wire::Mode;
use rustix::process::{Pid, Signal, kill_process};

use crate::change::engine_error;
use crate::cli::RunArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::ground::spec_of;
use crate::render::address;
use crate::verbs::containers::production;

/// How long an agent that is there may take to say so.
const ANSWER: Duration = Duration::from_secs(2);
/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(10);

pub async fn run(context: &Context, args: RunArgs) -> Result {
    let loading = context.load(std::slice::from_ref(&args.service))?;
    let id = loading.one(&args.service)?;
    loading.fits(std::slice::from_ref(&id), args.ports.port_offset)?;
    let offset = args.ports.port_offset.unwrap_or(0);
    let engine = loading.engine(context)?;
    let holder = engine.agent(&id).map_err(engine_error)?;
    if let Ok(status) = holder.status(ANSWER).await {
        let keeper = match engine.containers() {
            Some(_) => "in a container".to_owned(),
            None => format!("kept by the agent of process {}", status.agent_pid),
        };
        let error = format!("{id} is up already, {keeper}");
        return Err(Error::failed(error).hint(format!(
            "`hob down {id}` ends it, `hob logs -f {id}` follows it"
        )));
    }
    if engine.containers().is_some() {
        return production::run(context, &loading, &engine, &id, offset).await;
    }
    let spec = spec_of(&engine, &loading, &id, Mode::Run, offset).await?;
    let out = tempfile::tempdir()?;
    if let Some(mut build) = hob_agent::foreground::build(&spec, out.path()) {
        context.output.say(format!("building {id}"));
        let status = build.status()?;
        if !status.success() {
            return Err(Error::new(
                Code::Service,
                format!("{id} does not build: {status}"),
            ));
        }
    }
    if let Some(listen) = &spec.listen {
        context.output.say(format!("{id} on {}", address(listen)));
    }
    let command = hob_agent::foreground::run(&spec, out.path()).map_err(anyhow::Error::from)?;
    let mut command = tokio::process::Command::from(command);
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let mut child = command
        .spawn()
        .map_err(|error| Error::failed(format!("cannot start `{program}`: {error}")))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = interrupted() => end(&mut child).await?,
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(Error::said(Code::Program(u8::try_from(code).unwrap_or(1)))),
        (None, signal) => {
            let signal = u8::try_from(signal.unwrap_or(0)).unwrap_or(0);
            Err(Error::said(Code::Program(128 + signal)))
        }
    }
}

/// Passes a wish to end on: the terminal tells the whole group, a `kill` only
/// hob. What ignores it is killed.
async fn end(child: &mut tokio::process::Child) -> std::io::Result<std::process::ExitStatus> {
    if let Some(pid) = child
        .id()
        .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
    {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
    tokio::select! {
        status = child.wait() => return status,
        () = tokio::time::sleep(GRACE) => {}
        () = interrupted() => {}
    }
    child.start_kill()?;
    child.wait().await
}

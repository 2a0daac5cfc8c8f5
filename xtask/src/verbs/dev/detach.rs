//! `dev --detach`: the same session without a terminal. It writes what it
//! says to a pipe; this process waits until what is on disk answers or failed.

#![expect(
    clippy::disallowed_methods,
    reason = "it starts the session that stays"
)]

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Child, Command, Stdio};

use hob_engine::{Engine, Verdict};
use hob_stack::{Project, ServiceId};
use tokio::sync::mpsc;

use super::screen::problem_lines;
use crate::change::engine_error;
use crate::cli::DevArgs;
use crate::context::{Context, interrupted, owners};
use crate::error::{Code, Error, Result};
use crate::platform::addresses;
use crate::render::address;

pub async fn detach(
    context: &Context,
    args: &DevArgs,
    engine: &Engine,
    services: &[ServiceId],
    project: &Project,
) -> Result {
    let (said, out) = std::io::pipe()?;
    let mut child = session(context, args)
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::from(out))
        .spawn()?;
    let come = tokio::select! {
        come = listen(context, lines(said), &mut child) => come?,
        () = interrupted() => {
            end(&mut child);
            return Err(Error::said(Code::Interrupted));
        }
    };
    // From here on nobody reads what the session says; its logs are kept.
    let failed = tell(context, engine, services, project).await?;
    context
        .output
        .say(format!("the dev session goes on as process {}", child.id()));
    context
        .output
        .say("`hob logs -f` follows it, `hob down` ends it");
    if failed {
        return Err(Error::new(Code::Service, "not everything is ready")
            .hint("the session goes on: mend it and save"));
    }
    match come {
        Come::Wholly => Ok(()),
        Come::Partly => Err(Error::failed("not everything is ready")
            .hint("the session goes on: what was in the way is looked for again and again")),
    }
}

/// How far a session came.
enum Come {
    /// What is on disk answers, or failed.
    Wholly,
    /// Something was in the way.
    Partly,
}

/// Says where the services answer and why some do not; whether one failed.
async fn tell(
    context: &Context,
    engine: &Engine,
    services: &[ServiceId],
    project: &Project,
) -> Result<bool> {
    let asked = services.iter().cloned().collect();
    let ours = owners(services);
    let mut states = engine.services(&asked).await.map_err(engine_error)?;
    states.retain(|state| ours.contains(&state.owner));
    let doors = addresses(context, project)?;
    let mut failed = false;
    for state in states {
        let Verdict::Up(status) = state.verdict else {
            continue;
        };
        let name = state.owner.to_string();
        if let Some(listen) = status.listen.filter(|_| status.phase.serves()) {
            let place = address(&listen);
            context.output.say(format!("{name} answers on {place}"));
            let doors = doors.get(&name).into_iter().flatten();
            doors.for_each(|address| context.output.say(format!("  {address}")));
        }
        if let Some(problem) = &status.problem {
            failed = true;
            let lines = problem_lines(&name, problem);
            lines.iter().for_each(|line| context.output.say(line));
        }
    }
    Ok(failed)
}

/// What the session says, line by line, until it has ended.
fn lines(said: PipeReader) -> mpsc::UnboundedReceiver<String> {
    let (heard, lines) = mpsc::unbounded_channel();
    // It ends with the pipe or with this process.
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(std::io::Result::ok) {
            if heard.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The command of the session that stays.
fn session(context: &Context, args: &DevArgs) -> Command {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().unwrap_or_else(|_| "hob".into());
    let mut command = Command::new(program);
    command.args(["dev", "--json"]);
    if let Some(project) = &context.global.project {
        command.arg("--project").arg(project);
    }
    if let Some(engine) = context.global.engine {
        command.args(["--engine", engine.word()]);
    }
    if args.only {
        command.arg("--only");
    }
    if args.keep {
        command.arg("--keep");
    }
    if let Some(offset) = args.ports.port_offset {
        command.args(["--port-offset", &offset.to_string()]);
    }
    command
        .args(&args.names.names)
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// Listens until it is known how far the session comes; passes on what
/// concerns people.
async fn listen(
    context: &Context,
    mut said: mpsc::UnboundedReceiver<String>,
    child: &mut Child,
) -> Result<Come> {
    loop {
        let Some(line) = said.recv().await else {
            let status = child.wait()?;
            // Why it ended was among what it said.
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Err(match code {
                Some(code @ 1..) => Error::said(Code::Program(code)),
                _ => Error::failed(format!("the dev session ended: {status}")),
            });
        };
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else {
            context.output.say(line);
            continue;
        };
        if context.output.json {
            context.output.value(&value)?;
        }
        let session = &value["session"];
        if session == "caught-up" {
            return Ok(Come::Wholly);
        }
        if session == "partly-ready" {
            return Ok(Come::Partly);
        }
        if let Some(note) = session["self-written"]["note"].as_str() {
            context.output.say(note);
        }
    }
}

/// Asks the session to end and waits for it.
fn end(child: &mut Child) {
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let _ = child.wait();
}

//! `dev --detach`: the same session without a terminal. It writes what it
//! says to a file; this process waits until everything is ready.

#![expect(
    clippy::disallowed_methods,
    reason = "it starts the session that stays"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hob_engine::Engine;

use crate::cli::DevArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};

/// Between two looks at what the session says.
const LOOK: Duration = Duration::from_millis(20);

pub async fn detach(context: &Context, engine: &Engine, args: &DevArgs) -> Result {
    engine.make_folders().map_err(anyhow::Error::from)?;
    let log = engine
        .paths()
        .runtime
        .join(format!("detached-{}.log", std::process::id()));
    let file = File::create(&log)?;
    let mut child = session(context, args)
        .stdout(Stdio::from(file.try_clone()?))
        .stderr(Stdio::from(file))
        .spawn()?;
    let reader = BufReader::new(File::open(&log)?);
    let outcome = tokio::select! {
        outcome = ready(context, reader, &mut child) => outcome,
        () = interrupted() => {
            end(&mut child);
            Err(Error::said(Code::Interrupted))
        }
    };
    // The session has the file open still; nobody reads it from here on.
    let _ = std::fs::remove_file(&log);
    outcome?;
    context
        .output
        .say(format!("the dev session goes on as process {}", child.id()));
    context
        .output
        .say("`hob logs -f` follows it, `hob down` ends it");
    Ok(())
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
        command.args([
            "--engine",
            if engine == crate::cli::Engine::Host {
                "host"
            } else {
                "auto"
            },
        ]);
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

/// Reads what the session says until all is ready; shows what concerns people.
async fn ready(context: &Context, mut said: BufReader<File>, child: &mut Child) -> Result {
    let mut line = String::new();
    loop {
        line.clear();
        if said.read_line(&mut line)? == 0 {
            if let Some(status) = child.try_wait()? {
                return Err(Error::failed(format!("the dev session ended: {status}"))
                    .hint("see why without `--detach`"));
            }
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else {
            context.output.say(line.trim_end());
            continue;
        };
        if context.output.json {
            context.output.data(line.trim_end())?;
        }
        if value["session"] == "ready" {
            return Ok(());
        }
        if value["session"] == "partly-ready" {
            return Err(Error::failed("not everything is ready")
                .hint("the session goes on: mend it and save, or `hob down`"));
        }
        if let Some(message) = value["event"]["kind"]["failed"]["message"].as_str() {
            let service = value["event"]["service"].as_str().unwrap_or_default();
            context.output.say(format!("{service}: {message}"));
            let output = value["event"]["kind"]["failed"]["output"].as_array();
            for line in output.into_iter().flatten() {
                context
                    .output
                    .say(format!("    {}", line["text"].as_str().unwrap_or_default()));
            }
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

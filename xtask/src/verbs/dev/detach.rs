//! `dev --detach`: the same session without a terminal. It writes what it
//! says to a file; this process waits until everything is ready.

#![expect(
    clippy::disallowed_methods,
    reason = "it starts the session that stays"
)]

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Child, Command, Stdio};

use tokio::sync::mpsc;

use crate::cli::DevArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::render::printable;

pub async fn detach(context: &Context, args: &DevArgs) -> Result {
    let (said, out) = std::io::pipe()?;
    let mut child = session(context, args)
        .stdout(Stdio::from(out.try_clone()?))
        .stderr(Stdio::from(out))
        .spawn()?;
    let outcome = tokio::select! {
        outcome = ready(context, lines(said), &mut child) => outcome,
        () = interrupted() => {
            end(&mut child);
            Err(Error::said(Code::Interrupted))
        }
    };
    // From here on nobody reads what the session says; its logs are kept.
    outcome?;
    context
        .output
        .say(format!("the dev session goes on as process {}", child.id()));
    context
        .output
        .say("`hob logs -f` follows it, `hob down` ends it");
    Ok(())
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

/// Listens until all is ready; shows what concerns people.
async fn ready(
    context: &Context,
    mut said: mpsc::UnboundedReceiver<String>,
    child: &mut Child,
) -> Result {
    let mut code = Code::Failed;
    loop {
        let Some(line) = said.recv().await else {
            let status = child.wait()?;
            return Err(Error::failed(format!("the dev session ended: {status}"))
                .hint("see why without `--detach`"));
        };
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else {
            context.output.say(line);
            continue;
        };
        if context.output.json {
            context.output.data(&line)?;
        }
        if value["session"] == "ready" {
            return Ok(());
        }
        if value["session"] == "partly-ready" {
            return Err(Error::new(code, "not everything is ready")
                .hint("the session goes on: mend it and save, or `hob down`"));
        }
        if let Some(note) = value["session"]["self-written"]["note"].as_str() {
            context.output.say(note);
        }
        if let Some(message) = value["event"]["kind"]["failed"]["message"].as_str() {
            let service = value["event"]["service"].as_str().unwrap_or_default();
            code = Code::Service;
            context.output.say(format!("{service}: {message}"));
            let output = value["event"]["kind"]["failed"]["output"].as_array();
            for line in output.into_iter().flatten() {
                context.output.say(format!(
                    "    {}",
                    printable(line["text"].as_str().unwrap_or_default())
                ));
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

//! Performs [`Action`]s one after the other and shows what they say.

#![expect(
    clippy::disallowed_methods,
    reason = "installs packages and sets limits after the user said yes"
)]

use std::collections::VecDeque;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use console::style;
use hob_stack::DockerEndpoint;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::doctor::{Silence, version};
use super::actions::{Action, DOCKER_LOG};
use crate::context::interrupted;
use crate::error::{Code, Error, Result};
use crate::stage::Stage;

/// The last lines that are shown of what failed.
const LINES: usize = 20;
/// The name of its process.
const DOCKERD: &str = "dockerd";
/// How long a Docker engine may take to begin.
const ENGINE: Duration = Duration::from_secs(60);
/// Between two questions whether it answers.
const AGAIN: Duration = Duration::from_millis(100);
/// How long an interrupted installation may take to end in good order.
const GRACE: Duration = Duration::from_secs(30);

/// Performs them all; one that fails takes with it only what follows from it.
///
/// # Errors
/// Any of them failed, or the user interrupted.
pub async fn perform(actions: &[Action], stage: &Stage) -> Result {
    if actions.iter().any(Action::is_sudo) {
        password().await?;
    }
    let mut stop = pin!(interrupted());
    // The first look at it is what takes the signals over: from before
    // anything is started, none of them ends hob itself.
    tokio::select! {
        biased;
        () = &mut stop => return Err(Error::new(Code::Interrupted, "interrupted")),
        () = std::future::ready(()) => {}
    }
    let mut failed = None;
    let mut before = true;
    for action in actions {
        if action.follows && !before {
            continue;
        }
        let begun = Instant::now();
        if !stage.output().watched {
            stage.say(format!("· {}", action.what));
        }
        stage.busy(Some(&action.what));
        let mut done = one(action, stage, &mut stop).await;
        if let (Ok(()), Some(endpoint)) = (&done, &action.answers) {
            done = tokio::select! {
                answered = answers(endpoint) => answered,
                () = &mut stop => Err(Error::new(Code::Interrupted, "interrupted")),
            };
        }
        stage.busy(None);
        before = done.is_ok();
        match done {
            Ok(()) => {
                let took = format!("after {:.1} s", begun.elapsed().as_secs_f32());
                let mark = style("✓").for_stderr().green();
                stage.say(format!(
                    "{mark} {} {}",
                    action.what,
                    style(took).for_stderr().dim()
                ));
            }
            Err(error) if error.code == Code::Interrupted => return Err(error),
            Err(error) => {
                // The first is the one that the end is told by.
                match failed {
                    None => failed = Some(error),
                    Some(_) => stage.say(error.render().trim_end()),
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Lets `sudo` ask for the password while nothing else is on the terminal.
async fn password() -> Result {
    let status = Command::new("sudo")
        .arg("--validate")
        .kill_on_drop(true)
        .status()
        .await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::failed("`sudo` does not let this user")),
        Err(error) => Err(Error::failed(format!("cannot start `sudo`: {error}"))),
    }
}

/// Runs one to its end, in the terminal's own process group: `sudo` may ask,
/// and Ctrl-C reaches the installation, which ends itself in good order.
async fn one(action: &Action, stage: &Stage, stop: impl Future<Output = ()>) -> Result {
    let [program, args @ ..] = action.argv.as_slice() else {
        return Ok(());
    };
    let failed =
        |error: std::io::Error| Error::failed(format!("cannot start `{program}`: {error}"));
    let input = if action.input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(text), Some(mut stdin)) = (&action.input, child.stdin.take()) {
        // One that does not read says so by its exit code.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    let (told, mut lines) = mpsc::unbounded_channel();
    if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
        tokio::spawn(tell(stdout, told.clone()));
        tokio::spawn(tell(stderr, told));
    }
    let mut tail = VecDeque::new();
    let following = async {
        while let Some(line) = lines.recv().await {
            stage.busy(Some(&format!("{}: {line}", action.what)));
            tail.push_back(line);
            if tail.len() > LINES {
                tail.pop_front();
            }
        }
    };
    let (status, ()) = tokio::join!(end(&mut child, stop), following);
    match status.map_err(failed)? {
        None => Err(Error::new(Code::Interrupted, "interrupted")),
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            let error = Error::failed(format!("`{}` failed: {status}", action.command()));
            Err(error.details(tail))
        }
    }
}

/// Waits until a Docker engine answers, or refuses to answer this user; no
/// longer than it lives.
async fn answers(endpoint: &DockerEndpoint) -> Result {
    let begun = Instant::now();
    let mut seen = false;
    loop {
        let why = match version(endpoint).await {
            Ok(_) | Err(Silence::Denied) => return Ok(()),
            Err(Silence::NotThere) => "nothing listens there".to_owned(),
            Err(Silence::Other(why)) => why,
        };
        let runs = is_running(DOCKERD);
        if begun.elapsed() >= ENGINE || (seen && !runs) {
            let error = match seen && !runs {
                true => "the Docker engine ended at once".to_owned(),
                false => {
                    let waited = ENGINE.as_secs();
                    format!("no Docker engine answers at {endpoint} after {waited} s: {why}")
                }
            };
            let log = std::fs::read_to_string(DOCKER_LOG).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LINES)..].iter();
            return Err(Error::failed(error)
                .hint(format!("`{DOCKER_LOG}` or `journalctl -u docker` says why"))
                .details(tail.map(ToString::to_string)));
        }
        seen |= runs;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether any process has this name; see proc_pid_comm(5).
fn is_running(name: &str) -> bool {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = entries.filter_map(|it| std::fs::read_to_string(it.path().join("comm")).ok());
    names.any(|comm| comm.trim_end() == name)
}

/// Waits for the end; none when the user did not want to.
async fn end(
    child: &mut Child,
    stop: impl Future<Output = ()>,
) -> std::io::Result<Option<ExitStatus>> {
    tokio::select! {
        status = child.wait() => return status.map(Some),
        () = stop => {}
    }
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Ctrl-C has told it already, a signal to hob alone has not.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(None)
}

/// Tells each line of a stream; of one that is drawn over itself, its last
/// state.
async fn tell(stream: impl AsyncRead + Unpin, told: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line);
        let text = console::strip_ansi_codes(text.trim_end());
        let last = text.rsplit('\r').next().unwrap_or_default();
        let line: String = last.chars().filter(|char| !char.is_control()).collect();
        if !line.trim().is_empty() && told.send(line).is_err() {
            return;
        }
    }
}

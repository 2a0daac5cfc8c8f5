//! `exec` and `sh` in a container: the command runs beside the service's
//! process, and this program passes on what it is told and says.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Read as _, Write as _};

use hob_engine::docker::{DockerEngine, Input, Said, Terminal, Visit};
use hob_engine::{Engine, Scope, Want};
use hob_stack::ServiceId;
use hob_wire::{Mode, Status};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::io::AsyncWriteExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::change::{Changed, LOCK, Words, change_within, engine_error};
use crate::context::{Context, Interrupts, Loading, interrupted};
use crate::error::{Code, Error, Result};
use crate::stage::Stage;

/// The command beside the process of a service that is up.
pub async fn beside(
    context: &Context,
    engine: &DockerEngine,
    id: &ServiceId,
    status: &Status,
    argv: &[String],
) -> Result {
    let pid = status.serving.as_ref().map(|it| it.pid);
    enter(context, engine, id, pid, argv).await
}

/// The command in a container of a service that is down, as `dev` would make
/// it. It is there for the command alone, publishes nothing, and runs nothing
/// else.
pub async fn alone(
    context: &Context,
    loading: &Loading,
    engine: &Engine,
    id: &ServiceId,
    argv: &[String],
) -> Result {
    let Some(containers) = engine.containers() else {
        return Err(Error::failed("there are no containers on this engine"));
    };
    let mut want = Want::up(
        loading.project.clone(),
        BTreeSet::from([id.clone()]),
        Mode::Dev,
    );
    want.idle = true;
    let changed = quietly(context, engine, &want).await?;
    let result = match changed.result() {
        Ok(()) => enter(context, containers, id, None, argv).await,
        Err(error) => Err(error),
    };
    let owners = BTreeSet::from([hob_engine::owner(id)]);
    let down = Want::down(Scope::Services(owners));
    let taken = quietly(context, engine, &down).await?;
    result.and(taken.result())
}

/// A change that is no news while it goes well.
async fn quietly(context: &Context, engine: &Engine, want: &Want) -> Result<Changed> {
    let stage = Stage::new(context.output);
    let words = Words::troubles_alone();
    let changed = change_within(engine, want, &stage, LOCK, &words, interrupted()).await;
    drop(stage);
    changed
}

/// The command, with a terminal where this program has one at both ends.
async fn enter(
    context: &Context,
    engine: &DockerEngine,
    id: &ServiceId,
    pid: Option<u32>,
    argv: &[String],
) -> Result {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let terminal = terminal.then(|| {
        let term = context.environment.get("TERM").cloned();
        (size(), term.unwrap_or_else(|| "xterm".to_owned()))
    });
    let raw = terminal.is_some();
    let visit = engine.visit(id, pid, argv, terminal).await;
    let mut visit = visit.map_err(|failure| engine_error(failure.into()))?;
    let code = {
        let _raw = raw.then(Raw::begin).transpose()?;
        attended(&mut visit, raw).await?
    };
    match code {
        0 => Ok(()),
        code => Err(Error::said(Code::Program(u8::try_from(code).unwrap_or(1)))),
    }
}

async fn attended(visit: &mut Visit<'_>, terminal: bool) -> Result<i32> {
    let failed = |failure: hob_engine::Failure| engine_error(failure.into());
    let mut resized = if terminal { window() } else { None };
    // On its own: a command that says more than it reads must not hold up what
    // it says.
    if let Some(input) = visit.input.take() {
        tokio::spawn(pass_on(keyboard(), input));
    }
    let (mut ending, mut interrupts) = (false, Interrupts::listen());
    loop {
        tokio::select! {
            said = visit.next() => match said {
                Some(Ok(said)) => show(&said)?,
                Some(Err(failure)) => return Err(failed(failure)),
                None => break,
            },
            () = interrupts.next() => {
                // In a terminal Ctrl-C is the command's; this is somebody else's
                // word. Said twice, nobody waits for the command any more.
                if std::mem::replace(&mut ending, true) || !visit.end().await {
                    return Err(Error::said(Code::Interrupted));
                }
            }
            () = changed(&mut resized) => visit.resize(size()).await,
        }
    }
    visit.code().await.map_err(failed)
}

/// Passes on what comes, to the end of it.
async fn pass_on(mut typed: mpsc::Receiver<Vec<u8>>, mut input: Input) {
    while let Some(bytes) = typed.recv().await {
        // A command that ended hears nothing more.
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
    let _ = input.shutdown().await;
}

fn show(said: &Said) -> Result {
    match said {
        Said::Out(bytes) => {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()?;
        }
        Said::Err(bytes) => std::io::stderr().lock().write_all(bytes)?,
    }
    Ok(())
}

/// What comes on standard input, read by a thread of its own: nobody waits for
/// it when the command ends.
fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (told, heard) = mpsc::channel(8);
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        let mut input = std::io::stdin().lock();
        while let Ok(count) = input.read(&mut buffer) {
            if count == 0 || told.blocking_send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    heard
}

fn window() -> Option<Signal> {
    signal(SignalKind::window_change()).ok()
}

async fn changed(window: &mut Option<Signal>) {
    match window {
        Some(window) => drop(window.recv().await),
        None => std::future::pending().await,
    }
}

fn size() -> Terminal {
    let size = tcgetwinsize(std::io::stdout());
    let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
    Terminal { columns, rows }
}

/// The terminal without its own line editing, for as long as this lives.
struct Raw {
    before: Termios,
}

impl Raw {
    fn begin() -> Result<Self> {
        let failed = |error: rustix::io::Errno| Error::failed(format!("the terminal: {error}"));
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

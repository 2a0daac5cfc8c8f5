//! `hob-e2e-engine COMMAND…` runs a command that needs a Docker engine: with
//! the one that `DOCKER_HOST` names or that the machine has, else with one of
//! the tests' own, which ends with the command. `--own` before the command
//! takes one of the tests' own in any case.
//!
//! Its exit code is the command's; 4 where no engine can be had.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of the tests that starts others"
)]

use std::process::ExitCode;
use std::time::Duration;

use hob_e2e::containers::Client;
use hob_e2e::dockerd::{Dockerd, Network, Turn};
use hob_e2e::processes;
use rustix::process::Signal;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};

/// How long the command may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    let own = args.next_if(|it| it == "--own").is_some();
    let Some(program) = args.next() else {
        eprintln!("usage: hob-e2e-engine [--own] COMMAND…");
        return ExitCode::from(2);
    };
    // Whoever started this may be killed; then this ends too, with the engine.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    let own = match turn(own) {
        Ok(own) => own,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(4);
        }
    };
    // From here on this ends what it starts.
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        eprintln!("signals cannot be heard");
        return ExitCode::FAILURE;
    };
    let mut command = tokio::process::Command::new(program);
    command.args(args);
    let mut engine = None;
    if let Some(turn) = own {
        println!("starting a Docker engine for the tests");
        match Dockerd::start_in(&Dockerd::shared_folder(), Network::FIRST, turn) {
            Ok(started) => {
                command.env("DOCKER_HOST", started.client().host());
                engine = Some(started);
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(4);
            }
        }
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!(
                "{}: {error}",
                command.as_std().get_program().to_string_lossy()
            );
            return ExitCode::FAILURE;
        }
    };
    let told = tokio::select! {
        _ = child.wait() => None,
        _ = interrupt.recv() => Some(Signal::INT),
        _ = terminate.recv() => Some(Signal::TERM),
        _ = hangup.recv() => Some(Signal::HUP),
    };
    let code = end(&mut child, told).await;
    drop(engine);
    ExitCode::from(code)
}

/// The right to an engine of the tests' own, where one is wanted: in any case,
/// or because no other one answers.
fn turn(own: bool) -> Result<Option<Turn>, String> {
    if !own && Client::new().answers() {
        return Ok(None);
    }
    let named = std::env::var("DOCKER_HOST").unwrap_or_default();
    if !own && !named.is_empty() {
        return Err(format!("DOCKER_HOST is {named}, and nobody answers there"));
    }
    Network::FIRST.turn().map(Some)
}

/// The exit code of the command, which is told to go if this program was.
async fn end(child: &mut Child, told: Option<Signal>) -> u8 {
    if let (Some(signal), Some(pid)) = (told, child.id()) {
        processes::signal(pid, signal);
    }
    let limit = if told.is_some() { GRACE } else { Duration::MAX };
    let Ok(ended) = tokio::time::timeout(limit, child.wait()).await else {
        let _ = child.kill().await;
        return 1;
    };
    match (told, ended) {
        (Some(_), _) => 130,
        (None, Ok(status)) => status
            .code()
            .and_then(|it| u8::try_from(it).ok())
            .unwrap_or(1),
        (None, Err(_)) => 1,
    }
}

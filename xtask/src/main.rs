//! `hob`: the command line. Parses, dispatches, renders the one error, picks
//! the exit code. One file a verb in `verbs`; everything that is worth
//! testing without a terminal lives in the crates below `dev/`.

mod change;
mod cli;
mod context;
mod error;
mod fold;
mod ground;
mod keys;
mod output;
mod peer;
mod platform;
mod question;
mod render;
mod resolver;
mod running;
mod stage;
mod verbs;
mod versions;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::error::{Code, Error};
use crate::output::spoken;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    match args.nth(1).as_deref().and_then(|verb| verb.to_str()) {
        Some("agent") => return agent(args),
        Some("visit") => return visit(args),
        _ => {}
    }
    let mut command = Cli::command().after_help(spoken(cli::AFTER_HELP).into_owned());
    if output::is_xtask() {
        command = typed(command.bin_name("cargo xtask"));
    }
    let cli = match command
        .try_get_matches()
        .and_then(|found| Cli::from_arg_matches(&found))
    {
        Ok(cli) => cli,
        Err(error) => {
            // Help on stdout, mistakes on stderr; a closed pipe is no matter.
            let _ = error.print();
            return if error.use_stderr() {
                exit(Code::Usage)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match verbs::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.complain();
            exit(error.code)
        }
    }
}

/// Help with commands as the user would type them.
fn typed(mut command: clap::Command) -> clap::Command {
    let words = |text: &clap::builder::StyledStr| spoken(&text.to_string()).into_owned();
    if let Some(about) = command.get_about().map(words) {
        command = command.about(about);
    }
    command = command.mut_args(|arg| match arg.get_help().map(words) {
        Some(help) => arg.help(help),
        None => arg,
    });
    command.mut_subcommands(typed)
}

/// The supervisor of one service: hob starts it, a person never does, and it
/// must be there within milliseconds, so it goes past the command line.
fn agent(args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let result = match hob_agent::Options::parse(args) {
        Some(options) => hob_agent::run(&options).map_err(|error| Error::failed(error.to_string())),
        None => Err(Error::usage("`agent` is started by hob itself").hint("`hob up`")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.complain();
            exit(error.code)
        }
    }
}

/// A program beside a service's process, where that is: hob starts this inside
/// of a container, and what it says there is all that it says.
fn visit(args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let failure = hob_agent::visit::run(args);
    eprintln!("error: {failure}");
    ExitCode::from(failure.code())
}

fn exit(code: Code) -> ExitCode {
    ExitCode::from(code.number())
}

//! The agent as a program of its own, for places where hob itself is not.

use std::process::ExitCode;

use hob_agent::{Options, visit};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|verb| verb.to_str()) {
        Some("agent") => agent(args),
        Some("visit") => {
            let failure = visit::run(args);
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
        _ => usage(),
    }
}

fn agent(args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(options) = Options::parse(args) else {
        return usage();
    };
    match hob_agent::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: hob-agent agent {}", Options::USAGE);
    eprintln!("       hob-agent visit {}", visit::USAGE);
    ExitCode::from(2)
}

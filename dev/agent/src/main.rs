//! The agent as a program of its own, for places where hob itself is not: with
//! all the verbs that hob starts there, and none for people.

mod serve_files;

use std::ffi::OsString;
use std::process::ExitCode;

use hob_agent::{Options, visit};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|verb| verb.to_str()) {
        Some("agent") => agent(args),
        Some("visit") => {
            let failure = visit::run(args);
            complain(failure.to_string(), failure.code())
        }
        Some("serve-files") => match serve_files::run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => complain(message, 1),
        },
        _ => usage(),
    }
}

fn agent(args: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(options) = Options::parse(args) else {
        return usage();
    };
    match hob_agent::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.to_string(), 1),
    }
}

fn complain(message: String, code: u8) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}

fn usage() -> ExitCode {
    eprintln!("usage: hob-agent agent {}", Options::USAGE);
    eprintln!("       hob-agent visit {}", visit::USAGE);
    eprintln!("       hob-agent serve-files {}", serve_files::USAGE);
    ExitCode::from(2)
}

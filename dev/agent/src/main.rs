//! The agent as a program of its own, for places where hob itself is not.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(options) = hob_agent::Options::parse(std::env::args_os().skip(1)) else {
        eprintln!("usage: hob-agent {}", hob_agent::Options::USAGE);
        return ExitCode::from(2);
    };
    match hob_agent::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

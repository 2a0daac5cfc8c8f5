//! A service's programs at a person's terminal, without an agent: the same
//! arguments and environment, but the terminal's own input and output, and
//! none of the marks by which hob knows what it supervises. They run as that
//! person, whatever the spec's `user` says.

use std::path::Path;
use std::process::Command;

use hob_wire::{MARK_PROJECT, MARK_ROOT, MARK_SERVICE, Program, Spec};

use crate::environment::{self, Error};
use crate::process::Launch;

/// The build of a service into the folder `out`; none without one.
#[must_use]
pub fn build(spec: &Spec, out: &Path) -> Option<Command> {
    let program = spec.build.as_ref()?;
    Some(command(&environment::build(spec, program, out, "")))
}

/// The process of a service from the folder `out`, on the service's own port.
///
/// # Errors
/// A secret cannot be read.
pub fn run(spec: &Spec, out: &Path) -> Result<Command, Error> {
    any(spec, &spec.run, out)
}

/// Any program as if it were the service's.
///
/// # Errors
/// A secret cannot be read.
pub fn any(spec: &Spec, program: &Program, out: &Path) -> Result<Command, Error> {
    let secrets = environment::secrets(spec)?;
    let addr = spec.listen.map(|listen| listen.addr);
    Ok(command(&environment::process(
        spec, program, out, addr, &secrets, "",
    )))
}

fn command(launch: &Launch) -> Command {
    let marks = [MARK_PROJECT, MARK_SERVICE, MARK_ROOT];
    let (program, args) = launch
        .argv
        .split_first()
        .map_or(("", [].as_slice()), |(program, args)| {
            (program.as_str(), args)
        });
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(&launch.cwd)
        .env_clear()
        .envs(
            launch
                .env
                .iter()
                .filter(|(name, _)| !marks.contains(&name.as_str()))
                .cloned(),
        );
    command
}

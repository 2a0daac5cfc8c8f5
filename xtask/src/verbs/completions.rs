//! `completions`: a script for a shell.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::Result;

pub fn completions(shell: clap_complete::Shell) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hob", &mut script);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
    Ok(())
}

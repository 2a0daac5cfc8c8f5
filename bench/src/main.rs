//! `hob-bench`: what hob costs and saves on this machine.
//!
//! Each row of the table is one file in [`rows`]. A row brings a project of
//! its own up with the real `hob`, measures, and holds every figure against a
//! bare program that it measures in between, so that a busy machine or a slow
//! one changes both. Start reading with [`rows::ROWS`].
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement starts programs, reads clocks and writes files; its table is its output"
)]

mod compose;
mod dev;
mod dns;
mod docker;
mod http;
mod place;
mod poll;
mod process;
mod report;
mod rows;
mod stats;
mod stop;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

/// Measures hob on this machine against the bare programs, in one run.
#[derive(Debug, Parser)]
#[command(name = "hob-bench")]
struct Args {
    /// The rows to measure [default: all]
    names: Vec<String>,
    /// Fewer runs: for a quick look
    #[arg(long)]
    quick: bool,
    /// One JSON line a row on stdout
    #[arg(long)]
    json: bool,
    /// Fetch Docker Compose from a Debian mirror, into the user's cache, unless
    /// there is one
    #[arg(long)]
    with_compose: bool,
    /// The hob to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    hob: Option<PathBuf>,
}

/// What every row begins with.
pub struct Bench {
    /// The hob that is measured.
    hob: PathBuf,
    /// The small service of this package.
    service: PathBuf,
    /// Whether few runs must do.
    quick: bool,
    /// What the rows of containers are held against.
    compose: Option<compose::Compose>,
}

impl Bench {
    /// So many runs, fewer when quick ones are asked for.
    fn runs(&self, all: usize, quick: usize) -> usize {
        if self.quick { quick } else { all }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Says whether every row could be measured and left nothing behind.
fn run(args: &Args) -> Result<bool> {
    let beside = std::env::current_exe()?;
    let beside = beside.parent().unwrap_or(Path::new("/"));
    if args.with_compose && compose::Compose::find().is_none() {
        compose::Compose::fetch().context("cannot fetch Docker Compose")?;
    }
    let bench = Bench {
        hob: args.hob.clone().unwrap_or_else(|| beside.join("hob")),
        service: beside.join("hob-bench-service"),
        quick: args.quick,
        compose: compose::Compose::find(),
    };
    for program in [&bench.hob, &bench.service] {
        if !program.is_file() {
            bail!(
                "{} is not there; run `cargo xtask bench`",
                program.display()
            );
        }
    }
    let known: Vec<&str> = rows::ROWS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = args
        .names
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        bail!(
            "there is no row `{unknown}`; there are {}",
            known.join(", ")
        );
    }
    stop::on_interrupt().context("cannot wait for signals")?;
    if !args.json {
        println!("{}", report::head());
    }
    if let Some(load) = process::busy() {
        eprintln!(
            "the machine is busy (load {load}): figures are rough, above all p99. hob's services \
             have sessions of their own, which the scheduler may treat better than the bare \
             programs in this one; measure again when it is quiet"
        );
    }
    let mut good = true;
    let asked = |name: &str| args.names.is_empty() || args.names.iter().any(|it| it == name);
    for (name, measure) in rows::ROWS.iter().filter(|(name, _)| asked(name)) {
        eprintln!("measuring {name} …");
        match measure(&bench) {
            Ok(row) if args.json => println!("{}", row.json()),
            Ok(row) => println!("{}", row.table()),
            Err(error) => {
                good = false;
                eprintln!("error: {name}: {error:#}");
            }
        }
    }
    Ok(good)
}

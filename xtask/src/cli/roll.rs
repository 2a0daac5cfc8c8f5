//! The options of `roll`.

use clap::{Args, ValueEnum};
use hob_engine::Version;

use super::PortArgs;
use super::number::percent;

#[derive(Debug, Args)]
pub struct RollArgs {
    /// The service: it speaks HTTP, publishes no fixed port, keeps no volume, and is up (`hob up`)
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// How requests come to the new version
    #[arg(long, value_name = "STRATEGY", value_enum, default_value_t = Strategy::Rolling)]
    pub strategy: Strategy,
    /// What the new version is called, as in `SERVICE-VERSION`; that of the version before has it
    /// again [default: the next number]
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["abort", "back"])]
    pub to: Option<Version>,
    /// How many of 100 requests go to the new version, step by step, before all do [default: 50
    /// when rolling]
    #[arg(
        long,
        value_name = "PERCENT",
        value_delimiter = ',',
        value_parser = percent
    )]
    pub weights: Vec<u8>,
    /// How long each of these steps lasts; a version that does not answer meanwhile is undone
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub pause: humantime::Duration,
    /// Have the version before again, at once: nothing is built
    #[arg(long, conflicts_with_all = ["abort", "weights"])]
    pub back: bool,
    /// Stop an update that is under way and undo it, also one whose hob was killed; one that has
    /// moved all requests is finished
    #[arg(long, conflicts_with = "weights")]
    pub abort: bool,
    #[command(flatten)]
    pub ports: PortArgs,
}

/// How requests come to a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// Both versions answer for a while
    Rolling,
    /// All requests move at once
    BlueGreen,
}

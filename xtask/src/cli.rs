//! The command line: verbs, options and their help. Parses, nothing else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod number;
mod platform;
mod roll;

pub use roll::{RollArgs, Strategy};

pub use platform::{
    CaVerb, ClusterKind, DnsVerb, HostingPart, IngressVerb, PushArgs, RegistryVerb,
};

/// Brings local development environments up and keeps them hot: a saved file
/// is built and answered by new code at once, without a failed request.
#[derive(Debug, Parser)]
#[command(name = "hob", version, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What stands below the list of verbs.
pub const AFTER_HELP: &str = "Begin with `hob doctor`, then `hob dev`. Exit codes: 0 done; 1 an \
    operation failed; 2 usage or a stack file in error; 3 a service failed to build or become \
    ready; 4 something is not installed; 130 interrupted.";

/// Options of every verb.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The folder that holds `stacks/` [default: found upwards from here]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub project: Option<PathBuf>,
    /// Where services run: the best engine that is there, supervised processes of this machine, or
    /// containers of a Docker engine [default: HOB_ENGINE, else `engine` of hob.toml, else auto]
    #[arg(
        long,
        global = true,
        value_name = "ENGINE",
        help_heading = "Everywhere"
    )]
    pub engine: Option<Engine>,
    /// Print data as JSON lines on stdout
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Auto,
    Host,
    Docker,
}

impl Engine {
    /// As it is written behind `--engine`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Docker => "docker",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Bring services up with their sources and rebuild on each save
    Dev(DevArgs),
    /// Bring services up in their production form and return
    #[command(alias = "start")]
    Up(UpArgs),
    /// Take services down
    #[command(alias = "stop")]
    Down(DownArgs),
    /// Show what runs, where, and why not
    #[command(alias = "ps")]
    Status(StatusArgs),
    /// Show the logs of services
    Logs(LogsArgs),
    /// Build services, in Docker their images, without running them
    Build(BuildArgs),
    /// Run one service in its production form, in the foreground
    Run(RunArgs),
    /// Start new processes from what is built
    Restart(SomeArgs),
    /// Have a new version of a service take over at the ingress without a failed request
    Roll(RollArgs),
    /// Open a shell with a service's environment, in its folder or container
    Sh(OneArgs),
    /// Run a command with a service's environment, in its folder or container
    Exec(ExecArgs),
    /// Wait until what is on disk now is what answers
    Wait(WaitArgs),
    /// Show what `dev` or `up` would do, and why
    Plan(PlanArgs),
    /// Check the stack files
    Check(CheckArgs),
    /// Print the JSON schema of stack.toml or hob.toml
    Schema(SchemaArgs),
    /// List what is there, what is missing and the command that mends it
    Doctor(AllArgs),
    /// Install what `doctor` misses, after asking
    Setup(SetupArgs),
    /// A registry of this machine, and what is pushed to it
    #[command(subcommand)]
    Registry(RegistryVerb),
    /// One door to every service that is up, by name
    #[command(subcommand)]
    Ingress(IngressVerb),
    /// A resolver that knows every service that is up by name
    #[command(subcommand)]
    Dns(DnsVerb),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Measure hob on this machine, in ratios within one run
    Bench(BenchArgs),
    /// Run hob's own tests
    Test(TestArgs),
    /// Serve a folder's files (started by the agent)
    #[command(hide = true)]
    ServeFiles(ServeFilesArgs),
}

#[derive(Debug, Clone, Default, Args)]
pub struct NameArgs {
    /// Stacks, services, or stack/service [default: the only stack]
    #[arg(value_name = "STACK|SERVICE")]
    pub names: Vec<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct AllArgs {
    /// Stacks, services, or stack/service [default: the whole project]
    #[arg(value_name = "STACK|SERVICE")]
    pub names: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct PortArgs {
    /// Add this to every fixed `publish` port
    #[arg(long, value_name = "N", value_parser = number::offset, allow_negative_numbers = true)]
    pub port_offset: Option<u16>,
}

#[derive(Debug, Args)]
pub struct DevArgs {
    #[command(flatten)]
    pub names: NameArgs,
    #[command(flatten)]
    pub ports: PortArgs,
    /// Leave out what the services need and want
    #[arg(long)]
    pub only: bool,
    /// Leave the services running when the session ends
    #[arg(long)]
    pub keep: bool,
    /// Go on in the background; returns once what is on disk answers or failed,
    /// and goes on in either case
    #[arg(long, short)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct UpArgs {
    #[command(flatten)]
    pub names: NameArgs,
    #[command(flatten)]
    pub ports: PortArgs,
    /// Leave out what the services need and want
    #[arg(long)]
    pub only: bool,
}

#[derive(Debug, Args)]
pub struct DownArgs {
    #[command(flatten)]
    pub names: AllArgs,
    /// Remove what is kept, too: volumes, caches, built images and last logs
    #[arg(long)]
    pub volumes: bool,
    /// Afterwards list everything that carries this project's mark; fail unless it is nothing
    #[arg(long)]
    pub prove: bool,
    /// Every project whose state is in your state home, not only this one, after asking
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Do not ask, with `--all`
    #[arg(long, short, requires = "all")]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub names: AllArgs,
    /// Show changes until interrupted
    #[arg(long, short)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub names: NameArgs,
    /// Go on with the lines to come
    #[arg(long, short)]
    pub follow: bool,
    /// Only lines of the last while (`10m`, `2h`) or since a time (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// At most this many stored lines of each service
    #[arg(long, short = 'n', value_name = "LINES", value_parser = number::count::<u32>, allow_negative_numbers = true)]
    pub tail: Option<u32>,
}

#[derive(Debug, Args)]
pub struct SomeArgs {
    #[command(flatten)]
    pub names: NameArgs,
}

#[derive(Debug, Args)]
pub struct OneArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    pub names: NameArgs,
    /// Build what `dev` runs, and not the production form
    #[arg(long)]
    pub dev: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    #[command(flatten)]
    pub ports: PortArgs,
}

#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub timeout: humantime::Duration,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub names: NameArgs,
    #[command(flatten)]
    pub ports: PortArgs,
    /// What the plan is for
    #[arg(long = "for", value_name = "VERB", default_value = "dev")]
    pub purpose: Purpose,
    /// Leave out what the services need and want
    #[arg(long)]
    pub only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    Dev,
    Up,
    Down,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The stack [default: all]
    #[arg(value_name = "STACK")]
    pub stack: Option<String>,
    /// Print the file as it is after stack.local.toml and .env, secrets masked
    #[arg(long)]
    pub effective: bool,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The file that it is of
    #[arg(value_name = "FILE", default_value = "stack.toml")]
    pub file: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    #[value(name = "stack.toml")]
    Stack,
    #[value(name = "hob.toml")]
    Project,
}

#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    pub names: AllArgs,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The benchmarks to run [default: all]
    pub names: Vec<String>,
    /// Fewer runs: for a quick look
    #[arg(long)]
    pub quick: bool,
    /// Fetch Docker Compose from a Debian mirror, into the user's cache, unless
    /// there is one
    #[arg(long)]
    pub with_compose: bool,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Leave out the browser and end-to-end tests
    #[arg(long)]
    pub fast: bool,
    /// Run only tests whose name contains this
    pub filter: Option<String>,
}

#[derive(Debug, Args)]
pub struct ServeFilesArgs {
    /// The folder
    #[arg(long)]
    pub root: PathBuf,
    /// The server: `built-in` or `nginx`
    #[arg(long)]
    pub with: String,
}

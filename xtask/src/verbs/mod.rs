//! One file a verb. Each takes the caller's context and its own arguments,
//! and returns when it is done.

mod bench;
mod build;
mod changes;
mod check;
mod completions;
mod containers;
pub mod dev;
mod dns;
mod doctor;
pub mod down;
mod exec;
mod ingress;
mod logs;
mod plan;
mod registry;
mod restart;
mod roll;
mod run;
mod serve_files;
mod setup;
pub mod status;
mod test;
pub mod up;
mod wait;

use crate::cli::{Cli, Verb};
use crate::context::{Context, block_on};
use crate::error::Result;

/// Does what was asked for.
pub fn run(cli: Cli) -> Result {
    let context = Context::new(cli.global);
    match cli.verb {
        Verb::Dev(args) => block_on(dev::dev(&context, args)),
        Verb::Up(args) => block_on(up::up(&context, args)),
        Verb::Down(args) => block_on(down::down(&context, args)),
        Verb::Status(args) => block_on(status::status(&context, args)),
        Verb::Logs(args) => block_on(logs::logs(&context, args)),
        Verb::Build(args) => block_on(build::build(&context, args)),
        Verb::Run(args) => block_on(run::run(&context, args)),
        Verb::Restart(args) => block_on(restart::restart(&context, args)),
        Verb::Roll(args) => block_on(roll::roll(&context, args)),
        Verb::Sh(args) => block_on(exec::sh(&context, args)),
        Verb::Exec(args) => block_on(exec::exec(&context, args)),
        Verb::Wait(args) => block_on(wait::wait(&context, args)),
        Verb::Plan(args) => block_on(plan::plan(&context, args)),
        Verb::Check(args) => check::check(&context, &args),
        Verb::Schema(args) => check::schema(&context, &args),
        Verb::Doctor(args) => block_on(doctor::doctor(&context, args)),
        Verb::Setup(args) => block_on(setup::setup(&context, args)),
        Verb::Ingress(verb) => block_on(ingress::ingress(&context, verb)),
        Verb::Dns(verb) => block_on(dns::dns(&context, verb)),
        Verb::Registry(verb) => block_on(registry::registry(&context, verb)),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Bench(args) => bench::bench(&context, args),
        Verb::Test(args) => test::test(&context, args),
        Verb::ServeFiles(args) => serve_files::serve_files(args),
    }
}

//! `build`: the build of services, without running them.

#![expect(
    clippy::disallowed_methods,
    reason = "what a build took is measured where it is shown"
)]

use std::time::Instant;

use console::style;
use hob_wire::Mode;

use crate::cli::BuildArgs;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::ground::spec_of;
use crate::verbs::containers::images;

pub async fn build(context: &Context, args: BuildArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let services = loading.select(&args.names.names)?;
    let engine = loading.engine(context)?;
    let mode = if args.dev { Mode::Dev } else { Mode::Run };
    if engine.containers().is_some() {
        return images::build(context, &loading, &engine, &services, mode).await;
    }
    let mut worst = Ok(());
    for id in &services {
        let spec = match spec_of(&engine, &loading, id, mode, 0).await {
            Ok(spec) => spec,
            Err(error) => {
                context.output.say(error.render().trim_end());
                worst = Err(Error::said(error.code));
                continue;
            }
        };
        let out = tempfile::tempdir()?;
        let Some(mut command) = hob_agent::foreground::build(&spec, out.path()) else {
            context
                .output
                .say(format!("{} {id} needs no build", style("·").dim()));
            continue;
        };
        let began = Instant::now();
        match command.status() {
            Ok(status) if status.success() => {
                let took = style(format!("after {:.2} s", began.elapsed().as_secs_f32())).dim();
                context
                    .output
                    .say(format!("{} {id} builds {took}", style("✓").green()));
            }
            Ok(status) => {
                let red = style("✗").red().bold();
                context
                    .output
                    .say(format!("{red} {id} does not build: {status}"));
                worst = Err(Error::said(Code::Service));
            }
            Err(error) => {
                let program = command.get_program().to_string_lossy().into_owned();
                return Err(Error::failed(format!("cannot start `{program}`: {error}")));
            }
        }
    }
    worst
}

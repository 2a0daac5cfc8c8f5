//! `bench`: hands over to `hob-bench`, which measures a release build of this
//! hob.
use std::os::unix::process::CommandExt;
use std::process::Command;

use xshell::{Shell, cmd};

use crate::cli::BenchArgs;
use crate::context::Context;
use crate::error::{Error, Result};

pub fn bench(context: &Context, args: BenchArgs) -> Result {
    let root = super::test::workspace().map_err(|_| {
        Error::usage("hob's own sources are not where this program was built")
            .hint("run `cargo xtask bench` in a clone of hob")
    })?;
    let shell = Shell::new().map_err(anyhow::Error::from)?;
    shell.change_dir(&root);
    // A figure of a debug build says nothing. Both programs of the second
    // package are needed, and `cargo run` would build only one of them.
    for package in ["xtask", "hob-bench"] {
        cmd!(shell, "cargo build --quiet --release --package {package}")
            .quiet()
            .run()
            .map_err(anyhow::Error::from)?;
    }
    let mut options = args.names;
    options.extend(args.quick.then(|| "--quick".to_owned()));
    options.extend(args.with_compose.then(|| "--with-compose".to_owned()));
    options.extend(context.output.json.then(|| "--json".to_owned()));
    let run = cmd!(
        shell,
        "cargo run --quiet --release --package hob-bench -- {options...}"
    );
    // In this process's place, so that Ctrl-C is answered once everything
    // that was started is gone, and not before.
    let error = Command::from(run).current_dir(&root).exec();
    Err(Error::failed(format!("cannot start `cargo`: {error}")))
}

//! `doctor`: what hob relies on, what of it is there, and the command that
//! mends what is not.
//!
//! `look` reads the machine and the project into [`Facts`] and judges nothing;
//! `checks` judges and is pure; `show` makes lines of it. `setup` begins with
//! the same facts. Start with [`doctor`].

mod checks;
mod facts;
mod folders;
mod look;
mod machine;
mod ports;
mod programs;
mod show;
#[cfg(test)]
pub mod written;

use crate::cli::NameArgs;
use crate::context::Context;
use crate::error::{Code, Error, Result};

pub use checks::{
    Check, INSTANCES_KEY, State, WATCHES_KEY, absent, checks, counted, instances_wanted, listed,
    watches_wanted,
};
pub use facts::{Facts, Installer, Limit, Program};
pub use look::look;
pub use show::show;

pub async fn doctor(context: &Context, args: NameArgs) -> Result {
    let facts = look(context, &args.names).await?;
    let checks = checks(&facts);
    show(context, &checks)?;
    verdict(context, &checks, &args.names)
}

/// The last line, and whether anything is missing that is needed.
fn verdict(context: &Context, checks: &[Check], names: &[String]) -> Result {
    let missing = checks.iter().filter(|it| it.state == State::Missing);
    match missing.count() {
        0 => {
            context.output.say("nothing that is needed is missing");
            Ok(())
        }
        count => {
            let setup: Vec<&str> = ["hob setup"]
                .into_iter()
                .chain(names.iter().map(String::as_str))
                .collect();
            let what = counted(count, "thing is missing", "things are missing");
            context
                .output
                .say(format!("{what}: `{}` mends what it can", setup.join(" ")));
            Err(Error::said(Code::Missing))
        }
    }
}

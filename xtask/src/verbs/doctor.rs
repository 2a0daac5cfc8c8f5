//! `doctor`: what hob relies on, what of it is there, and the command that
//! mends what is not.
//!
//! `look` reads the machine and the project into [`Facts`] and judges nothing;
//! `checks` judges and is pure; `show` makes lines of it. `setup` begins with
//! the same facts. Start with [`doctor`].

mod checks;
mod docker;
pub mod facts;
mod folders;
mod look;
mod machine;
mod ports;
mod programs;
mod show;
mod surroundings;
mod words;
#[cfg(test)]
pub mod written;

use crate::cli::AllArgs;
use crate::context::Context;
use crate::error::{Code, Error, Result};

pub use checks::{
    Check, INSTANCES_KEY, State, WATCHES_KEY, absent, checks, instances_wanted, is_installable,
    silent, watches_wanted,
};
pub use docker::version;
pub use facts::{Docker, Facts, Found, Installer, Limit, Need, Program, Silence};
pub use look::look;
pub use show::show;
pub use words::{counted, listed};

pub async fn doctor(context: &Context, args: AllArgs) -> Result {
    let facts = look(context, &args.names).await?;
    let checks = checks(&facts);
    show(context, &checks)?;
    verdict(context, &facts, &checks, &args.names)
}

/// The last lines, and whether anything is missing that is needed. Mistakes in
/// the stack files come before it: what a file in error needs is not known.
fn verdict(context: &Context, facts: &Facts, checks: &[Check], names: &[String]) -> Result {
    let found = missing(context, facts, checks, names);
    no_mistakes(context, facts).and(found)
}

/// What to type for a `setup` of the same.
pub fn setup(context: &Context, names: &[String]) -> String {
    let mut words = vec!["hob", "setup"];
    words.extend(names.iter().map(String::as_str));
    if let Some(engine) = context.global.engine {
        words.extend(["--engine", engine.word()]);
    }
    words.join(" ")
}

/// Says how many mistakes the stack files have, which is an error.
pub fn no_mistakes(context: &Context, facts: &Facts) -> Result {
    match facts.project.as_ref().map_or(0, |stacks| stacks.errors) {
        0 => Ok(()),
        errors => {
            let errors = counted(errors, "mistake", "mistakes");
            let words = format!("the stack files have {errors}: `hob check`");
            context.output.say(words);
            Err(Error::said(Code::Usage))
        }
    }
}

fn missing(context: &Context, facts: &Facts, checks: &[Check], names: &[String]) -> Result {
    let missing = checks.iter().filter(|it| it.state == State::Missing);
    let count = missing.count();
    if count == 0 {
        context.output.say("nothing that is needed is missing");
        return Ok(());
    }
    let what = counted(count, "thing is missing", "things are missing");
    let docker = is_installable(facts) || silent(facts).is_some_and(|docker| docker.installed);
    let known = absent(facts).any(|program| program.package.is_some());
    let mends = facts.installer.apt && known || docker;
    context.output.say(if mends {
        format!("{what}; `{}` installs what it can", setup(context, names))
    } else {
        what
    });
    Err(Error::said(Code::Missing))
}

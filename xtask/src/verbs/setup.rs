//! `setup`: does what `doctor` misses, after asking.
//!
//! `actions` decides and is pure; `perform` acts and decides nothing. In
//! between stands the question. Start with [`setup`].

mod actions;
mod perform;

use console::style;

pub use self::actions::{Action, daemons};
use self::actions::{Todo, todo};
pub use self::perform::perform;
use super::doctor::{State, checks, look, no_mistakes, setup as again, show};
use crate::cli::{AllArgs, SetupArgs};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::question::{Answer, ask};
use crate::stage::Stage;

pub async fn setup(context: &Context, args: SetupArgs) -> Result {
    let facts = look(context, &args.names.names).await?;
    let todo = todo(&facts);
    if todo.actions.is_empty() {
        let missing = checks(&facts).iter().any(|it| it.state == State::Missing);
        if !missing && todo.blocked.is_empty() {
            // What a file in error needs is not known.
            no_mistakes(context, &facts)?;
            context
                .output
                .say("there is nothing to do: nothing that is needed is missing");
            return Ok(());
        }
    }
    announce(context, &todo)?;
    if todo.actions.is_empty() {
        return left(context, &args.names, true).await;
    }
    match ask(context, "do this?", args.yes) {
        Answer::Yes => {}
        Answer::No => {
            context.output.say("nothing was done");
            return Err(Error::said(Code::Missing));
        }
        Answer::Nobody => {
            let error = "nothing was done: there is no terminal to ask at";
            let again = again(context, &args.names.names);
            return Err(Error::new(Code::Missing, error).hint(format!("`{again} --yes` does it")));
        }
    }
    let performed = perform(&todo.actions, &Stage::new(context.output)).await;
    if let Err(error) = &performed {
        if error.code == Code::Interrupted {
            return performed;
        }
        context.output.say(error.render().trim_end());
    }
    left(context, &args.names, performed.is_ok()).await
}

/// Says what would be done, and what cannot be.
fn announce(context: &Context, todo: &Todo) -> Result {
    if context.output.json {
        for action in &todo.actions {
            context.output.value(&serde_json::json!({
                "protocol": hob_wire::PROTOCOL,
                "action": { "what": action.what, "command": action.command() } }))?;
        }
    } else {
        for action in &todo.actions {
            context
                .output
                .data(format!("{} {}", style("→").cyan(), action.what))?;
            let command = style(format!("`{}`", action.command())).cyan();
            context.output.data(format!("  {command}"))?;
        }
    }
    for words in &todo.blocked {
        context.output.say(format!(
            "{} {words}",
            style("!").for_stderr().yellow().bold()
        ));
    }
    Ok(())
}

/// Looks again and shows what is left.
async fn left(context: &Context, names: &AllArgs, performed: bool) -> Result {
    let facts = look(context, &names.names).await?;
    let mut checks = checks(&facts);
    checks.retain(|check| check.state != State::Ok);
    let missing = checks
        .iter()
        .filter(|check| check.state == State::Missing)
        .count();
    if !checks.is_empty() {
        context.output.say("what is left:");
        show(context, &checks)?;
    }
    match (missing, performed) {
        (0, true) => {
            no_mistakes(context, &facts)?;
            context.output.say("nothing that is needed is missing");
            Ok(())
        }
        (0, false) => Err(Error::said(Code::Failed)),
        _ => Err(Error::said(Code::Missing)),
    }
}

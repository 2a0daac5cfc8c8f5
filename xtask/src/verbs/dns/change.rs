//! `dns install` and `dns uninstall`: shows what would be changed, asks, does
//! it step by step and says how it went. What is decided is `hob-resolver`'s.

use console::style;
use hob_resolver::check::Reach;
use hob_resolver::uninstall as undo_of;
use hob_resolver::{Changed, Command, Place, Plan, Refusal, Step, Undo, install as plan_of};

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::question::{Answer, ask};
use crate::resolver::{Resolver, apply_error, as_root, reach};
use crate::stage::Stage;
use crate::verbs::setup::{Action, perform};

pub async fn install(context: &Context, yes: bool) -> Result {
    let resolver = find(context)?;
    let plan = plan_of(&resolver.facts, &resolver.domains, resolver.server);
    let plan = plan.map_err(|refusal| refused(context, &refusal))?;
    show_plan(context, &plan)?;
    consent(context, "install", yes)?;
    let steps = plan.steps(resolver.record());
    if let Err(error) = carry_out(context, &resolver.place, &steps).await {
        return Err(error.hint("`hob dns uninstall` puts back what was done"));
    }
    verify(context, &resolver).await?;
    context
        .output
        .say("`hob dns uninstall` puts every byte back");
    Ok(())
}

pub async fn uninstall(context: &Context, yes: bool) -> Result {
    let resolver = find(context)?;
    let Some(record) = resolver.record() else {
        context
            .output
            .say("nothing of this machine's resolver was changed");
        return Ok(());
    };
    let undo = undo_of(record, &resolver.facts).map_err(|changed| kept(context, &changed))?;
    show_undo(context, &undo)?;
    consent(context, "uninstall", yes)?;
    carry_out(context, &resolver.place, &undo.steps())
        .await
        .map_err(|error| error.hint("`hob dns uninstall` once more does the rest"))?;
    let mark = style("✓").for_stderr().green();
    context
        .output
        .say(format!("{mark} this machine's resolver is as it was"));
    Ok(())
}

fn find(context: &Context) -> Result<Resolver> {
    Resolver::find(context)?.ok_or_else(|| {
        let error = Error::failed("hob's resolver was never asked for by this user");
        error
            .hint("`hob dns up` brings it up")
            .hint("with sudo, `--preserve-env=HOME,XDG_DATA_HOME` keeps the user's")
    })
}

fn refused(context: &Context, refusal: &Refusal) -> Error {
    if let Refusal::InTheWay { text, .. } = refusal {
        text.lines()
            .for_each(|line| context.output.say(format!("  {line}")));
    }
    let mut error = Error::failed(refusal.to_string());
    error.hints = refusal.hints();
    error
}

fn kept(context: &Context, changed: &Changed) -> Error {
    for line in changed.shown().lines() {
        context.output.say(coloured(line));
    }
    Error::failed(changed.to_string())
        .hint("put it back to what it was, or remove it, then `hob dns uninstall`")
}

fn show_plan(context: &Context, plan: &Plan) -> Result {
    if context.output.json {
        for edit in &plan.edits {
            say_action(context, "write", &edit.path.display().to_string())?;
        }
        for command in &plan.commands {
            say_action(context, &command.what, &action(command).command())?;
        }
    } else {
        for line in plan.shown().lines() {
            context.output.data(coloured(line))?;
        }
        show_commands(context, &plan.commands)?;
    }
    for warning in &plan.warnings {
        let mark = style("!").for_stderr().yellow().bold();
        context.output.say(format!("{mark} {warning}"));
    }
    Ok(())
}

fn show_undo(context: &Context, undo: &Undo) -> Result {
    if context.output.json {
        for (path, _) in &undo.restores {
            say_action(context, "restore", &path.display().to_string())?;
        }
        return Ok(());
    }
    show_commands(context, &undo.first)?;
    for (path, entry) in &undo.restores {
        context.output.data(path.display().to_string())?;
        match entry.shown() {
            before if before.is_empty() => context.output.data("- (all of it)")?,
            before => {
                for line in before.lines() {
                    context.output.data(coloured(&format!("+ {line}")))?;
                }
            }
        }
    }
    show_commands(context, &undo.after)
}

fn show_commands(context: &Context, commands: &[Command]) -> Result {
    for command in commands {
        let what = format!("{} {}", style("→").cyan(), command.what);
        context.output.data(what)?;
        let command = format!("`{}`", action(command).command());
        context
            .output
            .data(format!("  {}", style(command).cyan()))?;
    }
    Ok(())
}

fn say_action(context: &Context, what: &str, command: &str) -> Result {
    let action = serde_json::json!({ "what": what, "command": command });
    let line = serde_json::json!({ "protocol": hob_wire::PROTOCOL, "action": action });
    Ok(context.output.value(&line)?)
}

fn coloured(line: &str) -> String {
    match line.as_bytes().first() {
        Some(b'+') => style(line).green().to_string(),
        Some(b'-') => style(line).red().to_string(),
        _ => line.to_owned(),
    }
}

/// Yes, or the error that says why not.
fn consent(context: &Context, verb: &str, yes: bool) -> Result {
    if !rustix::process::geteuid().is_root() {
        let error =
            Error::failed("nothing of this machine's resolver was changed: this takes root");
        return Err(as_root(error, verb));
    }
    match ask(context, "do this?", yes) {
        Answer::Yes => Ok(()),
        Answer::No => {
            context.output.say("nothing was done");
            Err(Error::said(Code::Failed))
        }
        Answer::Nobody => {
            let error = Error::usage("nothing was done: there is no terminal to ask at");
            Err(error.hint(format!("`hob dns {verb} --yes` does it")))
        }
    }
}

/// One after the other; the first that fails ends it.
async fn carry_out(context: &Context, place: &Place, steps: &[Step]) -> Result {
    let stage = Stage::new(context.output);
    for step in steps {
        match step {
            Step::Run(command) => {
                let done = perform(&[action(command)], &stage).await;
                match done {
                    Err(error) if !command.may_fail || error.code == Code::Interrupted => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            step => place.perform(step).map_err(apply_error)?,
        }
    }
    Ok(())
}

fn action(command: &Command) -> Action {
    Action {
        what: command.what.clone(),
        argv: command.argv.clone(),
        input: None,
        follows: false,
        answers: None,
    }
}

/// Asks as any program would.
async fn verify(context: &Context, resolver: &Resolver) -> Result {
    if !resolver.listens() {
        let words = "installed; nobody answers yet: `hob dns up`";
        context.output.say(words);
        return Ok(());
    }
    for domain in &resolver.domains {
        let why = match reach(domain).await {
            Reach::Reaches => {
                let mark = style("✓").for_stderr().green();
                let words = "is asked at hob's resolver";
                context.output.say(format!("{mark} {domain} {words}"));
                continue;
            }
            Reach::Elsewhere(addresses) => format!("somebody else answers {addresses:?}"),
            Reach::Nowhere(why) => why,
        };
        let error = format!("it is installed, and questions for {domain} do not arrive: {why}");
        return Err(Error::failed(error)
            .hint("`hob dns up` here has hob's resolver know the domain")
            .hint("`hob dns uninstall` puts every byte back"));
    }
    Ok(())
}

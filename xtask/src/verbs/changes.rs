//! What the verbs that change this machine have in common: how a change is
//! shown, asked about and carried out. What is decided is not theirs.

use console::style;
use hob_changes::{ApplyError, Changed, Changes, Command, Place, Step, Undo};

use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::question::{Answer, ask};
use crate::stage::Stage;
use crate::verbs::setup::{Action, perform};

/// Files, then commands, then what a person should know.
pub fn show_plan(context: &Context, changes: &Changes) -> Result {
    if context.output.json {
        for edit in &changes.edits {
            say_action(context, "write", &edit.path.display().to_string())?;
        }
        for command in &changes.commands {
            say_action(context, &command.what, &action(command).command())?;
        }
    } else {
        for line in changes.shown().lines() {
            context.output.data(coloured(line))?;
        }
        show_commands(context, &changes.commands)?;
    }
    for warning in &changes.warnings {
        let mark = style("!").for_stderr().yellow().bold();
        context.output.say(format!("{mark} {warning}"));
    }
    Ok(())
}

/// Commands, files, commands: the reverse.
pub fn show_undo(context: &Context, undo: &Undo) -> Result {
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

/// Yes, or the error that says why not; `what` is not changed then, `verb` does
/// it.
pub fn consent(context: &Context, what: &str, verb: &str, yes: bool) -> Result {
    if !rustix::process::geteuid().is_root() {
        let error = Error::failed(format!("nothing of {what} was changed: this takes root"));
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
            Err(error.hint(format!("`hob {verb} --yes` does it")))
        }
    }
}

/// One after the other; the first that fails ends it.
pub async fn carry_out(context: &Context, place: &Place, steps: &[Step], verb: &str) -> Result {
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
            step => place.perform(step).map_err(|it| apply_error(it, verb))?,
        }
    }
    Ok(())
}

/// That somebody has changed a file since, with what it was and is; `verb` is
/// what is typed once more.
pub fn kept(context: &Context, changed: &Changed, verb: &str) -> Error {
    for line in changed.shown().lines() {
        context.output.say(coloured(line));
    }
    Error::failed(changed.to_string()).hint(format!(
        "put it back to what it was, or remove it, then `hob {verb}`"
    ))
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

fn action(command: &Command) -> Action {
    Action {
        what: command.what.clone(),
        argv: command.argv.clone(),
        input: None,
        follows: false,
        answers: None,
    }
}

/// The error of a step, with what to type where it takes root.
fn apply_error(error: ApplyError, verb: &str) -> Error {
    match error {
        ApplyError::Denied(_) => as_root(Error::failed(error.to_string()), verb),
        error => Error::from(anyhow::Error::from(error)),
    }
}

/// What to type to do the same as root: with this user's folders, in which it
/// is noted, and with this program, which root may not find.
fn as_root(error: Error, verb: &str) -> Error {
    let program = std::env::current_exe();
    let program = program.map_or_else(|_| "hob".to_owned(), |it| it.display().to_string());
    error.hint(format!(
        "`sudo --preserve-env=HOME,XDG_DATA_HOME {program} {verb}`"
    ))
}

//! `check` and `schema`: what the stack files say, and may say.

use hob_stack::{Diagnostic, Severity, StackName};

use super::doctor::counted;
use crate::cli::{CheckArgs, SchemaArgs, SchemaOf};
use crate::context::Context;
use crate::error::{Code, Error, Result};

pub fn check(context: &Context, args: &CheckArgs) -> Result {
    let root = context.root()?;
    let loaded = hob_stack::Project::load(&root, &context.environment);
    let Some(name) = &args.stack else {
        context.diagnose(&loaded.diagnostics);
        if loaded.has_errors() {
            return Err(Error::said(Code::Usage));
        }
        if let Some(project) = &loaded.project {
            if args.effective {
                for stack in project.stacks.keys() {
                    effective(context, &loaded, stack)?;
                }
            } else {
                summary(context, project)?;
            }
            let services = project.services().count();
            verdict(context, services, project.stacks.len(), &loaded.diagnostics)?;
        }
        return Ok(());
    };
    let stacks = root.join("stacks");
    let folder = stacks.join(name);
    let of_stack: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|it| {
            !it.place.file.path.starts_with(&stacks) || it.place.file.path.starts_with(&folder)
        })
        .cloned()
        .collect();
    context.diagnose(&of_stack);
    if of_stack.iter().any(Diagnostic::is_error) {
        return Err(Error::said(Code::Usage));
    }
    let known = loaded
        .project
        .iter()
        .flat_map(|project| project.stacks.values());
    let Some(stack) = known.into_iter().find(|stack| stack.name.as_str() == name) else {
        return Err(Error::usage(format!("there is no stack `{name}`")).hint("`hob check`"));
    };
    if args.effective {
        return effective(context, &loaded, &stack.name);
    }
    verdict(context, stack.services.len(), 1, &of_stack)
}

/// The last line: what was checked, and what is worth knowing of it.
fn verdict(context: &Context, services: usize, stacks: usize, told: &[Diagnostic]) -> Result {
    if stacks == 0 {
        let error = Error::usage("there is no stack to check");
        return Err(
            error.hint("create `stacks/NAME/stack.toml`; `hob schema` says what it may hold")
        );
    }
    let warnings = told.iter().filter(|it| it.severity == Severity::Warning);
    let mistakes = match warnings.count() {
        0 => "no mistakes".to_owned(),
        warnings => counted(warnings, "warning", "warnings"),
    };
    let services = counted(services, "service", "services");
    let stacks = counted(stacks, "stack", "stacks");
    context
        .output
        .say(format!("{services} in {stacks}, {mistakes}"));
    Ok(())
}

fn summary(context: &Context, project: &hob_stack::Project) -> Result {
    for stack in project.stacks.values() {
        let names: Vec<&str> = stack
            .services
            .keys()
            .map(hob_stack::ServiceName::as_str)
            .collect();
        if context.output.json {
            context.output.value(&serde_json::json!({
                "protocol": hob_wire::PROTOCOL, "stack": stack.name, "services": names }))?;
        } else {
            context
                .output
                .data(format!("{}: {}", stack.name, names.join(", ")))?;
        }
    }
    Ok(())
}

fn effective(context: &Context, loaded: &hob_stack::Loaded, name: &StackName) -> Result {
    let text = loaded.effective(name).unwrap_or_default();
    context.output.data(text.trim_end())?;
    Ok(())
}

pub fn schema(context: &Context, args: &SchemaArgs) -> Result {
    let schema = match args.file {
        SchemaOf::Stack => hob_stack::json_schema(),
        SchemaOf::Project => hob_stack::project_schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?;
    context.output.data(text)?;
    Ok(())
}

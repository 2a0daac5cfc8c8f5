//! `down --all`: every project whose state is in the caller's state home, after
//! asking. Those of another state home are named and left alone.

use hob_engine::{Engine, Known, LeftoverKind, ProjectRef, Scope};

use super::{kept, show, take_down};
use crate::cli::DownArgs;
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::question::{Answer, ask};
use crate::resolver::{noted, noted_files};
use crate::verbs::{dns, ingress};

pub async fn all(context: &Context, args: &DownArgs) -> Result {
    let surroundings = context.surroundings()?;
    let failed = |error: hob_engine::PathsError| Error::failed(error.to_string());
    let known = Engine::known_projects(&surroundings).await;
    let Known { own, others } = known.map_err(failed)?;
    for other in &others {
        context.output.say(format!(
            "left alone, its state is in another state home: {}",
            shown(other)
        ));
    }
    // Kept logs alone are nothing to take down.
    let mut there = Vec::new();
    for project in own {
        if args.volumes || is_there(context, &project).await {
            there.push(project);
        }
    }
    let own = there;
    let sent = noted(context);
    let trusted = ingress::noted(context);
    if own.is_empty() && sent.is_none() && trusted.is_none() {
        context.output.say("nothing of hob is up here");
        if args.prove {
            show_kept(context);
        }
        return Ok(());
    }
    let list: Vec<String> = own.iter().map(shown).collect();
    let resolver = sent.map(|record| {
        let domains: Vec<String> = record.domains.iter().map(ToString::to_string).collect();
        let domains = domains.join(", ");
        format!("what sends {domains} to hob in this machine's resolver")
    });
    let trust = trusted.map(|noted| format!("{} in what this machine trusts", noted.name));
    let again = match args.volumes {
        true => "hob down --all --volumes --yes",
        false => "hob down --all --yes",
    };
    if !args.yes {
        context.output.say("this takes down:");
        list.iter()
            .chain(&resolver)
            .chain(&trust)
            .for_each(|project| context.output.say(format!("  {project}")));
    }
    match ask(context, "do this?", args.yes) {
        Answer::Yes => {}
        Answer::No => {
            context.output.say("nothing was done");
            return Err(Error::said(Code::Failed));
        }
        Answer::Nobody => {
            let error = Error::usage("nothing was done: there is no terminal to ask at");
            return Err(error.hint(format!("`{again}` takes them down")));
        }
    }
    let mut worst = Ok(());
    if resolver.is_some()
        && let Err(error) = dns::uninstall(context, true).await
    {
        context.output.say(error.render().trim_end());
    }
    if trust.is_some()
        && let Err(error) = ingress::uninstall(context, true).await
    {
        context.output.say(error.render().trim_end());
    }
    for (project, shown) in own.into_iter().zip(list) {
        context.output.say(format!("project {shown}"));
        let engines = context.engines(project, None).await?;
        let result = take_down(context, &engines, &Scope::Project, args).await;
        worst = worst.and(result);
    }
    if args.prove {
        worst.and(not_noted(context))?;
        show_kept(context);
        return Ok(());
    }
    worst
}

fn show_kept(context: &Context) {
    let lines = kept::of_surroundings(context);
    lines.iter().for_each(|line| context.output.say(line));
}

/// That nothing of this machine's resolver, and of what it trusts, is changed
/// any more.
fn not_noted(context: &Context) -> Result {
    let (sent, trusted) = (noted_files(context), ingress::noted_files(context));
    for file in sent.iter().chain(&trusted) {
        show(context, LeftoverKind::File, &file.display().to_string())?;
    }
    if !sent.is_empty() {
        let error = Error::failed("this machine's resolver still sends names to hob");
        return Err(error.hint("`hob dns uninstall` puts every byte back"));
    }
    if !trusted.is_empty() {
        let error = Error::failed("this machine still trusts hob's certificate authority");
        return Err(error.hint("`hob ingress ca uninstall` takes that back"));
    }
    Ok(())
}

/// Whether there is anything of a project, kept logs aside.
async fn is_there(context: &Context, project: &ProjectRef) -> bool {
    let engines = context.engines(project.clone(), None).await;
    for engine in engines.unwrap_or_default() {
        let left = engine.prove().await;
        let left = left.unwrap_or_else(|_| engine.prove_here());
        if left.iter().any(|it| it.kind != LeftoverKind::Log) {
            return true;
        }
    }
    false
}

/// A project as people know it.
fn shown(project: &ProjectRef) -> String {
    if project.root.as_os_str().is_empty() {
        return format!("{} (nobody noted its folder)", project.id);
    }
    project.root.display().to_string()
}

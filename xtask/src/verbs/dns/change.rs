//! `dns install` and `dns uninstall`: shows what would be changed, asks, does
//! it step by step and says how it went. What is decided is `hob-resolver`'s.

use console::style;
use hob_resolver::check::Reach;
use hob_resolver::uninstall as undo_of;
use hob_resolver::{Refusal, install as plan_of};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::resolver::{Resolver, reach};
use crate::verbs::changes::{carry_out, consent, kept, show_plan, show_undo};

const WHAT: &str = "this machine's resolver";
const INSTALL: &str = "dns install";
const UNINSTALL: &str = "dns uninstall";

pub async fn install(context: &Context, yes: bool) -> Result {
    let resolver = find(context)?;
    let plan = plan_of(&resolver.facts, &resolver.domains, resolver.server);
    let plan = plan.map_err(|refusal| refused(context, &refusal))?;
    show_plan(context, &plan.changes)?;
    consent(context, WHAT, INSTALL, yes)?;
    let steps = plan.steps(resolver.record());
    if let Err(error) = carry_out(context, &resolver.place, &steps, INSTALL).await {
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
        return forget(context).await;
    };
    let undo =
        undo_of(record, &resolver.facts).map_err(|changed| kept(context, &changed, UNINSTALL))?;
    show_undo(context, &undo)?;
    consent(context, WHAT, UNINSTALL, yes)?;
    carry_out(context, &resolver.place, &undo.steps(), UNINSTALL)
        .await
        .map_err(|error| error.hint("`hob dns uninstall` once more does the rest"))?;
    let mark = style("✓").for_stderr().green();
    context
        .output
        .say(format!("{mark} this machine's resolver is as it was"));
    forget(context).await
}

/// What was sent to hob is hob's no more.
async fn forget(context: &Context) -> Result {
    match Platform::there(context)? {
        Some(platform) => platform.forget_domains().await,
        None => Ok(()),
    }
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

//! `dns`: a resolver that knows every service that is up by name, and how this
//! machine's own is made to ask it.

mod change;

use std::collections::BTreeSet;

use hob_platform::{Announced, DNS, Settings};
use hob_resolver::check::Reach;
use hob_resolver::{Domain, InCharge, in_charge};

use crate::cli::DnsVerb;
use crate::context::Context;
use crate::error::Result;
use crate::platform::{Found, Moving, Platform, announce_all, home_error, never, not_up};
use crate::render::data;
use crate::resolver::{Resolver, noted, reach, wanted};

pub use change::uninstall;

pub async fn dns(context: &Context, verb: DnsVerb) -> Result {
    match verb {
        DnsVerb::Up { port } => {
            let domains = wanted(context)?;
            let sent = noted(context).map(|it| it.domains).unwrap_or_default();
            let moving = Moving::begin(context, DNS).await?;
            let before = moving.before.settings.dns_port;
            let port = port.unwrap_or(before);
            if port != before {
                moving.is_free(port)?;
            }
            moving.answers_alone(port)?;
            let change = |settings: &mut Settings| {
                settings.dns_port = port;
                // So that it answers for them before anything is up. What was
                // wanted elsewhere, and is sent here by nobody, is not its own.
                let domains = domains.iter().chain(&sent).map(ToString::to_string);
                settings.domains = domains.filter(|it| it != "test").collect();
            };
            moving.up(change).await?;
            let news = announce_all(context).await?;
            news.iter().for_each(|line| context.output.say(line));
            Ok(())
        }
        DnsVerb::Status => {
            let Some(platform) = Platform::there(context)? else {
                return never(context, DNS);
            };
            platform.status(DNS).await?;
            match platform.find(DNS).await? {
                Found::Down => not_up(context, DNS)?,
                Found::Up(_) | Found::Left(_) | Found::Fails | Found::Unknown => {
                    names(context, &platform)?
                }
            }
            if let Some(resolver) = Resolver::find(context)? {
                context.remark(told(&resolver).await)?;
            }
            Ok(())
        }
        DnsVerb::Install { yes } => change::install(context, yes).await,
        DnsVerb::Uninstall { yes } => change::uninstall(context, yes).await,
        DnsVerb::Down { yes } => {
            // A domain that leads to nothing would be left.
            let undone = match noted(context) {
                Some(_) => change::uninstall(context, yes).await,
                None => Ok(()),
            };
            let platform = Platform::written(context, |_| {}).await?;
            platform.down(DNS, false).await?;
            undone
        }
    }
}

/// The names that it answers for.
fn names(context: &Context, platform: &Platform) -> Result {
    let all = platform.home.announced().map_err(home_error)?;
    let names: BTreeSet<String> = all.iter().flat_map(Announced::names).collect();
    for name in names {
        match context.output.json {
            true => context.output.value(&data::line("name", name.into()))?,
            false => context.output.data(name)?,
        }
    }
    Ok(())
}

/// In one line: who is in charge, what is sent here, whether it arrives.
async fn told(resolver: &Resolver) -> String {
    let charge = in_charge(&resolver.facts);
    let who = charge.words();
    let Some(record) = resolver.record() else {
        return match &charge {
            InCharge::Unknown { why, .. } => format!("{why}; hob is not asked"),
            _ => format!("this machine asks {who}; hob is not asked (`hob dns install`)"),
        };
    };
    let domains: Vec<String> = record.domains.iter().map(ToString::to_string).collect();
    let domains = domains.join(", ");
    let arrives = arrives(&record.domains).await;
    if record.charge != charge {
        let before = record.charge.words();
        return format!("{domains} was sent to hob by {before}, and now it is {who}: {arrives}");
    }
    format!("this machine asks {who}, which sends {domains} to hob: {arrives}")
}

/// Whether questions for each of these domains arrive, in words.
async fn arrives<'a>(domains: impl IntoIterator<Item = &'a Domain>) -> String {
    for domain in domains {
        match reach(domain).await {
            Reach::Reaches => {}
            Reach::Elsewhere(addresses) => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let addresses = addresses.join(", ");
                return format!("{domain} does not arrive, somebody else says {addresses}");
            }
            Reach::Nowhere(why) => return format!("{domain} does not arrive ({why})"),
        }
    }
    "questions arrive".to_owned()
}

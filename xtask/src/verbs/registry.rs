//! `registry`: a registry of this machine, and what is pushed to it.

use hob_platform::{Locked, REGISTRY, Settings};
use hob_registry::{Authority, Client};

use crate::cli::RegistryVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Moving, Platform, home_error};

mod collect;
pub mod health;
mod hosting;
mod list;
mod names;
mod push;
mod remove;

pub async fn registry(context: &Context, verb: RegistryVerb) -> Result {
    match verb {
        RegistryVerb::Up { port } => {
            let moving = Moving::begin(context, REGISTRY).await?;
            let before = moving.before.settings.registry_port;
            let port = port.unwrap_or(before);
            if port != before {
                moving.is_free(port)?;
            }
            moving.up(|it| it.registry_port = port).await?;
            Ok(())
        }
        RegistryVerb::Push(args) => {
            let platform = Platform::written(context, |_| {}).await?;
            push::push(context, &platform, args).await
        }
        RegistryVerb::Ls { names } => list::list(context, &there(context)?, &names).await,
        RegistryVerb::Rm { images, yes } => {
            remove::remove(context, &there(context)?, &images, yes).await
        }
        RegistryVerb::Gc { keep, dry_run } => {
            collect::collect(context, &there(context)?, keep, dry_run).await
        }
        RegistryVerb::Status => match Platform::there(context)? {
            Some(platform) => status(context, &platform).await,
            None => remark(context, none()),
        },
        RegistryVerb::Hosting {
            cluster,
            endpoint,
            part,
        } => {
            let settings = Platform::there(context)?.map(|it| it.settings);
            let authority = authority(&settings.unwrap_or_default())?;
            hosting::hosting(context, authority, endpoint, (cluster, part))
        }
        RegistryVerb::Down { volumes } => {
            let platform = Platform::written(context, |_| {}).await?;
            platform.down(REGISTRY, volumes).await
        }
    }
}

/// What was written before, for those that write nothing.
fn there(context: &Context) -> Result<Platform> {
    Platform::there(context)?.ok_or_else(none)
}

fn none() -> Error {
    Error::failed("no registry was asked for yet").hint("`hob registry up`")
}

/// What is there stays until this is dropped: nobody pushes, and nobody else
/// takes anything away.
fn alone(platform: &Platform) -> Result<Locked> {
    let alone = platform.home.lock_registry(true).map_err(home_error)?;
    alone.ok_or_else(|| {
        let error = Error::failed("somebody pushes just now, or takes images away");
        error.hint("once more when that is done")
    })
}

/// How it is, and what keeps it from its work.
async fn status(context: &Context, platform: &Platform) -> Result {
    platform.status(REGISTRY).await?;
    let trouble = match health::own(platform).await {
        Ok(_) => health::ailment(platform).await,
        // The table says so.
        Err(health::Trouble::Gone(_)) => None,
        Err(health::Trouble::Unclear(error) | health::Trouble::Ill(error)) => Some(error),
    };
    trouble.map_or(Ok(()), |error| remark(context, error))
}

/// Says what is wrong where that keeps nobody from an answer.
fn remark(context: &Context, error: Error) -> Result {
    let mut words = vec![error.message];
    words.extend(error.hints);
    context.remark(words.join("; "))
}

/// Where the registry is.
fn authority(settings: &Settings) -> Result<Authority> {
    let port = settings.registry_port;
    let authority = format!("127.0.0.1:{port}").parse();
    authority.map_err(|error: hob_registry::NameError| Error::failed(error.to_string()))
}

fn client(platform: &Platform) -> Result<Client> {
    Ok(Client::new(authority(&platform.settings)?))
}

/// An error of the registry, for people.
fn shown(error: &hob_registry::Error) -> Error {
    let mut shown = Error::failed(error.to_string());
    shown.hints = error.hints();
    match error {
        hob_registry::Error::Unreachable { .. } => {
            shown.hints = vec!["`hob registry up`".to_owned()];
        }
        hob_registry::Error::NotRegistry { .. } => {
            let other = "`hob registry up --port PORT` takes another one, from then on";
            shown.hints.insert(0, other.to_owned());
        }
        _ => {}
    }
    shown
}

//! `registry`: a registry of this machine, and what is pushed to it.

use hob_platform::REGISTRY;
use hob_registry::{Authority, Client};

use crate::cli::RegistryVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::Platform;

mod collect;
mod hosting;
mod list;
mod push;
mod remove;

pub async fn registry(context: &Context, verb: RegistryVerb) -> Result {
    let platform = Platform::prepare(context, |settings| {
        if let RegistryVerb::Up { port: Some(port) } = &verb {
            settings.registry_port = *port;
        }
    })?;
    match verb {
        RegistryVerb::Up { .. } => platform.up(REGISTRY).await,
        RegistryVerb::Push(args) => push::push(context, &platform, args).await,
        RegistryVerb::Ls { names } => list::list(context, &client(&platform)?, &names).await,
        RegistryVerb::Rm { images } => remove::remove(context, &client(&platform)?, &images).await,
        RegistryVerb::Gc { keep, dry_run } => {
            collect::collect(context, &platform, keep, dry_run).await
        }
        RegistryVerb::Status => platform.status(REGISTRY).await,
        RegistryVerb::Hosting { cluster, endpoint } => {
            hosting::hosting(context, authority(&platform)?, endpoint, cluster)
        }
        RegistryVerb::Down { volumes } => platform.down(REGISTRY, volumes).await,
    }
}

/// Where the registry is.
fn authority(platform: &Platform) -> Result<Authority> {
    let port = platform.settings.registry_port;
    let authority = format!("127.0.0.1:{port}").parse();
    authority.map_err(|error: hob_registry::NameError| Error::failed(error.to_string()))
}

fn client(platform: &Platform) -> Result<Client> {
    Ok(Client::new(authority(platform)?))
}

/// An error of the registry, for people.
fn shown(error: &hob_registry::Error) -> Error {
    let mut shown = Error::failed(error.to_string());
    shown.hints = error.hints();
    if let hob_registry::Error::Unreachable { .. } = error {
        shown.hints.insert(0, "`hob registry up`".to_owned());
    }
    shown
}

//! `registry`: a registry of this machine, and what is pushed to it.

use hob_platform::REGISTRY;

use crate::cli::RegistryVerb;
use crate::context::Context;
use crate::error::Result;
use crate::platform::Platform;

pub async fn registry(context: &Context, verb: RegistryVerb) -> Result {
    match verb {
        RegistryVerb::Up { port } => {
            let platform = Platform::prepare(context, |settings| {
                settings.registry_port = port.unwrap_or(settings.registry_port);
            })?;
            platform.up(REGISTRY).await
        }
        RegistryVerb::Push(_) => Ok(()),
        RegistryVerb::Status => Platform::prepare(context, |_| {})?.status(REGISTRY).await,
        RegistryVerb::Down { volumes } => {
            let platform = Platform::prepare(context, |_| {})?;
            platform.down(REGISTRY, volumes).await
        }
    }
}

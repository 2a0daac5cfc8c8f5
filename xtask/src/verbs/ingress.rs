//! `ingress`: one door to every service that is up, by name.

use std::collections::BTreeSet;

use hob_platform::{INGRESS, shadowed};

use crate::cli::IngressVerb;
use crate::context::Context;
use crate::error::Result;
use crate::platform::{
    Platform, addresses_of, announce_all, home_error, in_url, leads_elsewhere, listenable,
};

pub async fn ingress(context: &Context, verb: IngressVerb) -> Result {
    match verb {
        IngressVerb::Up { port } => {
            let platform = match port {
                Some(port) => Platform::prepare(context, |it| it.http_port = Some(port))?,
                None => Platform::with_port(context, &BTreeSet::new())?,
            };
            listenable(&platform).await?;
            platform.up(INGRESS).await?;
            announce_all(context).await?;
            show(context, &platform)
        }
        IngressVerb::Status => {
            let platform = Platform::prepare(context, |_| {})?;
            platform.status(INGRESS).await?;
            show(context, &platform)
        }
        IngressVerb::Down => {
            Platform::prepare(context, |_| {})?
                .down(INGRESS, false)
                .await
        }
    }
}

/// The addresses that it serves.
fn show(context: &Context, platform: &Platform) -> Result {
    let port = in_url(&platform.settings);
    let all = platform.home.announced().map_err(home_error)?;
    let mut addresses = BTreeSet::new();
    for announced in &all {
        for service in announced.services.iter().filter(|it| it.http) {
            addresses.extend(addresses_of(announced, service, &port));
        }
    }
    for address in addresses {
        context.output.data(address)?;
    }
    for it in shadowed(&all) {
        context.output.say(leads_elsewhere(&it));
    }
    Ok(())
}

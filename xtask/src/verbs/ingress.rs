//! `ingress`: one door to every service that is up, by name.

use std::collections::BTreeSet;

use hob_platform::{Announced, INGRESS};

use crate::cli::IngressVerb;
use crate::context::Context;
use crate::error::Result;
use crate::platform::{Platform, announce_all, home_error, in_url, listenable};

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
    for announced in platform.home.announced().map_err(home_error)? {
        for name in served(&announced) {
            context.output.data(format!("http://{name}{port}/"))?;
        }
    }
    Ok(())
}

/// The hosts of a project's services.
fn served(announced: &Announced) -> Vec<String> {
    let services = announced.services.iter().filter(|it| it.http);
    let names = services.flat_map(|it| it.names.keys().map(move |name| (name, &it.stack)));
    // Versions of a service share its name.
    let names: BTreeSet<_> = names.collect();
    let hosts = names.into_iter().flat_map(|(name, stack)| {
        let domains = announced.domains.iter();
        domains.map(move |domain| format!("{name}.{stack}.{domain}"))
    });
    hosts.collect()
}

//! `dns`: a resolver that knows every service that is up by name.

use hob_platform::{DNS, hosts};

use crate::cli::DnsVerb;
use crate::context::Context;
use crate::error::Result;
use crate::platform::{Platform, announce_all, home_error};

pub async fn dns(context: &Context, verb: DnsVerb) -> Result {
    match verb {
        DnsVerb::Up { port } => {
            let platform = Platform::prepare(context, |settings| {
                settings.dns_port = port.unwrap_or(settings.dns_port);
            })?;
            announce_all(context).await?;
            platform.up(DNS).await
        }
        DnsVerb::Status => {
            let platform = Platform::prepare(context, |_| {})?;
            platform.status(DNS).await?;
            for announced in platform.home.announced().map_err(home_error)? {
                for line in hosts(&announced).lines() {
                    let name = line.rsplit(' ').next().unwrap_or(line);
                    context.output.data(name)?;
                }
            }
            Ok(())
        }
        DnsVerb::Down => Platform::prepare(context, |_| {})?.down(DNS, false).await,
    }
}

//! `dns`: a resolver that knows every service that is up by name.

use hob_engine::{Engine, ProjectRef};
use hob_platform::{DNS, hosts};

use crate::cli::DnsVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Announcer, Platform, home_error};

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

/// What was up before anybody asked for names has them, too.
async fn announce_all(context: &Context) -> Result {
    let surroundings = context.surroundings()?;
    let failed = |error: hob_engine::PathsError| Error::failed(error.to_string());
    let all = Engine::all_projects_in_engines(&surroundings).await;
    for project in all.map_err(failed)? {
        let files = hob_stack::Project::load(&project.root, &context.environment).project;
        let project = files.as_ref().map_or(project, ProjectRef::from);
        for engine in context.engines(project, files.as_ref()).await? {
            if let Some(announcer) = Announcer::find(&engine, files.as_ref()) {
                announcer.tell().await?;
            }
        }
    }
    Ok(())
}

//! `ingress`: one door to every service that is up, by name.

mod authority;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hob_platform::{INGRESS, Settings, Speaks, shadowed};
use serde_json::json;
use tokio::time::timeout;

use crate::cli::IngressVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{
    Found, HTTP, HTTPS, Moving, Platform, Urls, announce_all, closed, home_error, leads_elsewhere,
    never, not_up,
};
use crate::render::data;

pub use authority::{found, noted, noted_files, uninstall};

/// How long the ingress may take to listen where it is told.
const LISTENING: Duration = Duration::from_secs(5);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(20);

pub async fn ingress(context: &Context, verb: IngressVerb) -> Result {
    match verb {
        IngressVerb::Up {
            port,
            https,
            https_port,
            no_https,
        } => {
            let moving = Moving::begin(context, INGRESS).await?;
            let before = &moving.before;
            let in_containers = before.in_containers()?;
            let port = match port.or(before.settings.http_port) {
                Some(port) => port,
                None => HTTP.free(in_containers, &BTreeSet::new())?,
            };
            let asked = https || https_port.is_some();
            let https_port = match https_port.or(before.settings.https_port) {
                _ if no_https => None,
                None if asked => Some(HTTPS.free(in_containers, &BTreeSet::from([port]))?),
                port => port,
            };
            if https_port == Some(port) {
                let error = format!("port {port} cannot be for HTTP and HTTPS");
                return Err(Error::usage(error).hint("`--https-port` says another one"));
            }
            let is_new = before.settings.http_port != Some(port);
            let is_new_https = before.settings.https_port != https_port;
            if is_new || is_new_https {
                let is_nobodys = moving.is_free(port)?;
                // One that its user may not have is nobody's, too.
                if is_new && is_nobodys {
                    HTTP.is_had(port, in_containers)?;
                }
            }
            if let Some(other) = https_port {
                if is_new_https && moving.is_free_for("--https-port", other)? {
                    HTTPS.is_had(other, in_containers)?;
                }
                authority::make(context, before).await?;
            }
            let change = |settings: &mut Settings| {
                settings.http_port = Some(port);
                settings.https_port = https_port;
            };
            let (platform, moved) = moving.written(change).await?;
            let idle = Some("everything is up already").filter(|_| !is_new_https);
            let done = begin(context, &platform, idle).await;
            moved.end(moving, done).await?;
            match https_port {
                Some(port) => {
                    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let words = format!("hob/ingress answers by HTTPS on {place}");
                    context.output.say(match is_new_https {
                        true => format!("{words} from now on"),
                        false => words,
                    });
                }
                None if is_new_https => {
                    let words = "hob/ingress answers by HTTPS no more";
                    context.output.say(words);
                }
                None => {}
            }
            show(context, &platform)
        }
        IngressVerb::Status => {
            let Some(platform) = Platform::there(context)? else {
                return never(context, INGRESS);
            };
            platform.status(INGRESS).await?;
            match platform.find(INGRESS).await? {
                Found::Down => not_up(context, INGRESS),
                Found::Up(_) | Found::Left(_) | Found::Fails | Found::Unknown => {
                    show(context, &platform)
                }
            }
        }
        IngressVerb::Ca(verb) => authority::authority(context, verb).await,
        IngressVerb::Down => {
            let platform = Platform::written(context, |_| {}).await?;
            platform.down(INGRESS, false).await
        }
    }
}

/// Brings it up as the settings have it, and says what is idle where there is
/// nothing to do.
async fn begin(context: &Context, platform: &Platform, idle: Option<&str>) -> Result {
    platform.up_or_say(INGRESS, idle).await?;
    // What of it is news is shown afterwards.
    announce_all(context).await?;
    match platform.settings.https_port {
        Some(port) => listening(platform, port).await,
        None => Ok(()),
    }
}

/// The addresses that it serves.
fn show(context: &Context, platform: &Platform) -> Result {
    let urls = Urls::of(&platform.home, &platform.settings)?;
    let https = platform.settings.https_port;
    let all = platform.home.announced().map_err(home_error)?;
    let mut addresses = BTreeSet::new();
    for announced in &all {
        let services = announced.services.iter();
        for service in services.filter(|it| it.speaks == Speaks::Http) {
            addresses.extend(urls.of_service(announced, service));
        }
        for service in &announced.services {
            addresses.extend(urls.by_https(announced, service));
        }
    }
    for address in addresses {
        match context.output.json {
            true => context
                .output
                .value(&data::line("served", json!({ "url": address })))?,
            false => context.output.data(address)?,
        }
    }
    for door in closed(&platform.home, rustix::process::getuid().as_raw())? {
        context.remark(door.words())?;
    }
    for it in shadowed(&all) {
        context.remark(leads_elsewhere(&it))?;
    }
    let mut services = all.iter().flat_map(|it| &it.services);
    if let (None, Some(it)) = (https, services.find(|it| it.speaks == Speaks::Grpc)) {
        let (stack, service) = (&it.stack, &it.service);
        context.remark(format!(
            "{stack}/{service} speaks gRPC, which the ingress has by HTTPS alone: `hob ingress up \
             --https`"
        ))?;
    }
    Ok(())
}

/// A port that is asked for later than the others is taken by a process that is
/// up: whether it could be had is seen there.
async fn listening(platform: &Platform, port: u16) -> Result {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listens = async {
        while tokio::net::TcpStream::connect(addr).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
    };
    timeout(LISTENING, listens).await.map_err(|_| {
        let root = platform.home.root().display();
        Error::failed(format!("the ingress does not listen on port {port}"))
            .hint(format!("`hob --project {root} logs ingress` says why"))
            .hint("`hob ingress up --https-port PORT` says another one")
    })
}

//! `ingress`: one door to every service that is up, by name.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use hob_platform::{Announced, INGRESS, shadowed};
use serde_json::json;

use crate::cli::IngressVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Platform, announce_all, home_error, leads_elsewhere};
use crate::render::data;

/// Where browsers look, and where they are sent when that cannot be had.
const USUAL: u16 = 80;
const OTHERS: std::ops::Range<u16> = 8080..8180;

pub async fn ingress(context: &Context, verb: IngressVerb) -> Result {
    match verb {
        IngressVerb::Up { port } => {
            let before = Platform::prepare(context, |_| {})?;
            let port = match port.or(before.settings.http_port) {
                Some(port) => port,
                None => free(before.in_containers()?)?,
            };
            let platform = Platform::prepare(context, |settings| {
                settings.http_port = Some(port);
            })?;
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
    let port = match platform.settings.http_port {
        None | Some(USUAL) => String::new(),
        Some(port) => format!(":{port}"),
    };
    let all = platform.home.announced().map_err(home_error)?;
    let names: BTreeSet<String> = all.iter().flat_map(Announced::hosts).collect();
    for name in names {
        let url = format!("http://{name}{port}/");
        match context.output.json {
            true => context
                .output
                .value(&data::line("served", json!({ "url": url })))?,
            false => context.output.data(url)?,
        }
    }
    for it in shadowed(&all) {
        context.remark(leads_elsewhere(&it))?;
    }
    Ok(())
}

/// A port that can be listened on: a container may where its user may not.
fn free(in_container: bool) -> Result<u16> {
    let can = |port: &u16| {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        match TcpListener::bind(addr) {
            Ok(_) => true,
            Err(error) => in_container && error.kind() == ErrorKind::PermissionDenied,
        }
    };
    let mut ports = std::iter::once(USUAL).chain(OTHERS);
    ports.find(can).ok_or_else(|| {
        let first = OTHERS.start;
        Error::failed(format!("neither port {USUAL} nor any from {first} is free"))
            .hint("`hob ingress up --port PORT`")
    })
}

//! `ingress`: one door to every service that is up, by name.

mod authority;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::time::Duration;

use hob_platform::{Announced, INGRESS};
use tokio::time::timeout;

use crate::cli::IngressVerb;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::{Platform, announce_all, home_error};

pub use authority::{found, noted, noted_files, uninstall};

/// Where browsers look, and where they are sent when that cannot be had.
const HTTP: Ports = Ports {
    usual: 80,
    others: 8080..8180,
    option: "--port",
};
const HTTPS: Ports = Ports {
    usual: 443,
    others: 8443..8543,
    option: "--https-port",
};
/// How long the ingress may take to listen where it is told.
const LISTENING: Duration = Duration::from_secs(5);
/// Between two looks at that.
const LOOK: Duration = Duration::from_millis(20);

/// The ports of one protocol.
struct Ports {
    usual: u16,
    others: Range<u16>,
    option: &'static str,
}

pub async fn ingress(context: &Context, verb: IngressVerb) -> Result {
    match verb {
        IngressVerb::Up {
            port,
            https,
            https_port,
            no_https,
        } => {
            let before = Platform::prepare(context, |_| {})?;
            let in_containers = before.in_containers()?;
            let port = match port.or(before.settings.http_port) {
                Some(port) => port,
                None => HTTP.free(in_containers)?,
            };
            let asked = https || https_port.is_some();
            let https_port = match https_port.or(before.settings.https_port) {
                _ if no_https => None,
                None if asked => Some(HTTPS.free(in_containers)?),
                port => port,
            };
            if let Some(other) = https_port {
                if other == port {
                    let error = format!("port {port} cannot be for HTTP and HTTPS");
                    return Err(Error::usage(error).hint("`--https-port` says another one"));
                }
                if before.settings.https_port != https_port {
                    HTTPS.is_had(other, in_containers)?;
                }
                authority::make(context, &before)?;
            }
            let platform = Platform::prepare(context, |settings| {
                settings.http_port = Some(port);
                settings.https_port = https_port;
            })?;
            platform.up(INGRESS).await?;
            announce_all(context).await?;
            if let Some(port) = https_port {
                listening(&platform, port).await?;
            }
            show(context, &platform)
        }
        IngressVerb::Status => {
            let platform = Platform::prepare(context, |_| {})?;
            platform.status(INGRESS).await?;
            show(context, &platform)
        }
        IngressVerb::Ca(verb) => authority::authority(context, verb).await,
        IngressVerb::Down => {
            Platform::prepare(context, |_| {})?
                .down(INGRESS, false)
                .await
        }
    }
}

/// The addresses that it serves.
fn show(context: &Context, platform: &Platform) -> Result {
    let http = platform.settings.http_port.unwrap_or(HTTP.usual);
    let https = platform.settings.https_port;
    let about = platform.home.authority().about();
    let about = about.map_err(|error| home_error(error.into()))?;
    for announced in platform.home.announced().map_err(home_error)? {
        for name in served(&announced) {
            context.output.data(HTTP.address("http", &name, http))?;
            let signed = about.as_ref().is_some_and(|it| it.permits(&name));
            if let Some(port) = https.filter(|_| signed) {
                context.output.data(HTTPS.address("https", &name, port))?;
            }
        }
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

/// The hosts of a project's services.
fn served(announced: &Announced) -> Vec<String> {
    let services = announced.services.iter().filter(|it| it.http);
    let names = services.flat_map(|it| {
        let domains = announced.domains.iter();
        domains.map(move |domain| format!("{}.{}.{domain}", it.service, it.stack))
    });
    names.collect()
}

impl Ports {
    /// A port that can be listened on: a container may where its user may not.
    fn free(&self, in_container: bool) -> Result<u16> {
        let mut ports = std::iter::once(self.usual).chain(self.others.clone());
        let free = ports.find(|port| bound(*port, in_container).is_ok());
        free.ok_or_else(|| {
            let (usual, first) = (self.usual, self.others.start);
            Error::failed(format!("neither port {usual} nor any from {first} is free"))
                .hint(format!("`hob ingress up {} PORT`", self.option))
        })
    }

    /// That a port which is asked for can be had.
    fn is_had(&self, port: u16, in_container: bool) -> Result {
        bound(port, in_container).map_err(|error| {
            let words = format!("port {port} cannot be had: {error}");
            Error::failed(words).hint(format!("`hob ingress up {} PORT`", self.option))
        })
    }

    fn address(&self, scheme: &str, name: &str, port: u16) -> String {
        if port == self.usual {
            return format!("{scheme}://{name}/");
        }
        format!("{scheme}://{name}:{port}/")
    }
}

fn bound(port: u16, in_container: bool) -> std::io::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && in_container => Ok(()),
        bound => bound.map(drop),
    }
}

//! The port on loopback where the ingress answers for every stack.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use hob_platform::Settings;

use crate::error::{Error, Result};

/// Where browsers look, and where they are sent when that cannot be had.
const USUAL: u16 = 80;
const OTHERS: std::ops::Range<u16> = 8080..8180;

/// What stands after a host in the URLs that lead there.
pub fn in_url(settings: &Settings) -> String {
    match settings.http_port {
        None | Some(USUAL) => String::new(),
        Some(port) => format!(":{port}"),
    }
}

/// A port that can be listened on, and none of `taken`: a container may where
/// its user may not.
///
/// # Errors
/// There is none.
pub fn free(in_container: bool, taken: &BTreeSet<u16>) -> Result<u16> {
    let can = |port: &u16| {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        match TcpListener::bind(addr) {
            Ok(_) => true,
            Err(error) => in_container && error.kind() == ErrorKind::PermissionDenied,
        }
    };
    let ports = std::iter::once(USUAL).chain(OTHERS);
    let mut ports = ports.filter(|port| !taken.contains(port));
    ports.find(can).ok_or_else(|| {
        let first = OTHERS.start;
        Error::failed(format!("neither port {USUAL} nor any from {first} is free"))
            .hint("`hob ingress up --port PORT`")
    })
}

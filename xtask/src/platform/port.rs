//! The ports on loopback where the ingress answers for every stack.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::error::{Error, Result};

/// Those of one protocol: where browsers look, and where they are sent when
/// that cannot be had.
pub struct Ports {
    usual: u16,
    others: Range<u16>,
    option: &'static str,
}

pub const HTTP: Ports = Ports {
    usual: 80,
    others: 8080..8180,
    option: "--port",
};

pub const HTTPS: Ports = Ports {
    usual: 443,
    others: 8443..8543,
    option: "--https-port",
};

impl Ports {
    /// What stands after a host in the URLs that lead to this port.
    pub fn in_url(&self, port: Option<u16>) -> String {
        match port.filter(|port| *port != self.usual) {
            None => String::new(),
            Some(port) => format!(":{port}"),
        }
    }

    /// A port that can be listened on, and none of `taken`: a container may
    /// where its user may not.
    ///
    /// # Errors
    /// There is none.
    pub fn free(&self, in_container: bool, taken: &BTreeSet<u16>) -> Result<u16> {
        let ports = std::iter::once(self.usual).chain(self.others.clone());
        let mut ports = ports.filter(|port| !taken.contains(port));
        let free = ports.find(|port| bound(*port, in_container).is_ok());
        free.ok_or_else(|| {
            let (usual, first) = (self.usual, self.others.start);
            Error::failed(format!("neither port {usual} nor any from {first} is free"))
                .hint(format!("`hob ingress up {} PORT`", self.option))
        })
    }

    /// That a port which is asked for can be had.
    ///
    /// # Errors
    /// It cannot.
    pub fn is_had(&self, port: u16, in_container: bool) -> Result {
        bound(port, in_container).map_err(|error| {
            let words = format!("port {port} cannot be had: {error}");
            Error::failed(words).hint(format!("`hob ingress up {} PORT`", self.option))
        })
    }
}

fn bound(port: u16, in_container: bool) -> std::io::Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && in_container => Ok(()),
        bound => bound.map(drop),
    }
}

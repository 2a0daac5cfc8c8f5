//! Routes from a few lines of text, and addresses that nobody else has.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use hob_ingress::{
    Certificate, Conflicts, FilePath, Ingress, Listener, Log, Protocol, Route, Serves, Settings,
    Site, Transport, Upstream, Weight,
};

/// Reads listeners, and sites with their routes below them:
///
/// ```text
/// listen 127.0.0.1:80                      all sites by host
/// listen 127.0.0.1:443 tls                 or http2, or tls-by-site
/// listen 127.0.0.1:20010 http site=web     one site
/// site web web.test *.web.test             all have the certificate, too
///   / pages http 127.0.0.1:3000=v1*3 127.0.0.1:3001=v2
/// ```
pub(crate) fn ingress(text: &str, pair: Option<&Certificate>) -> Result<Ingress, Conflicts> {
    let mut listeners = Vec::new();
    let mut sites: Vec<Site> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["listen", addr, rest @ ..] => listeners.push(Listener {
                addr: addr.parse().unwrap(),
                transport: match rest.first() {
                    Some(&"tls") => Transport::Tls(pair.unwrap().clone()),
                    Some(&"tls-by-site") => Transport::TlsBySite,
                    Some(&"http2") => Transport::Http2,
                    _ => Transport::Http,
                },
                serves: match rest.get(1).and_then(|word| word.strip_prefix("site=")) {
                    Some(site) => Serves::Site(site.parse().unwrap()),
                    None => Serves::Hosts,
                },
            }),
            ["site", name, hosts @ ..] => sites.push(Site {
                name: name.parse().unwrap(),
                hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
                routes: Vec::new(),
                certificate: pair.cloned(),
            }),
            [path, service, protocol, upstreams @ ..] => {
                sites.last_mut().unwrap().routes.push(Route {
                    path: path.parse().unwrap(),
                    service: service.parse().unwrap(),
                    protocol: match *protocol {
                        "http" => Protocol::Http,
                        "grpc" => Protocol::Grpc,
                        other => panic!("no protocol: {other}"),
                    },
                    upstreams: upstreams.iter().map(|text| upstream(text)).collect(),
                });
            }
            _ => panic!("not understood: {line}"),
        }
    }
    Ingress::new(listeners, sites)
}

fn upstream(text: &str) -> Upstream {
    let (addr, rest) = text.split_once('=').unwrap();
    let (version, weight) = rest.split_once('*').unwrap_or((rest, "1"));
    Upstream {
        addr: addr.parse().unwrap(),
        weight: Weight::try_from(weight.parse::<u16>().unwrap()).unwrap(),
        version: version.parse().unwrap(),
    }
}

/// All that nginx writes in one folder, and one worker.
pub(crate) fn settings(folder: &Path) -> Settings {
    let path = |name: &str| FilePath::new(folder.join(name)).unwrap();
    Settings {
        pid: path("nginx.pid"),
        temporary: path(""),
        access_log: Log::File(path("access.log")),
        error_log: Log::File(path("error.log")),
        account: None,
        workers: std::num::NonZeroU8::new(1),
        drain_seconds: hob_ingress::DRAIN_SECONDS,
    }
}

/// An address of loopback that is this process's own: no other test process
/// has its IP address, no other test its port, and nobody gets it by chance,
/// since nobody asks for a port there.
pub(crate) fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let addr = SocketAddr::from((own_ip(), port));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}

/// Made of the process's id, which has at most 22 bits.
pub(crate) fn own_ip() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

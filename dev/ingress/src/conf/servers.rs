//! Who answers where: a server for each site, and one for hosts that are
//! nobody's.
//!
//! nginx ties a certificate to a server, not to what it listens on. So a site
//! gets one server for each certificate that its listeners have, its own among
//! them, and those without any join the first.

use super::requests::ADD_ID;
use super::text::Text;
use super::upstreams;
use crate::{Certificate, Ingress, Listener, Protocol, Route, Serves, Site, Transport};

/// Connections that wait to be accepted while a worker is busy; the kernel's
/// `somaxconn` may be less.
const BACKLOG: u32 = 4096;

/// Seconds after which a client may ask again for what nothing serves.
const RETRY_AFTER: u32 = 1;

/// Connections of HTTP/1.1 are closed after each answer. A reload closes those
/// that wait for a request, and a request that is sent just then fails; HTTP/2
/// says which requests were not looked at, so its connections are kept.
/// (`keepalive_min_timeout`, which would do, is of nginx 1.27.4.)
const NO_KEEPALIVE: &str = "keepalive_timeout 0;";

struct Group<'a> {
    tls: Option<Tls<'a>>,
    listeners: Vec<&'a Listener>,
}

/// What is shown to clients of TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls<'a> {
    Certificate(&'a Certificate),
    /// Nothing: there is no host here that they could mean.
    Refused,
}

pub(super) fn write(text: &mut Text, ingress: &Ingress) {
    let by_host = ingress
        .listeners()
        .iter()
        .filter(|listener| listener.serves == Serves::Hosts);
    for group in groups(by_host, None) {
        text.gap();
        text.line("# A host that is nobody's: closed without an answer.");
        text.block("server", |text| {
            for listener in &group.listeners {
                listen(text, listener, true);
            }
            certificate(text, &group);
            text.line("return 444;");
        });
    }
    for site in ingress.sites() {
        for group in groups(ingress.listeners_of(site), site.certificate.as_ref()) {
            text.gap();
            text.line(format_args!("# The site {}.", site.name));
            text.block("server", |text| server(text, site, &group));
        }
    }
}

/// Listeners by what they show; `own` is the certificate of whom they serve.
fn groups<'a>(
    listeners: impl Iterator<Item = &'a Listener>,
    own: Option<&'a Certificate>,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut open = Vec::new();
    for listener in listeners {
        let tls = match &listener.transport {
            Transport::Tls(certificate) => Tls::Certificate(certificate),
            Transport::TlsBySite => own.map_or(Tls::Refused, Tls::Certificate),
            Transport::Http | Transport::Http2 => {
                open.push(listener);
                continue;
            }
        };
        match groups.iter_mut().find(|group| group.tls == Some(tls)) {
            Some(group) => group.listeners.push(listener),
            None => groups.push(Group {
                tls: Some(tls),
                listeners: vec![listener],
            }),
        }
    }
    if let Some(first) = groups.first_mut() {
        first.listeners.extend(open);
        first.listeners.sort();
    } else if !open.is_empty() {
        groups.push(Group {
            tls: None,
            listeners: open,
        });
    }
    groups
}

/// What holds for the address itself is said once, where it is the default:
/// nginx takes it from there, and from 1.25.1 on warns of each `http2`.
fn listen(text: &mut Text, listener: &Listener, is_default: bool) {
    let addr = listener.addr;
    if !is_default {
        text.line(format_args!("listen {addr};"));
        return;
    }
    let speaks = match listener.transport {
        Transport::Http => "",
        Transport::Http2 => " http2",
        Transport::Tls(_) | Transport::TlsBySite => " ssl http2",
    };
    text.line(format_args!(
        "listen {addr}{speaks} default_server backlog={BACKLOG};"
    ));
}

fn certificate(text: &mut Text, group: &Group<'_>) {
    match group.tls {
        Some(Tls::Certificate(Certificate { certificate, key })) => {
            text.line(format_args!("ssl_certificate {};", certificate.quoted()));
            text.line(format_args!("ssl_certificate_key {};", key.quoted()));
        }
        Some(Tls::Refused) => text.line("ssl_reject_handshake on;"),
        None => {}
    }
}

fn server(text: &mut Text, site: &Site, group: &Group<'_>) {
    for listener in &group.listeners {
        listen(text, listener, matches!(listener.serves, Serves::Site(_)));
    }
    for host in &site.hosts {
        text.line(format_args!("server_name {host};"));
    }
    certificate(text, group);
    text.line("error_page 502 504 @unanswered;");
    text.block("location @unanswered", |text| {
        text.line(NO_KEEPALIVE);
        text.line(r#"return 502 "nothing behind this path of $host answered request $hob_id\n";"#);
    });
    for (index, route) in site.routes.iter().enumerate() {
        text.line(format_args!("# {}: {}", route.path, route.service));
        let name = upstreams::name(site, index);
        if route.path.is_root() {
            text.block("location /", |text| location(text, route, &name));
        } else {
            for pattern in [format!("= {}", route.path), format!("{}/", route.path)] {
                text.block(format_args!("location {pattern}"), |text| {
                    location(text, route, &name);
                });
            }
        }
    }
    if !site.routes.iter().any(|route| route.path.is_root()) {
        text.line("# What no route matches.");
        text.block("location /", |text| {
            text.line(NO_KEEPALIVE);
            text.line(format_args!(
                r#"return 404 "{} has no route for this path\n";"#,
                site.name
            ));
        });
    }
}

fn location(text: &mut Text, route: &Route, upstreams: &str) {
    text.line(NO_KEEPALIVE);
    if route.upstreams.is_empty() {
        text.line(format_args!("add_header Retry-After {RETRY_AFTER} always;"));
        text.line(ADD_ID);
        text.line(format_args!(
            r#"return 503 "nothing serves {} now\n";"#,
            route.service
        ));
        return;
    }
    match route.protocol {
        Protocol::Http => text.line(format_args!("proxy_pass http://{upstreams};")),
        Protocol::Grpc => text.line(format_args!("grpc_pass grpc://{upstreams};")),
    }
}

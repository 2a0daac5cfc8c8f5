//! The text of the configuration: what holds for the whole of nginx, in the
//! order in which it is read.
//!
//! Owns the frame; what each request gets stands in `conf/requests.rs`, who is
//! behind in `conf/upstreams.rs`, who answers where in `conf/servers.rs`.
//! Nothing is checked here: what comes in is valid by its types.

mod requests;
mod servers;
mod text;
mod upstreams;

use crate::{Ingress, Log, Settings, Transport};
use text::Text;

/// Requests and answers that one worker carries at a time, at most half of
/// them requests: each has two connections.
const CONNECTIONS: u32 = 4096;

const HEAD: &str = "\
# nginx.conf, for nginx 1.22 to 1.26. hob writes it from routes, and writes it
# anew when they change: what is edited here is lost.";

/// The whole configuration, which ends with a line break. It is the same for
/// the same input, whatever order that was given in.
#[must_use]
pub fn nginx_conf(ingress: &Ingress, settings: &Settings) -> String {
    let mut text = Text::default();
    text.lines(HEAD);
    text.line("daemon off;");
    text.line(format_args!("pid {};", settings.pid.quoted()));
    if let Some(account) = &settings.account {
        text.line(format_args!("user {} {};", account.user, account.group));
    }
    match settings.workers {
        Some(count) => text.line(format_args!("worker_processes {count};")),
        None => text.line("worker_processes auto;"),
    }
    text.line(format_args!("worker_rlimit_nofile {};", 2 * CONNECTIONS));
    text.line("# Old workers end then, whatever they still have.");
    text.line(format_args!(
        "worker_shutdown_timeout {}s;",
        settings.drain_seconds
    ));
    let errors = match &settings.error_log {
        Log::Stdout => "/dev/stdout".to_owned(),
        Log::Stderr => "stderr".to_owned(),
        Log::File(path) => path.quoted(),
    };
    text.line(format_args!("error_log {errors} warn;"));
    text.block("events", |text| {
        text.line(format_args!("worker_connections {CONNECTIONS};"));
    });
    text.block("http", |text| http(text, ingress, settings));
    text.into_string()
}

fn http(text: &mut Text, ingress: &Ingress, settings: &Settings) {
    // Each has a default outside of the folder.
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let path = settings.temporary.quoted_join(kind);
        text.line(format_args!("{kind}_temp_path {path};"));
    }
    requests::write(text, &settings.access_log);
    let has_tls = ingress
        .listeners()
        .iter()
        .any(|it| matches!(it.transport, Transport::Tls(_) | Transport::TlsBySite));
    if has_tls {
        text.gap();
        text.lines(requests::TLS);
    }
    upstreams::write(text, ingress);
    servers::write(text, ingress);
}

//! What each request gets, whoever answers it.
//!
//! It stands once, on the level that all servers and locations inherit from.
//! nginx inherits lists (`add_header`, `proxy_set_header`) as a whole or not
//! at all, so a location that has one of its own repeats what it needs.

use super::text::Text;
use crate::Log;

/// nginx wants to know it before the first map.
const SIZES: &str = "\
# Names and maps of any size fit.
server_names_hash_max_size 65536;
server_names_hash_bucket_size 512;
map_hash_max_size 65536;
map_hash_bucket_size 256;";

/// The line of the access log that the crate's page tells.
const LOG: &str = r#"
# The path without the query, which may hold what is nobody's business.
map $request_uri $hob_path {
    default "";
    "~^(?<hob_before_query>[^?]+)" $hob_before_query;
}
# A number of JSON does not begin with 0.
map $status $hob_status {
    default 0;
    "~^[1-9]" $status;
}
log_format hob escape=json
    '{"time":$msec,"id":"$hob_id","host":"$host","method":"$request_method",'
    '"path":"$hob_path","protocol":"$server_protocol","status":$hob_status,'
    '"upstream":"$upstream_addr","version":"$hob_version",'
    '"seconds":$request_time,"upstream_seconds":"$upstream_response_time",'
    '"connect_seconds":"$upstream_connect_time",'
    '"received":$request_length,"sent":$bytes_sent}';"#;

const REQUESTS: &str = r#"
server_tokens off;
absolute_redirect off;
default_type "text/plain; charset=utf-8";

# Headers of any name and of large cookies arrive.
underscores_in_headers on;
ignore_invalid_headers off;
large_client_header_buffers 8 64k;

# Bodies of any size go through as they come, both ways, without files: what
# an upstream writes is sent at once.
client_max_body_size 0;
client_body_buffer_size 64k;
proxy_request_buffering off;
proxy_buffering off;
proxy_buffer_size 64k;
proxy_buffers 4 64k;
proxy_max_temp_file_size 0;
grpc_buffer_size 64k;

# A stream or a WebSocket may be silent that long.
client_body_timeout 1h;
send_timeout 1h;
proxy_read_timeout 1h;
proxy_send_timeout 1h;
grpc_read_timeout 1h;
grpc_send_timeout 1h;
# HTTP/2 only; a location closes connections of HTTP/1.1 after each answer.
keepalive_timeout 1h;

# An upstream that cannot be connected to is passed over by any request; one
# that fails later by requests without a body that may be repeated
# (POST, PATCH and LOCK may not). After the limit nothing is repeated, so a
# request that was waited for in vain is not.
proxy_connect_timeout 5s;
proxy_next_upstream error timeout;
proxy_next_upstream_timeout 10m;
grpc_connect_timeout 5s;
grpc_next_upstream error timeout;
grpc_next_upstream_timeout 10m;

# A client's request id is kept if it is sane, else one is made.
map $http_x_request_id $hob_id {
    default $request_id;
    "~^[A-Za-z0-9._:=+/@-]{1,128}$" $http_x_request_id;
}
# The host as the client named it; HTTP/1.0 may name none.
map $http_host $hob_host {
    default $http_host;
    "" $host;
}
# The port that the client named, which is not the one that it reached if one
# is forwarded to the other.
map $http_host $hob_port {
    default $server_port;
    "~:(?<hob_named_port>[0-9]{1,5})$" $hob_named_port;
}
# WebSockets and other upgrades, but for HTTP/2, which is nginx's own affair.
map $http_upgrade $hob_upgrade {
    default $http_upgrade;
    "~*h2c" "";
}
# A connection to an upstream is for one request: one that is kept may be
# closed by a process that ends just when a request is sent on it.
map $hob_upgrade $hob_connection {
    default upgrade;
    "" close;
}
proxy_http_version 1.1;
proxy_redirect off;"#;

/// What upstreams are told, in the words of both protocols.
const TOLD: [(&str, &str); 6] = [
    ("Host", "$hob_host"),
    ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Host", "$hob_host"),
    ("X-Forwarded-Port", "$hob_port"),
    ("X-Request-Id", "$hob_id"),
];

/// The header of each answer that holds the request's id.
pub(super) const ADD_ID: &str = "add_header X-Request-Id $hob_id always;";

/// What clients are told, and not by anybody else.
const ANSWERS: &str = "\
proxy_hide_header X-Request-Id;
grpc_hide_header X-Request-Id;
proxy_hide_header hob-version;
grpc_hide_header hob-version;
add_header hob-version $hob_version always;";

/// For listeners with TLS. nginx before 1.23.4 takes older protocols, too.
pub(super) const TLS: &str = "\
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:hob:1m;
ssl_session_timeout 1h;";

pub(super) fn write(text: &mut Text, access_log: &Log) {
    text.lines(SIZES);
    text.lines(LOG);
    let target = match access_log {
        Log::Stdout => "/dev/stdout".to_owned(),
        Log::Stderr => "/dev/stderr".to_owned(),
        Log::File(path) => path.quoted(),
    };
    text.line(format_args!("access_log {target} hob;"));
    text.lines(REQUESTS);
    for (name, value) in TOLD {
        text.line(format_args!("proxy_set_header {name} {value};"));
    }
    text.line("proxy_set_header Upgrade $hob_upgrade;");
    text.line("proxy_set_header Connection $hob_connection;");
    for (name, value) in TOLD {
        text.line(format_args!("grpc_set_header {name} {value};"));
    }
    text.lines(ANSWERS);
    text.line(ADD_ID);
}

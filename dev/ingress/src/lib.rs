//! Routes to a deterministic `nginx.conf`.
//!
//! Owns what nginx is told so that requests find the process that answers
//! them, and none fails while one process takes another's place. Pure: it
//! reads and writes nothing, starts nothing, and never decides what is served
//! or when nginx is to read its file again. Start with [`Ingress`], which
//! takes [`Listener`]s and [`Site`]s and refuses what does not fit together,
//! and [`nginx_conf`], which writes it down. `tests/ingress/` holds the text
//! against a real nginx.
//!
//! All types are valid by construction: nothing that a [`Host`], a
//! [`PathPrefix`], a [`Label`] or a [`FilePath`] can hold means anything to
//! nginx's configuration. The same routes give the same text in whatever order
//! they come, so a text that did not change needs no reload.
//!
//! # Running it
//! `nginx -e stderr -c FILE` runs it in the foreground, as root or as an
//! ordinary user; `-e` (of nginx 1.19.5) keeps nginx from the log that it was
//! built with. `nginx -e stderr -t -c FILE` tells whether it is accepted, also
//! beside a running one. `HUP` to the first process loads it anew: new workers
//! take what comes, old ones finish what they have
//! ([controlling nginx](https://nginx.org/en/docs/control.html)). An upstream
//! that left the routes may get requests until the old workers have stopped to
//! accept any, so its process ends after its own last request once they have.
//!
//! # What a request gets
//! - The site of its host, there the route of the longest path. An unknown
//!   host is closed without an answer; a path without a route is 404; a route
//!   without upstreams is 503 with `Retry-After`; upstreams that do not answer
//!   are 502 or 504. These answers are one line of plain text; a client of
//!   gRPC knows 502, 503 and 504 as `UNAVAILABLE`.
//! - Upstreams in turns by [`Weight`]. One that cannot be connected to within
//!   5 s is passed over, whatever the request is, for none of it was sent. One
//!   that fails later, before its answer began, is followed by the next if the
//!   request may be repeated: it has no body still to come, is no `POST`,
//!   `PATCH` or `LOCK` ([`proxy_next_upstream`]), and is not older than 10
//!   minutes. No upstream is ever put aside for having failed
//!   (`max_fails=0`): on one machine a refused connection costs microseconds,
//!   and where all of them are put aside, requests fail while one serves.
//! - Bodies as they come, both ways, of any size; so events of a stream arrive
//!   at once. What is silent for an hour is cut.
//! - A connection of its own to the upstream, and, for a client of HTTP/1.1,
//!   one answer a connection. Kept connections are closed when a process ends
//!   or nginx loads its file, and a request that is sent just then fails: with
//!   three clients on kept connections, 30 reloads cost 10 to 22 requests that
//!   had been sent, without them none, for 0.3 ms a request at most (nginx 1.22,
//!   two cores, November 2026). A client of HTTP/2 is told which requests were
//!   not looked at, sends those again and keeps its connections.
//! - WebSockets and other upgrades of HTTP/1.1.
//!
//! [`proxy_next_upstream`]: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream
//!
//! # What nginx does not do
//! - Over HTTP/1.1 it passes no more of a request's body once the head of the
//!   answer came (`preserve_output` in `ngx_http_upstream.c` is gRPC's alone).
//!   A service that answers while it still reads, as an echo does, gets the
//!   rest over gRPC only; others read first and then answer.
//! - A service that refuses a large body without reading it and closes the
//!   connection may appear as 502: nginx writes, fails, and does not look for
//!   the answer that was on its way.
//! - Nothing is upgraded on connections of HTTP/2: browsers open one of
//!   HTTP/1.1 for a WebSocket.
//! - nginx 1.22 with TLS and HTTP/2 keeps the head of an answer until the first
//!   byte of the body follows; 1.26 does not.
//!
//! # Headers
//! To the upstream: `Host` as the client sent it; `X-Forwarded-For` with the
//! client's address appended, `X-Forwarded-Proto`, `X-Forwarded-Host` (as
//! `Host`), `X-Forwarded-Port` (of `Host`, else the listener's), and
//! [`REQUEST_ID_HEADER`]. To the client: the same id, and in
//! [`VERSION_HEADER`] the version that answered, which no answer of nginx's own
//! has. An id of a client is passed on when it has 1 to 128 letters, digits
//! and `._:=+/@-`; else one of 32 hexadecimal digits is made.
//!
//! # The access log
//! A line of JSON for each request when it has ended. Texts may hold bytes
//! that are no UTF-8, as the client sent them.
//!
//! | key | what it holds |
//! | --- | --- |
//! | `time` | when it ended, in seconds since 1970, with milliseconds |
//! | `id` | the request's id |
//! | `host`, `method`, `path`, `protocol` | as asked; the path without its query |
//! | `status` | the answer's, 444 for an unknown host, 499 when the client went |
//! | `upstream` | the addresses that were tried, with `, ` between them |
//! | `version` | the version that answered, or empty |
//! | `seconds` | from the request's first byte to the answer's last |
//! | `connect_seconds`, `upstream_seconds` | a text: for each upstream that was tried how long the connection and the whole answer took, or `-` |
//! | `received`, `sent` | bytes from and to the client |

mod address;
mod conf;
mod file_path;
mod host;
mod ingress;
mod label;
mod listener;
mod path_prefix;
mod route;
mod settings;

pub use address::{Address, AddressError};
pub use conf::nginx_conf;
pub use file_path::{FilePath, FilePathError};
pub use host::{Host, HostError};
pub use ingress::{Conflict, Conflicts, Ingress};
pub use label::{AccountName, Label, LabelError, Version};
pub use listener::{Certificate, Listener, Serves, Transport};
pub use path_prefix::{PathPrefix, PathPrefixError};
pub use route::{Protocol, Route, Site, Upstream, Weight, WeightError};
pub use settings::{Account, DRAIN_SECONDS, Log, Settings};

/// The header of an answer that tells the [`Version`] that gave it.
pub const VERSION_HEADER: &str = "hob-version";

/// The header that holds a request's id, on its way in, further and back.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

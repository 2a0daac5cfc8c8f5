//! What happens to header fields on their way through.
//!
//! Hop-by-hop fields end here (RFC 9110, 7.6.1), an upgrade is asked for
//! anew, `X-Forwarded-*` is added where absent. Nothing else changes, the case
//! of names included. Start with [`request`] and [`response`].

use std::net::IpAddr;

use hob_wire::GENERATION_HEADER;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri, Version, request};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static GENERATION: HeaderName = HeaderName::from_static(GENERATION_HEADER);

/// The protocol that a message wants to go on with, if any.
///
/// `h2c` is no such wish: RFC 9113 has withdrawn it, and a server may always
/// answer such a request in HTTP/1.1.
pub(crate) fn upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers.get(UPGRADE)?;
    let usable = version == Version::HTTP_11
        && lists(headers, &CONNECTION, "upgrade")
        && !wanted.as_bytes().eq_ignore_ascii_case(b"h2c");
    usable.then(|| wanted.clone())
}

/// Whether the client waits to be told to send its body.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Makes a client's request head the one that the process gets.
pub(crate) fn request(
    head: &mut request::Parts,
    upgrade: Option<&HeaderValue>,
    peer: IpAddr,
    page: bool,
) {
    let host = head.uri.authority().map(|host| host.as_str().to_owned());
    if head.version == Version::HTTP_2 {
        // The URI carries scheme and authority, as HTTP/2 wants them; a
        // request that named only `Host` gets its authority from there.
        if host.is_none() {
            if let Some(uri) = absolute(&head.uri, head.headers.get(HOST)) {
                head.uri = uri;
            }
        }
    } else {
        head.version = Version::HTTP_11;
        if let Some(host) = &host {
            // The absolute form's host counts, whatever `Host` says (RFC 9112, 3.2.2).
            if let Ok(host) = HeaderValue::from_str(host) {
                head.headers.insert(HOST, host);
            }
            head.uri = origin(&head.uri);
        }
    }
    end_hop(&mut head.headers, head.version);
    if let Some(upgrade) = upgrade {
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, upgrade.clone());
    }
    let host = match host {
        Some(host) => HeaderValue::from_str(&host).ok(),
        None => head.headers.get(HOST).cloned(),
    };
    forwarded(&mut head.headers, peer, host);
    if page {
        // The page is about to be extended: it must come whole and readable.
        head.headers.remove(ACCEPT_ENCODING);
        head.headers.remove(IF_NONE_MATCH);
        head.headers.remove(IF_MODIFIED_SINCE);
    }
}

/// Makes a process's response head the one that the client gets.
pub(crate) fn response(
    headers: &mut HeaderMap,
    upgrade: Option<&HeaderValue>,
    version: Version,
    generation: u64,
) {
    end_hop(headers, version);
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, upgrade.clone());
    }
    stamp(headers, generation);
}

/// Says which generation answers.
pub(crate) fn stamp(headers: &mut HeaderMap, generation: u64) {
    headers.insert(GENERATION.clone(), HeaderValue::from(generation));
}

/// Whether a comma-separated field lists this token.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

fn forwarded(headers: &mut HeaderMap, peer: IpAddr, host: Option<HeaderValue>) {
    if !headers.contains_key(&FORWARDED_FOR) {
        if let Ok(peer) = HeaderValue::from_str(&peer.to_canonical().to_string()) {
            headers.insert(FORWARDED_FOR.clone(), peer);
        }
    }
    if !headers.contains_key(&FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO.clone(), HeaderValue::from_static("http"));
    }
    if let (false, Some(host)) = (headers.contains_key(&FORWARDED_HOST), host) {
        headers.insert(FORWARDED_HOST.clone(), host);
    }
}

fn end_hop(headers: &mut HeaderMap, version: Version) {
    let trailers = lists(headers, &TE, "trailers");
    if headers.contains_key(CONNECTION) {
        let listed: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            // Framing and routing are no client's to take away.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING)
            .collect();
        for name in listed {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    headers.remove(&KEEP_ALIVE);
    headers.remove(&PROXY_CONNECTION);
    headers.remove(&HTTP2_SETTINGS);
    headers.remove(UPGRADE);
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        if version != Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("TE"));
        }
    }
}

fn origin(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

fn absolute(uri: &Uri, host: Option<&HeaderValue>) -> Option<Uri> {
    let path = uri.path_and_query().cloned()?;
    Uri::builder()
        .scheme("http")
        .authority(host?.to_str().ok()?)
        .path_and_query(path)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use http::Request;
    use snapbox::str;

    /// Request text in, what the process gets out.
    fn check(input: &str, page: bool, expected: impl snapbox::IntoData) {
        let mut lines = input.lines().map(str::trim).filter(|line| !line.is_empty());
        let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let version = match first[2] {
            "HTTP/2" => Version::HTTP_2,
            "HTTP/1.0" => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        let mut builder = Request::builder()
            .method(first[0])
            .uri(first[1])
            .version(version);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            builder = builder.header(name, value);
        }
        let (mut head, ()) = builder.body(()).unwrap().into_parts();
        let wanted = upgrade(head.version, &head.headers);
        request(&mut head, wanted.as_ref(), [127, 0, 0, 1].into(), page);
        let mut text = format!("{} {} {:?}\n", head.method, head.uri, head.version);
        let mut fields: Vec<String> = head
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
            .collect();
        // Between different names order means nothing.
        fields.sort();
        text += &fields.concat();
        snapbox::assert_data_eq!(text, expected.into_data());
    }

    #[test]
    fn hop_by_hop_fields_end_and_forwarded_ones_are_added() {
        check(
            "GET /a?b=c HTTP/1.1
             Host: localhost:20010
             Connection: keep-alive, X-Secret
             X-Secret: 1
             Keep-Alive: timeout=5
             Proxy-Connection: keep-alive
             Accept: */*",
            false,
            str![[r#"
GET /a?b=c HTTP/1.1
accept: */*
host: localhost:20010
x-forwarded-for: 127.0.0.1
x-forwarded-host: localhost:20010
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn forwarded_fields_of_an_outer_proxy_stay_as_they_are() {
        check(
            "GET / HTTP/1.1
             Host: a
             X-Forwarded-For: 10.0.0.1
             X-Forwarded-Proto: https
             X-Forwarded-Host: example.org",
            false,
            str![[r#"
GET / HTTP/1.1
host: a
x-forwarded-for: 10.0.0.1
x-forwarded-host: example.org
x-forwarded-proto: https

"#]],
        );
    }

    #[test]
    fn a_client_cannot_take_away_host_or_framing() {
        check(
            "POST / HTTP/1.1
             Host: a
             Content-Length: 3
             Connection: host, content-length, close",
            false,
            str![[r#"
POST / HTTP/1.1
content-length: 3
host: a
x-forwarded-for: 127.0.0.1
x-forwarded-host: a
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn a_websocket_upgrade_is_asked_for_anew() {
        check(
            "GET /ws HTTP/1.1
             Host: a
             Connection: keep-alive, Upgrade
             Upgrade: websocket",
            false,
            str![[r#"
GET /ws HTTP/1.1
connection: upgrade
host: a
upgrade: websocket
x-forwarded-for: 127.0.0.1
x-forwarded-host: a
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn an_h2c_upgrade_is_no_wish() {
        check(
            "GET / HTTP/1.1
             Host: a
             Connection: Upgrade, HTTP2-Settings
             Upgrade: h2c
             HTTP2-Settings: AAMAAABkAAQAAP__",
            false,
            str![[r#"
GET / HTTP/1.1
host: a
x-forwarded-for: 127.0.0.1
x-forwarded-host: a
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn the_absolute_forms_host_counts() {
        check(
            "GET http://real:1/x?y HTTP/1.1
             Host: other",
            false,
            str![[r#"
GET /x?y HTTP/1.1
host: real:1
x-forwarded-for: 127.0.0.1
x-forwarded-host: real:1
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn http2_keeps_its_uri_and_te_trailers() {
        check(
            "POST http://a:1/pkg.Service/Call HTTP/2
             Te: trailers
             Content-Type: application/grpc",
            false,
            str![[r#"
POST http://a:1/pkg.Service/Call HTTP/2.0
content-type: application/grpc
te: trailers
x-forwarded-for: 127.0.0.1
x-forwarded-host: a:1
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn http_1_0_is_spoken_to_nobody() {
        check(
            "GET / HTTP/1.0",
            false,
            str![[r#"
GET / HTTP/1.1
x-forwarded-for: 127.0.0.1
x-forwarded-proto: http

"#]],
        );
    }

    #[test]
    fn a_page_is_asked_for_whole_and_readable() {
        check(
            "GET / HTTP/1.1
             Host: a
             Accept-Encoding: gzip
             If-None-Match: \"1\"
             If-Modified-Since: Fri, 20 Nov 2026 00:00:00 GMT",
            true,
            str![[r#"
GET / HTTP/1.1
host: a
x-forwarded-for: 127.0.0.1
x-forwarded-host: a
x-forwarded-proto: http

"#]],
        );
    }
}

//! Whether and how a page gets the script that reloads it.
//!
//! Decides from the heads alone and never keeps a page back: the tag follows
//! the last byte. There the HTML parser puts it into the body, wherever that
//! ended, and neither the doctype nor any element of the page moves
//! ([parsing, "after after body"](https://html.spec.whatwg.org/#the-after-after-body-insertion-mode)).
//! Start with [`objection`], which names the first reason to leave a page
//! alone.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, LAST_MODIFIED,
};
use http::{HeaderMap, StatusCode};

use crate::csp;
use crate::headers::lists;
use crate::visit::Visit;

/// Fields that vouch for the exact bytes.
const DIGESTS: [&str; 4] = ["content-md5", "digest", "content-digest", "repr-digest"];

/// The tag on its way to the end of a page.
#[derive(Debug)]
pub(crate) struct Injection {
    tag: String,
    begun: bool,
}

impl Injection {
    /// For a page of this generation, as served by the gate `boot`.
    pub(crate) fn new(boot: u64, generation: u64) -> Self {
        let mut tag = tag(boot, generation);
        // An even number of bytes can be blanked in UTF-16 too.
        if tag.len() % 2 == 1 {
            tag.push('\n');
        }
        Self { tag, begun: false }
    }

    pub(crate) fn len(&self) -> u64 {
        self.tag.len() as u64
    }

    /// Looks at a piece of the page as it passes: a page that turns out to be
    /// UTF-16 gets blanks of the promised length instead of the tag.
    pub(crate) fn look(&mut self, data: &[u8]) {
        if self.begun || data.is_empty() {
            return;
        }
        self.begun = true;
        if data.starts_with(&[0xff, 0xfe]) {
            self.tag = " \0".repeat(self.tag.len() / 2);
        } else if data.starts_with(&[0xfe, 0xff]) {
            self.tag = "\0 ".repeat(self.tag.len() / 2);
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.tag.into()
    }
}

/// The script's tag; the script learns from it what the page was made by.
pub(crate) fn tag(boot: u64, generation: u64) -> String {
    format!(r#"<script src="/__hob/live.js" data-hob="{boot}.{generation}" defer></script>"#)
}

/// Why the answer is to be left as it is; none when it is a page that the
/// script may be put into. `host` is the request's.
pub(crate) fn objection(
    visit: Visit,
    host: Option<&HeaderValue>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<&'static str> {
    let has = |name: &HeaderName| headers.contains_key(name);
    if !visit.navigation {
        return Some("not a page load");
    }
    if !visit.whole {
        return Some("not asked for whole");
    }
    let empty = matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::PARTIAL_CONTENT
    );
    if empty || status.is_informational() || status.is_redirection() || has(&CONTENT_RANGE) {
        return Some("not a whole page");
    }
    if headers.get(CONTENT_LENGTH).is_some_and(|it| it == "0") {
        return Some("empty");
    }
    if !is_html(headers) {
        return Some("not HTML in a known encoding");
    }
    if headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Some("compressed");
    }
    if headers.get_all(CONTENT_DISPOSITION).iter().any(|it| {
        it.as_bytes()
            .get(..10)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"attachment"))
    }) {
        return Some("a download");
    }
    if lists(headers, &CACHE_CONTROL, "no-transform") {
        return Some("no-transform");
    }
    if DIGESTS.iter().any(|name| headers.contains_key(*name)) {
        return Some("its bytes are vouched for");
    }
    let policies = [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];
    let host = host.and_then(|host| host.to_str().ok());
    for value in policies.iter().flat_map(|name| headers.get_all(name)) {
        // A policy that cannot be read is one that cannot be trusted to allow it.
        let readable = value.to_str().ok();
        if !readable.is_some_and(|value| csp::allows([value], host)) {
            return Some("its policy");
        }
    }
    None
}

/// Corrects the head of a page that is about to get the tag.
pub(crate) fn prepare(headers: &mut HeaderMap, injection: &Injection) {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length + injection.len()));
    }
    headers.remove(ETAG);
    headers.remove(LAST_MODIFIED);
}

fn is_html(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let html = parts
        .next()
        .is_some_and(|it| it.eq_ignore_ascii_case("text/html"));
    html && !parts.any(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        parameter.strip_prefix("charset=").is_some_and(|charset| {
            let charset = charset.trim_matches('"');
            charset.starts_with("utf-16")
                || charset.starts_with("utf-32")
                || charset.starts_with("iso-10646")
                || charset.starts_with("unicode")
                || charset.starts_with("ucs-2")
        })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use http::{Request, Response};

    fn objected(request: &str, response: &str) -> &'static str {
        let mut asked = Request::builder().header("host", "localhost:1");
        let mut method = "GET";
        for line in request.split(" | ").filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some((name, value)) => asked = asked.header(name, value),
                None => method = line,
            }
        }
        let asked = asked.method(method).body(()).unwrap();
        let mut answer = Response::builder();
        for line in response.split(" | ") {
            answer = match line.split_once(": ") {
                Some((name, value)) => answer.header(name, value),
                None => answer.status(line.parse::<u16>().unwrap()),
            };
        }
        let answer = answer.body(()).unwrap();
        objection(
            Visit::of(&asked),
            asked.headers().get("host"),
            answer.status(),
            answer.headers(),
        )
        .unwrap_or("injected")
    }

    #[test]
    fn only_pages_that_stay_whole_get_the_script() {
        let page = "sec-fetch-dest: document";
        let table = [
            (page, "200 | content-type: text/html", "injected"),
            (
                page,
                "200 | content-type: Text/HTML; Charset=\"UTF-8\"",
                "injected",
            ),
            (
                page,
                "404 | content-type: text/html; charset=utf-8",
                "injected",
            ),
            (page, "500 | content-type: text/html", "injected"),
            (
                "accept: text/html",
                "200 | content-type: text/html",
                "injected",
            ),
            (
                "POST | accept: text/html",
                "200 | content-type: text/html",
                "injected",
            ),
            (
                "accept: */*",
                "200 | content-type: text/html",
                "not a page load",
            ),
            (
                "sec-fetch-dest: empty | accept: text/html",
                "200 | content-type: text/html",
                "not a page load",
            ),
            (
                "accept: text/html | hx-request: true",
                "200 | content-type: text/html",
                "not a page load",
            ),
            (
                "HEAD | sec-fetch-dest: document",
                "200 | content-type: text/html",
                "not asked for whole",
            ),
            (
                "sec-fetch-dest: document | range: bytes=0-9",
                "206 | content-type: text/html",
                "not asked for whole",
            ),
            (
                page,
                "200 | content-type: text/html | content-range: bytes 0-1/2",
                "not a whole page",
            ),
            (page, "204 | content-type: text/html", "not a whole page"),
            (page, "205 | content-type: text/html", "not a whole page"),
            (page, "206 | content-type: text/html", "not a whole page"),
            (page, "304 | content-type: text/html", "not a whole page"),
            (
                page,
                "302 | content-type: text/html | location: /a",
                "not a whole page",
            ),
            (
                page,
                "200 | content-type: text/html | content-length: 0",
                "empty",
            ),
            (
                page,
                "200 | content-type: text/plain",
                "not HTML in a known encoding",
            ),
            (
                page,
                "200 | content-type: application/xhtml+xml",
                "not HTML in a known encoding",
            ),
            (
                page,
                "200 | content-type: text/html; charset=utf-16le",
                "not HTML in a known encoding",
            ),
            (page, "200 | x-no: type", "not HTML in a known encoding"),
            (
                page,
                "200 | content-type: text/html | content-encoding: gzip",
                "compressed",
            ),
            (
                page,
                "200 | content-type: text/html | content-encoding: br",
                "compressed",
            ),
            (
                page,
                "200 | content-type: text/html | content-encoding: identity",
                "injected",
            ),
            (
                page,
                "200 | content-type: text/html | content-disposition: attachment; filename=a",
                "a download",
            ),
            (
                page,
                "200 | content-type: text/html | cache-control: max-age=1, no-transform",
                "no-transform",
            ),
            (
                page,
                "200 | content-type: text/html | cache-control: no-cache",
                "injected",
            ),
            (
                page,
                "200 | content-type: text/html | content-md5: x",
                "its bytes are vouched for",
            ),
            (
                page,
                "200 | content-type: text/html | digest: sha-256=x",
                "its bytes are vouched for",
            ),
            (
                page,
                "200 | content-type: text/html | repr-digest: sha-256=:x:",
                "its bytes are vouched for",
            ),
            (
                page,
                "200 | content-type: text/html | content-security-policy: default-src 'self'",
                "injected",
            ),
            (
                page,
                "200 | content-type: text/html | content-security-policy: default-src 'none'",
                "its policy",
            ),
            (
                page,
                "200 | content-type: text/html | content-security-policy: default-src 'self' | content-security-policy: script-src 'none'",
                "its policy",
            ),
            (
                page,
                "200 | content-type: text/html | content-security-policy-report-only: script-src 'none'",
                "its policy",
            ),
            (
                page,
                "200 | content-type: text/html | content-security-policy: script-src localhost:1",
                "injected",
            ),
        ];
        for (request, response, expected) in table {
            assert_eq!(
                objected(request, response),
                expected,
                "{request} -> {response}"
            );
        }
    }

    #[test]
    fn the_promised_length_is_kept_whatever_the_page_is() {
        let pieces: [&[u8]; 4] = [b"<p>", b"\xff\xfe<\0", b"\xfe\xff\0<", b""];
        for piece in pieces {
            let mut injection = Injection::new(123, 4);
            let promised = injection.len();
            injection.look(piece);
            let bytes = injection.into_bytes();
            assert_eq!(bytes.len() as u64, promised, "{piece:?}");
            assert_eq!(bytes.len() % 2, 0);
            assert_eq!(
                bytes.starts_with(b"<script"),
                !piece.starts_with(&[0xff]) && !piece.starts_with(&[0xfe])
            );
        }
    }
}

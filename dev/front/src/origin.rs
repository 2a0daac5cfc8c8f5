//! [`Origin`]: pages of other services of this machine that ask by script.
//!
//! A browser keeps an answer from such a page unless the answer names the
//! page's origin, so "Failed to fetch" would stand where the front says why
//! nothing serves. Only the front's own answers get these fields, and only for
//! local origins; what a service answers is never touched. See the Fetch
//! standard, 3.2 (the CORS protocol).

use std::net::IpAddr;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request, Response, StatusCode, Uri};

use crate::body::Body;

/// A page of this machine that asks across origins.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    name: HeaderValue,
    /// The browser asks first whether it may ask.
    preflight: Option<Preflight>,
}

#[derive(Debug, Clone)]
struct Preflight {
    method: HeaderValue,
    headers: Option<HeaderValue>,
}

impl Origin {
    /// The origin of a request, if it names a local one.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let name = headers.get(ORIGIN).filter(|name| is_local(name))?.clone();
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        let method = method.filter(|_| *request.method() == Method::OPTIONS);
        let preflight = method.map(|method| Preflight {
            method: method.clone(),
            headers: headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
        });
        Some(Self { name, preflight })
    }

    /// Lets the page read a refusal. A browser that asks first is told to go
    /// on, since it hides all else: what it sends then gets the reason. It
    /// asks first every time, so the service's own word is heard once it
    /// answers.
    pub(crate) fn admit(&self, refusal: Response<Body>) -> Response<Body> {
        let mut response = match &self.preflight {
            Some(preflight) if refusal.status() == StatusCode::SERVICE_UNAVAILABLE => {
                preflight.answer(&refusal)
            }
            _ => refusal,
        };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.name.clone());
        let with = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, with);
        let readable = HeaderValue::from_static("hob-generation, retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        response
    }
}

impl Preflight {
    fn answer(&self, refusal: &Response<Body>) -> Response<Body> {
        let mut response = Response::new(Body::Whole(None));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        let generation = hob_wire::GENERATION_HEADER;
        if let Some(value) = refusal.headers().get(generation) {
            headers.insert(generation, value.clone());
        }
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.method.clone());
        if let Some(names) = &self.headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("0"));
        response
    }
}

/// Whether an origin is of this machine: loopback, `localhost` and below, or
/// below `.test`, which is nobody's (RFC 6761).
fn is_local(origin: &HeaderValue) -> bool {
    let origin = origin.to_str().ok();
    let uri: Option<Uri> = origin.and_then(|origin| origin.parse().ok());
    let Some((host, "http" | "https")) = uri.as_ref().and_then(|it| it.host().zip(it.scheme_str()))
    else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    let below = |name: &str| host.strip_suffix(name).is_some_and(|it| it.ends_with('.'));
    match address {
        Ok::<IpAddr, _>(address) => address.is_loopback(),
        Err(_) => host == "localhost" || below("localhost") || below("test"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_local_by_its_host_alone() {
        let table = [
            ("http://localhost:3000", true),
            ("https://localhost", true),
            ("http://127.0.0.1:20010", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:8080", true),
            ("http://web.localhost:1", true),
            ("http://Shop.Test", true),
            ("http://test", false),
            ("http://localhost.example.com", false),
            ("http://notlocalhost", false),
            ("http://mytest", false),
            ("http://192.168.1.5:3000", false),
            ("http://10.0.0.1", false),
            ("https://example.com", false),
            ("http://localhost@example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("ftp://localhost", false),
            ("localhost", false),
            ("null", false),
            ("", false),
        ];
        for (origin, local) in table {
            let value = HeaderValue::from_static(origin);
            assert_eq!(is_local(&value), local, "{origin}");
        }
    }
}

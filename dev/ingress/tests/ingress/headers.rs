//! What upstreams and clients are told beside the answer.

use std::net::SocketAddr;

use crate::client::{ask, raw};
use crate::nginx::Nginx;
use crate::samples;
use crate::upstream::Upstream;

async fn web() -> (SocketAddr, Upstream, Nginx) {
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {}
        ",
        upstream.is("v1")
    ))
    .await;
    (addr, upstream, nginx)
}

#[tokio::test]
async fn the_upstream_knows_how_it_was_asked() {
    let (addr, _upstream, _nginx) = web().await;
    let check = async |request: &str, expected: [(&str, &str); 5]| {
        let seen = ask(addr, request).await.seen();
        for (name, value) in expected {
            assert_eq!(seen["headers"][name], value, "{name} of {request}");
        }
    };
    // Where connections to loopback come from.
    let us = "127.0.0.1";
    let port = addr.port().to_string();
    check(
        "GET Web.test/",
        [
            ("host", "Web.test"),
            ("x-forwarded-for", us),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "Web.test"),
            ("x-forwarded-port", &port),
        ],
    )
    .await;
    check(
        "GET web.test:8443/\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: other",
        [
            ("host", "web.test:8443"),
            ("x-forwarded-for", &format!("192.0.2.1, {us}")),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "web.test:8443"),
            ("x-forwarded-port", "8443"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_sane_request_id_is_passed_on_and_another_one_is_made() {
    let (addr, _upstream, nginx) = web().await;
    let longest = "a".repeat(128);
    let too_long = "a".repeat(129);
    let cases = [
        ("7d4c2b1e-3f4a-4e0b-9d59-0a4f7a2f6c1d", true),
        ("Root=1-67891233/a+b:c@d_e.f", true),
        (longest.as_str(), true),
        (too_long.as_str(), false),
        ("a b", false),
        ("a\"b", false),
        ("a,b", false),
        ("a$b", false),
        ("", false),
    ];
    for (index, (sent, is_kept)) in cases.into_iter().enumerate() {
        let answer = ask(addr, &format!("GET web.test/\nX-Request-Id: {sent}")).await;
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(answer.seen()["headers"]["x-request-id"], id);
        if is_kept {
            assert_eq!(id, sent);
        } else {
            assert!(
                id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
        assert_eq!(nginx.log(index + 1).await[index]["id"], id);
    }
    let none = ask(addr, "GET web.test/").await;
    let again = ask(addr, "GET web.test/").await;
    assert_eq!(none.header("x-request-id").len(), 32);
    assert_ne!(none.header("x-request-id"), again.header("x-request-id"));
}

#[tokio::test]
async fn headers_with_unusual_names_arrive() {
    let (addr, _upstream, _nginx) = web().await;
    let large = "a".repeat(30_000);
    let answer = ask(
        addr,
        &format!("GET web.test/\nx_under: a\nx.dot: b\nCookie: {large}"),
    )
    .await;
    let seen = answer.seen();
    assert_eq!(seen["headers"]["x_under"], "a");
    assert_eq!(seen["headers"]["x.dot"], "b");
    assert_eq!(seen["headers"]["cookie"], large);
}

#[tokio::test]
async fn a_line_of_the_log_tells_what_a_request_got() {
    let (addr, upstream, nginx) = web().await;
    ask(
        addr,
        "POST web.test/a%20\"b?token=secret\nX-Request-Id: r-1\n\nbody",
    )
    .await;
    let line = nginx.log(1).await.remove(0);
    for (key, value) in [
        ("id", "r-1"),
        ("host", "web.test"),
        ("method", "POST"),
        ("path", "/a%20\"b"),
        ("protocol", "HTTP/1.1"),
        ("upstream", &upstream.addr.to_string()),
        ("version", "v1"),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    assert_eq!(line["status"], 200);
    for key in ["time", "seconds", "received", "sent"] {
        assert!(line[key].is_number(), "{key} of {line}");
    }
    for key in ["connect_seconds", "upstream_seconds"] {
        let seconds = line[key].as_str().unwrap();
        assert!(seconds.parse::<f64>().is_ok(), "{key} of {line}");
    }
}

#[tokio::test]
async fn whatever_is_asked_the_log_is_json() {
    let (addr, _upstream, nginx) = web().await;
    let requests = [
        "GET /\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\"\\b\r\n\r\n",
        "GET /\"\\ HTTP/1.0\r\nHost: web.test\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ];
    for request in requests {
        raw(addr, request).await;
    }
    for line in nginx.log(requests.len()).await {
        assert!(line["status"].is_number(), "{line}");
    }
}

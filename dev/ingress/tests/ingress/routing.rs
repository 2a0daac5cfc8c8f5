//! Who answers: by host, by path, by the listener.

use http::StatusCode;

use crate::client::{ask, ask_on, raw, request2};
use crate::nginx::Nginx;
use crate::upstream::Upstream;
use crate::{client, samples, tls, within};

/// Asks and tells who answered, or the status and the text of nginx itself.
async fn who(addr: std::net::SocketAddr, target: &str) -> String {
    let answer = ask(addr, &format!("GET {target}")).await;
    match answer.status {
        StatusCode::OK => answer.seen()["by"].as_str().unwrap().to_owned(),
        status => format!("{} {}", status.as_u16(), answer.body.trim_end()),
    }
}

#[tokio::test]
async fn the_host_and_the_longest_path_decide() {
    let addr = samples::free();
    let web = Upstream::http("web").await;
    let api = Upstream::http("api").await;
    let deep = Upstream::http("deep").await;
    let shop = Upstream::http("shop").await;
    let any = Upstream::http("any").await;
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {}
          /api api http {}
          /api/v2/deep deep http {}
        site shop shop.test
          /shop shop http {}
        site any *.any.test
          / any http {}
        ",
        web.is("v1"),
        api.is("v1"),
        deep.is("v1"),
        shop.is("v1"),
        any.is("v1"),
    ))
    .await;
    for (target, expected) in [
        ("web.test/", "web"),
        ("WEB.test:8080/x?y=/api", "web"),
        ("web.test/api", "api"),
        ("web.test/api/", "api"),
        ("web.test/api?x", "api"),
        ("web.test/api/x", "api"),
        ("web.test/%61pi/x", "api"),
        ("web.test/apis", "web"),
        ("web.test/API", "web"),
        ("web.test/api/v2", "api"),
        ("web.test/api/v2/deep", "deep"),
        ("web.test/api/v2/deeper", "api"),
        ("shop.test/shop", "shop"),
        ("shop.test/", "404 shop has no route for this path"),
        ("a.any.test/", "any"),
        ("a.b.any.test/", "any"),
    ] {
        assert_eq!(who(addr, target).await, expected, "{target}");
    }
    for host in [
        "any.test",
        "nobody.test",
        "web.test.nobody.test",
        "127.0.0.1",
    ] {
        let answer = raw(addr, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(answer, "", "{host}");
    }
    assert_eq!(raw(addr, "GET / HTTP/1.0\r\n\r\n").await, "");
    let log = nginx.log(21).await;
    assert_eq!(log[20]["status"], 444);
    assert_eq!(nginx.errors(), "");
    assert!(nginx.end().await.success());
}

#[tokio::test]
async fn a_path_arrives_as_it_was_sent() {
    let addr = samples::free();
    let api = Upstream::http("api").await;
    let _nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          /api api http {}
        ",
        api.is("v1"),
    ))
    .await;
    for path in ["/api", "/api/", "/api//x%2Fy/?q=%20&r=a+b", "/api/é"] {
        let sent = path.replace('é', "%C3%A9");
        let answer = ask(addr, &format!("GET web.test{sent}")).await;
        assert_eq!(answer.seen()["target"], sent);
    }
}

#[tokio::test]
async fn a_stacks_own_port_answers_for_its_site_whatever_the_host_is() {
    let (by_host, own) = (samples::free(), samples::free());
    let web = Upstream::http("web").await;
    let shop = Upstream::http("shop").await;
    let _nginx = Nginx::start(&format!(
        "
        listen {by_host}
        listen {own} http site=shop
        site web web.test
          / web http {}
        site shop
          / shop http {}
        ",
        web.is("v1"),
        shop.is("v1"),
    ))
    .await;
    assert_eq!(who(by_host, "web.test/").await, "web");
    for host in ["127.0.0.1", "nobody.test", "web.test", "localhost"] {
        assert_eq!(who(own, &format!("{host}/")).await, "shop", "{host}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_and_may_be_asked_for_again() {
    let addr = samples::free();
    let gone = samples::free();
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / vnextapi http
          /call greeter grpc
          /gone goapi http {gone}=v1
        "
    ))
    .await;
    for (request, service) in [
        ("GET web.test/", "vnextapi"),
        ("POST web.test/x\n\nbody", "vnextapi"),
        ("POST web.test/call/x\n\nbody", "greeter"),
    ] {
        let answer = ask(addr, request).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-request-id").len(), 32);
        assert_eq!(answer.header("hob-version"), "");
        assert_eq!(answer.body, format!("nothing serves {service} now\n"));
    }
    let answer = ask(addr, "GET web.test/gone\nX-Request-Id: mine").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("hob-version"), "");
    assert_eq!(
        answer.body,
        "nothing behind this path of web.test answered request mine\n"
    );
    let log = nginx.log(4).await;
    assert_eq!(log[3]["upstream"], gone.to_string());
    assert_eq!(log[3]["version"], "");
    assert!(nginx.errors().contains("Connection refused"));
}

#[tokio::test]
async fn hosts_are_found_with_tls_in_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let pair = tls::pair(folder.path(), &["web.test", "nobody.test"]);
    let (addr, own, open) = (samples::free(), samples::free(), samples::free());
    let web = Upstream::http("web").await;
    let nginx = Nginx::start_with(
        &format!(
            "
            listen {addr} tls
            listen {open}
            listen {own} tls site=web
            site web web.test
              / web http {}
            ",
            web.is("v1")
        ),
        Some(&pair),
        |_| {},
    )
    .await;
    for addr in [addr, own] {
        let stream = tls::connect(addr, "web.test", "http/1.1", &pair);
        let seen = ask_on(stream, "GET web.test/").await.seen();
        assert_eq!(seen["headers"]["x-forwarded-proto"], "https");

        let stream = tls::connect(addr, "web.test", "h2", &pair);
        let mut sender = client::connect2(stream).await.unwrap();
        let response = within("a request", sender.send_request(request2("GET web.test/x")));
        let answer = client::Answer::of(response.await.unwrap()).await.unwrap();
        assert_eq!(answer.seen()["headers"]["host"], "web.test");
    }
    let seen = ask(open, "GET web.test/").await.seen();
    assert_eq!(seen["headers"]["x-forwarded-proto"], "http");

    let stream = tls::connect(addr, "nobody.test", "http/1.1", &pair);
    let mut sender = client::connect1(stream).await.unwrap();
    let refused = sender.send_request(client::request("GET nobody.test/"));
    assert!(within("a request", refused).await.is_err());

    let stream = tls::connect(addr, "nobody.test", "h2", &pair);
    let mut sender = client::connect2(stream).await.unwrap();
    let refused = sender.send_request(request2("GET nobody.test/"));
    assert!(within("a request", refused).await.is_err());
    assert_eq!(nginx.errors(), "");
}

#[tokio::test]
async fn a_certificate_of_the_sites_own_is_shown_to_whoever_names_the_site() {
    let folder = tempfile::tempdir().unwrap();
    let pair = tls::pair(folder.path(), &["web.test", "nobody.test"]);
    let (addr, own) = (samples::free(), samples::free());
    let web = Upstream::http("web").await;
    let nginx = Nginx::start_with(
        &format!(
            "
            listen {addr} tls-by-site
            listen {own} tls-by-site site=web
            site web web.test
              / web http {}
            ",
            web.is("v1")
        ),
        Some(&pair),
        |_| {},
    )
    .await;
    for addr in [addr, own] {
        let stream = tls::connect(addr, "web.test", "http/1.1", &pair);
        let seen = ask_on(stream, "GET web.test/").await.seen();
        assert_eq!(seen["headers"]["x-forwarded-proto"], "https");
    }
    // Named in the request alone, or in the handshake.
    for named in ["web.test", "nobody.test"] {
        let stream = tls::connect(addr, named, "http/1.1", &pair);
        let mut sender = client::connect1(stream).await.unwrap();
        let refused = sender.send_request(client::request("GET nobody.test/"));
        assert!(within("a request", refused).await.is_err(), "{named}");
    }
    assert_eq!(nginx.errors(), "");
}

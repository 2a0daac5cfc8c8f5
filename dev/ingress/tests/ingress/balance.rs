//! Shares of upstreams, and those that are not there.

use std::collections::BTreeMap;

use hob_ingress::Address;
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use tokio::net::{TcpListener, TcpStream};

use crate::client::ask;
use crate::nginx::Nginx;
use crate::samples;
use crate::upstream::Upstream;

#[tokio::test]
async fn shares_are_exact_over_a_cycle_and_the_header_tells_the_version() {
    let addr = samples::free();
    let one = Upstream::http("one").await;
    let two = Upstream::http("two").await;
    let three = Upstream::http("three").await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = samples::settings(folder.path());
    // Workers count together.
    settings.workers = std::num::NonZeroU8::new(2);
    let routes = format!(
        "
        listen {addr}
        site web web.test
          / web http {}*7 {}*2 {}
        ",
        one.is("v1"),
        two.is("v2"),
        three.is("v3"),
    );
    let nginx = Nginx::start_in(folder, settings, &routes, None, |_| {}).await;
    let mut counts = BTreeMap::new();
    for _ in 0..50 {
        let answer = ask(addr, "GET web.test/").await;
        let by = answer.seen()["by"].as_str().unwrap().to_owned();
        let version = answer.header("hob-version").to_owned();
        *counts.entry((by, version)).or_insert(0) += 1;
    }
    let expected = [("one", "v1", 35), ("two", "v2", 10), ("three", "v3", 5)];
    let expected: BTreeMap<_, _> = expected
        .map(|(by, version, count)| ((by.to_owned(), version.to_owned()), count))
        .into();
    assert_eq!(counts, expected);
    let log = nginx.log(50).await;
    let told = log.iter().filter(|line| line["version"] == "v2").count();
    assert_eq!(told, 10);
}

#[tokio::test]
async fn an_upstream_that_is_gone_fails_no_request_beside_one_that_serves() {
    let addr = samples::free();
    let gone = samples::free();
    let good = Upstream::http("good").await;
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {gone}=v1*3 {}
        ",
        good.is("v2"),
    ))
    .await;
    let body = "x".repeat(100_000);
    for _ in 0..20 {
        for request in ["GET web.test/", &format!("POST web.test/\n\n{body}")] {
            let answer = ask(addr, request).await;
            let seen = answer.seen();
            assert_eq!(seen["by"], "good");
            assert_eq!(answer.header("hob-version"), "v2");
            if seen["method"] == "POST" {
                assert_eq!(seen["body"], body);
            }
        }
    }
    let log = nginx.log(40).await;
    let tried = format!("{gone}, {}", good.addr);
    let passed_over = log.iter().filter(|line| line["upstream"] == tried).count();
    assert!(passed_over >= 20, "{passed_over}");
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection_is_passed_over_after_a_while() {
    let addr = samples::free();
    let full = samples::free();
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &full).unwrap();
    listen(&socket, 0).unwrap();
    // The one that it lets wait; the kernel does not answer another.
    let _waiting = TcpStream::connect(full).await.unwrap();
    let good = Upstream::http("good").await;
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {full}=v1*2 {}
        ",
        good.is("v2"),
    ))
    .await;
    let answer = ask(addr, "POST web.test/\n\nbody").await;
    assert_eq!(answer.seen()["by"], "good");
    assert_eq!(answer.seen()["body"], "body");
    let line = nginx.log(1).await.remove(0);
    assert_eq!(line["upstream"], format!("{full}, {}", good.addr));
}

#[tokio::test]
async fn nginx_writes_addresses_as_routes_do() {
    let addr = samples::free();
    // Nobody has them (RFC 3849), so nobody answers.
    let upstreams = [
        "[2001:db8::1]:80",
        "[2001:db8:0:0:1::1]:80",
        "[2001:db8:0:1:0:1:0:1]:80",
        "[2001:db8:1:1:1:1:1:0]:80",
        "[2001:DB8:0:0:1:0:0:0]:80",
        "[2001:db8:a:b:c:d:102:304]:8080",
        "[::ffff:127.0.0.1]:1",
    ];
    let mut routes = format!("listen {addr}\nsite web web.test\n");
    for (index, upstream) in upstreams.iter().enumerate() {
        routes += &format!("/{index} web http {upstream}=v1\n");
    }
    let nginx = Nginx::start(&routes).await;
    for (index, upstream) in upstreams.iter().enumerate() {
        let answer = ask(addr, &format!("GET web.test/{index}")).await;
        assert!(answer.status.is_server_error());
        let expected = upstream.parse::<Address>().unwrap().to_string();
        assert_eq!(nginx.log(index + 1).await[index]["upstream"], expected);
    }
}

#[tokio::test]
async fn an_upstream_that_came_back_is_asked_at_once() {
    let addr = samples::free();
    let place = samples::free();
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {place}=v1 {}=v1
        ",
        samples::free(),
    ))
    .await;
    assert_eq!(ask(addr, "GET web.test/").await.status, 502);
    let listener = TcpListener::bind(place).await.unwrap();
    let back = Upstream::on("back", listener);
    assert_eq!(ask(addr, "POST web.test/").await.seen()["by"], "back");
    drop((nginx, back));
}

#[tokio::test]
async fn what_was_sent_is_repeated_only_if_it_may_be() {
    let addr = samples::free();
    let one = Upstream::http("one").await;
    let two = Upstream::http("two").await;
    let nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {} {}
        ",
        one.is("v1"),
        two.is("v1"),
    ))
    .await;
    let asked = || one.asked() + two.asked();
    for (request, times) in [
        ("GET web.test/die", 2),
        ("DELETE web.test/die", 2),
        ("POST web.test/die", 1),
        ("PATCH web.test/die\n\nbody", 1),
    ] {
        let before = asked();
        assert_eq!(ask(addr, request).await.status, 502, "{request}");
        assert_eq!(asked() - before, times, "{request}");
    }
    drop(nginx);
}

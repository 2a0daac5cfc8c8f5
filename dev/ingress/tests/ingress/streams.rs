//! What lasts longer than an answer: events, WebSockets, calls of gRPC.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{ask, connect1, connect2, request, request2};
use crate::nginx::Nginx;
use crate::upstream::{Upstream, channel};
use crate::{samples, tls, until, within};

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let pair = tls::pair(folder.path(), &["web.test"]);
    let (open, open2, closed) = (samples::free(), samples::free(), samples::free());
    let upstream = Upstream::http("web").await;
    let nginx = Nginx::start_with(
        &format!(
            "
            listen {open}
            listen {open2} http2
            listen {closed} tls
            site web web.test
              / web http {}
            ",
            upstream.is("v1")
        ),
        Some(&pair),
        |_| {},
    )
    .await;
    let get = "GET web.test/events";
    let stream = TcpStream::connect(open).await.unwrap();
    let mut sender = connect1(stream).await.unwrap();
    events(&upstream, sender.send_request(request(get))).await;

    let stream = tls::connect(closed, "web.test", "http/1.1", &pair);
    let mut sender = connect1(stream).await.unwrap();
    events(&upstream, sender.send_request(request(get))).await;

    let stream = TcpStream::connect(open2).await.unwrap();
    let mut sender = connect2(stream).await.unwrap();
    events(&upstream, sender.send_request(request2(get))).await;

    let stream = tls::connect(closed, "web.test", "h2", &pair);
    let mut sender = connect2(stream).await.unwrap();
    events(&upstream, sender.send_request(request2(get))).await;
    assert_eq!(nginx.errors(), "");
}

/// The second event is made once the first one arrived.
async fn events(
    upstream: &Upstream,
    response: impl Future<Output = hyper::Result<Response<Incoming>>>,
) {
    let mut response = within("the head", response).await.unwrap();
    assert_eq!(response.headers()["hob-version"], "v1");
    for text in ["data: first\n\n", "data: second\n\n"] {
        let frame = within(text, response.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
        if text.contains("first") {
            upstream.go_on();
        }
    }
    let rest = within("the end", response.collect()).await.unwrap();
    assert_eq!(rest.to_bytes(), "");
}

#[tokio::test]
async fn a_client_that_goes_ends_its_stream() {
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
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut sender = connect1(stream).await.unwrap();
    let response = sender.send_request(request("GET web.test/events"));
    let response = within("the head", response).await.unwrap();
    assert_eq!(upstream.connections(), 1);
    drop((response, sender));
    until("the end of the stream", || async {
        (upstream.connections() == 0).then_some(())
    })
    .await;
    drop(nginx);
}

#[tokio::test]
async fn a_websocket_echoes_also_through_a_reload() {
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let routes = format!(
        "
        listen {addr}
        site web web.test
          / web http {}
        ",
        upstream.is("v1")
    );
    let nginx = Nginx::start(&routes).await;
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut sender = connect1(stream).await.unwrap();
    let response = sender.send_request(request(
        "GET web.test/ws\nConnection: Upgrade\nUpgrade: websocket",
    ));
    let response = within("the upgrade", response).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["hob-version"], "v1");
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let old = nginx.workers();
    for text in ["one", "two", "three"] {
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut echo = vec![0; text.len()];
        within(text, socket.read_exact(&mut echo)).await.unwrap();
        assert_eq!(echo, text.as_bytes());
        nginx.reload(&routes);
        until("new workers", || async {
            (nginx.workers().len() > old.len()).then_some(())
        })
        .await;
    }
    drop(socket);
    nginx.wait_for_end_of(&old).await;
}

#[tokio::test]
async fn old_workers_end_at_the_limit_whatever_they_have() {
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let routes = format!(
        "
        listen {addr}
        site web web.test
          / web http {}
        ",
        upstream.is("v1")
    );
    let folder = tempfile::tempdir().unwrap();
    let mut settings = samples::settings(folder.path());
    settings.drain_seconds = std::num::NonZeroU32::MIN;
    let nginx = Nginx::start_in(folder, settings, &routes, None, |_| {}).await;
    let old = nginx.workers();
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut sender = connect1(stream).await.unwrap();
    let response = sender.send_request(request("GET web.test/events"));
    let response = within("the head", response).await.unwrap();
    nginx.reload(&routes);
    nginx.wait_for_end_of(&old).await;
    drop(response);
}

#[tokio::test]
async fn an_upgrade_to_http_2_is_not_passed_on() {
    let addr = samples::free();
    let upstream = Upstream::http("web").await;
    let _nginx = Nginx::start(&format!(
        "
        listen {addr}
        site web web.test
          / web http {}
        ",
        upstream.is("v1")
    ))
    .await;
    let answer = ask(
        addr,
        "GET web.test/\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__",
    )
    .await;
    let seen = answer.seen();
    assert_eq!(seen["headers"].get("upgrade"), None);
    assert_eq!(seen["headers"]["connection"], "close");
}

/// Sends a message once the one before it came back, the first one once the
/// head did or before it.
async fn call<S>(stream: S, is_head_first: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut sender = connect2(stream).await.unwrap();
    let (messages, body) = channel();
    let request = Request::post("http://grpc.test/hello.Greeter/call")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap();
    let response = sender.send_request(request);
    let message = |text: &'static str| messages.send(Ok(Frame::data(Bytes::from(text))));
    if !is_head_first {
        message("one").await.ok().unwrap();
    }
    let mut response = within("the head", response).await.unwrap();
    if is_head_first {
        message("one").await.ok().unwrap();
    }
    assert_eq!(response.headers()["hob-version"], "v1");
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(response.headers()["seen-te"], "trailers");
    for (text, next) in [("one", "two"), ("two", "three"), ("three", "")] {
        let frame = within(text, response.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
        if !next.is_empty() {
            message(next).await.ok().unwrap();
        }
    }
    drop(messages);
    let frame = within("trailers", response.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_call_of_grpc_goes_both_ways_at_once_with_tls_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let pair = tls::pair(folder.path(), &["grpc.test"]);
    let (open, closed) = (samples::free(), samples::free());
    let upstream = Upstream::http2("greeter").await;
    let web = Upstream::http("web").await;
    let nginx = Nginx::start_with(
        &format!(
            "
            listen {open} http2
            listen {closed} tls
            site grpc grpc.test
              /hello.Greeter greeter grpc {}
              / web http {}
            ",
            upstream.is("v1"),
            web.is("v1"),
        ),
        Some(&pair),
        |_| {},
    )
    .await;
    call(TcpStream::connect(open).await.unwrap(), true).await;
    // nginx 1.22 keeps the head in TLS's buffer until something follows it.
    call(tls::connect(closed, "grpc.test", "h2", &pair), false).await;

    // The other protocol of the same listener, and what a greeter is told.
    let stream = TcpStream::connect(open).await.unwrap();
    let mut sender = connect2::<_, Empty<Bytes>>(stream).await.unwrap();
    for (path, is_http2) in [("/", false), ("/hello.Greeter", true)] {
        let request = Request::get(format!("http://grpc.test{path}"))
            .header("x-request-id", "r-1")
            .body(Empty::new())
            .unwrap();
        let response = within(path, sender.send_request(request)).await.unwrap();
        let seen = crate::client::Answer::of(response).await.unwrap().seen();
        assert_eq!(seen["http2"], is_http2);
        for (name, value) in [
            ("host", "grpc.test"),
            ("x-request-id", "r-1"),
            ("x-forwarded-host", "grpc.test"),
            ("x-forwarded-port", &open.port().to_string()),
        ] {
            assert_eq!(seen["headers"][name], value, "{name} of {path}");
        }
    }
    assert_eq!(nginx.errors(), "");
}

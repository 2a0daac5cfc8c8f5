//! HTTP/1.1 and HTTP/2 arrive at the process as they were meant.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Front, Process, read_all, read_until, soon, text};

/// Answers with the bytes of the request head that it got, case and all.
async fn echo_head() -> Process {
    Process::raw(|mut stream| async move {
        let head = read_until(&mut stream, "\r\n\r\n").await;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-CaSe: Kept\r\nContent-Length: {}\r\n\r\n{head}",
            head.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await
}

#[tokio::test]
async fn heads_pass_with_their_case_both_ways() {
    let process = echo_head().await;
    let front = Front::before(&process).await;
    let answer = front
        .raw("GET /a%20b?c=d#e HTTP/1.1\r\nHost: Some.Host:1\r\nX-MiXed: 1\r\nConnection: close\r\n\r\n".replace("#e", "").as_str())
        .await;
    assert!(answer.contains("\r\nX-CaSe: Kept\r\n"), "{answer}");
    assert!(answer.contains("\r\nhob-generation: 1\r\n"), "{answer}");
    assert!(answer.contains("GET /a%20b?c=d HTTP/1.1\r\n"), "{answer}");
    assert!(answer.contains("Host: Some.Host:1\r\n"), "{answer}");
    assert!(answer.contains("X-MiXed: 1\r\n"), "{answer}");
    assert!(
        answer.contains("x-forwarded-for: 127.0.0.1\r\n"),
        "{answer}"
    );
    assert_eq!(
        answer.to_lowercase().matches("connection:").count(),
        1,
        "{answer}"
    );
}

#[tokio::test]
async fn the_absolute_form_reaches_the_process_as_a_path() {
    let process = echo_head().await;
    let front = Front::before(&process).await;
    let answer = front
        .raw("GET http://real.host/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("GET /x HTTP/1.1\r\n"), "{answer}");
    assert!(answer.contains("Host: real.host\r\n"), "{answer}");
}

#[tokio::test]
async fn options_star_passes() {
    let process = echo_head().await;
    let front = Front::before(&process).await;
    let answer = front
        .raw("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.contains("OPTIONS * HTTP/1.1\r\n"), "{answer}");
}

#[tokio::test]
async fn head_keeps_the_length_and_sends_no_body() {
    let process =
        Process::once("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/html\r\n\r\n")
            .await;
    let front = Front::before(&process).await;
    let answer = front
        .raw("HEAD / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        .await
        .to_lowercase();
    assert!(answer.contains("content-length: 1234\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let process =
        Process::http(
            |request| async move { Response::new(text(request.uri().path().to_owned())) },
        )
        .await;
    let front = Front::before(&process).await;
    let mut all = String::new();
    for number in 0..20 {
        all += &format!("GET /number{number:02} HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    all += "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = front.raw(&all).await;
    let mut rest = answer.as_str();
    for number in 0..20 {
        let path = format!("/number{number:02}");
        let at = rest
            .find(&path)
            .unwrap_or_else(|| panic!("{path} in order: {answer}"));
        rest = &rest[at..];
    }
    assert!(rest.ends_with("/end"), "{answer}");
}

#[tokio::test]
async fn an_http_1_0_client_gets_an_unchunked_answer() {
    let process =
        Process::once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .await;
    let front = Front::before(&process).await;
    let answer = front.raw("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
}

#[tokio::test]
async fn an_http_1_0_process_is_understood() {
    let process =
        Process::once("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold words").await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.unwrap().2, "old words");
    }
}

#[tokio::test]
async fn chunks_and_trailers_pass_both_ways() {
    let process = Process::raw(|mut stream| async move {
        let got = read_until(&mut stream, "0\r\nx-end: yes\r\n\r\n").await;
        assert!(got.to_lowercase().contains("transfer-encoding: chunked"), "{got}");
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let front = Front::before(&process).await;
    let answer = front
        .raw("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: yes\r\n\r\n")
        .await;
    assert!(answer.contains("3\r\nabc\r\n0\r\n"), "{answer}");
    assert!(
        answer.to_lowercase().ends_with("x-sum: 7\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_expects_100_uploads_only_after_the_process_asked() {
    let (told, mut refused) = tokio::sync::mpsc::unbounded_channel();
    let process = Process::raw(move |mut stream| {
        let told = told.clone();
        async move {
            let head = read_until(&mut stream, "\r\n\r\n").await;
            assert!(
                head.to_lowercase().contains("expect: 100-continue"),
                "{head}"
            );
            if head.starts_with("POST /no") {
                let answer =
                    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                told.send(read_all(&mut stream).await).unwrap();
                return;
            }
            stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                .await
                .unwrap();
            read_until(&mut stream, "body").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nheard")
                .await
                .unwrap();
        }
    })
    .await;
    let front = Front::before(&process).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
    };

    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client.write_all(head("/yes").as_bytes()).await.unwrap();
    read_until(&mut client, "HTTP/1.1 100 Continue\r\n\r\n").await;
    client.write_all(b"body").await.unwrap();
    assert!(
        soon("answer", read_all(&mut client))
            .await
            .ends_with("heard")
    );

    let answer = front.raw(&head("/no")).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let sent = soon("the process's connection ends", refused.recv()).await;
    assert_eq!(sent.as_deref(), Some(""), "the refused body was sent");
}

#[tokio::test]
async fn a_process_that_never_says_100_gets_the_body_all_the_same() {
    let process = Process::http(|request| async move {
        // Answers 100 by itself when the body is read; here it is not asked for.
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(text(body))
    })
    .await;
    let silent = Process::raw(|mut stream| async move {
        read_until(&mut stream, "body").await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nheard")
            .await
            .unwrap();
    })
    .await;
    for (process, words) in [(process, "body"), (silent, "heard")] {
        let front = Front::before(&process).await;
        let answer = front
            .raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nbody")
            .await;
        assert!(answer.ends_with(words), "{answer}");
    }
}

/// A call as gRPC makes it: a streamed request, a streamed answer, the
/// status in trailers; the connection outlives the process.
#[tokio::test]
async fn grpc_calls_pass_over_http2_and_go_on_with_the_next_process() {
    async fn service(name: &'static str) -> Process {
        Process::http(move |request| async move {
            assert_eq!(request.version(), Version::HTTP_2);
            assert_eq!(request.headers()["te"], "trailers");
            assert_eq!(request.uri().path(), "/pkg.Service/Call");
            let mut body = request.into_body();
            let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
            tokio::spawn(async move {
                while let Some(frame) = body.frame().await {
                    let Ok(data) = frame.unwrap().into_data() else {
                        continue;
                    };
                    // The end of a stream may come as a frame of its own.
                    if data.is_empty() {
                        continue;
                    }
                    let echo = Bytes::from([name.as_bytes(), &data].concat());
                    sender.send(Frame::data(echo)).await.unwrap();
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                sender.send(Frame::trailers(trailers)).await.unwrap();
            });
            let mut response = Response::new(stream(move |cx| receiver.poll_recv(cx)));
            let kind = HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", kind);
            response
        })
        .await
    }
    let first = service("one:").await;
    let front = Front::before(&first).await;
    let tcp = TcpStream::connect(front.addr).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
        .await
        .unwrap();
    tokio::spawn(connection);
    for (generation, name) in [(1, "one:"), (2, "two:")] {
        let second;
        if generation == 2 {
            second = service("two:").await;
            front.open(&second, 2);
            soon("drained", front.gate.drained(first.addr)).await;
            front.gate.close(first.addr);
            std::mem::forget(second);
        }
        let (words, mut spoken) = tokio::sync::mpsc::channel::<Frame<Bytes>>(1);
        let request = Request::post(format!("http://{}/pkg.Service/Call", front.addr))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(stream(move |cx| spoken.poll_recv(cx)))
            .unwrap();
        let response = soon("head", sender.send_request(request)).await.unwrap();
        assert_eq!(response.headers()["hob-generation"], generation.to_string());
        let mut body = response.into_body();
        // Word by word: neither direction waits for the other's end.
        for word in ["a", "b", "c"] {
            words.send(Frame::data(Bytes::from(word))).await.unwrap();
            let echo = soon("echo", body.frame()).await.unwrap().unwrap();
            assert_eq!(echo.into_data().unwrap(), format!("{name}{word}"));
        }
        drop(words);
        let trailers = soon("trailers", body.frame()).await.unwrap().unwrap();
        assert_eq!(trailers.into_trailers().unwrap()["grpc-status"], "0");
    }
}

fn stream(
    poll: impl FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<Frame<Bytes>>>
    + Send
    + Sync
    + 'static,
) -> http_body_util::combinators::BoxBody<Bytes, hyper::Error> {
    struct Frames<F>(F);
    impl<F> http_body::Body for Frames<F>
    where
        F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<Frame<Bytes>>> + Unpin,
    {
        type Data = Bytes;
        type Error = hyper::Error;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
            (self.get_mut().0)(cx).map(|frame| frame.map(Ok))
        }
    }
    Frames(Box::new(poll)).boxed()
}

#[tokio::test]
async fn many_http2_requests_at_once_share_a_connection() {
    let process =
        Process::http(
            |request| async move { Response::new(text(request.uri().path().to_owned())) },
        )
        .await;
    let front = Front::start(|_| {}).await;
    let tcp = TcpStream::connect(front.addr).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..500 {
        let mut sender = sender.clone();
        let addr = front.addr;
        calls.spawn(async move {
            let request = Request::get(format!("http://{addr}/{number}"))
                .body(text(""))
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("/{number}"));
        });
    }
    front.open(&process, 1);
    while let Some(call) = soon("call", calls.join_next()).await {
        call.unwrap();
    }
}

#[tokio::test]
async fn slow_bodies_pass_piece_by_piece() {
    let process = Process::raw(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            .await
            .unwrap();
        for _ in 0..5 {
            let piece = stream.read_u8().await.unwrap();
            stream.write_all(&[piece]).await.unwrap();
        }
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    for piece in b"hello" {
        client.write_all(&[*piece]).await.unwrap();
        let echo = tokio::time::timeout(Duration::from_secs(30), client.read_u8()).await;
        assert_eq!(echo.unwrap().unwrap(), *piece);
    }
}

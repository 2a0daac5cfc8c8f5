//! Requests wait, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Front, Process, failure, read_all, read_until, soon, text};

#[tokio::test]
async fn a_held_request_is_answered_by_what_opens() {
    let front = Front::start(|_| {}).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let process = Process::saying("hello").await;
    front.open(&process, 7);
    let answer = soon("answer", read_all(&mut client)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("hob-generation: 7\r\n"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn past_the_limit_it_is_told_to_come_again_and_why() {
    let front = Front::start(|config| config.hold_limit = Duration::from_millis(30)).await;
    front.gate.hold("goapi is being built".to_owned());
    let answer = front.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(
        answer.body,
        "goapi is not ready\nheld for 30ms: goapi is being built\n"
    );
}

#[tokio::test]
async fn what_a_process_said_last_stands_below_the_reason() {
    let front = Front::start(|config| config.hold_limit = Duration::from_millis(30)).await;
    front
        .gate
        .hold("it exited\nfirst word\nlast word".to_owned());
    let text = front.get("/", "").await.body;
    assert_eq!(
        text,
        "goapi is not ready\nheld for 30ms: it exited\nfirst word\nlast word\n"
    );
    let page = front.get("/", "accept: text/html\r\n").await.body;
    assert!(page.contains("held for 30ms: it exited</p>"), "{page}");
    assert!(
        page.contains("<pre>first word\nlast word\n</pre>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_target_that_never_accepts_is_the_reason_at_the_limit() {
    let front = Front::start(|config| config.hold_limit = Duration::from_millis(60)).await;
    let mut trouble = front.gate.trouble();
    let process = Process::saying("never").await;
    front.open(&process, 1);
    let addr = process.addr;
    process.kill().await;
    let answer = front.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains(&format!("{addr} does not accept")),
        "{}",
        answer.body
    );
    assert_eq!(trouble.recv().await.unwrap().target.addr, addr);
}

#[tokio::test]
async fn a_refused_request_waits_for_the_process_to_listen() {
    let front = Front::start(|_| {}).await;
    let process = Process::saying("gone").await;
    let addr = process.addr;
    front.open(&process, 1);
    process.kill().await;
    let mut trouble = front.gate.trouble();
    let asked = front.get("/", "");
    let answered = async {
        trouble.recv().await.unwrap();
        let listener = TcpListener::bind(addr).await.unwrap();
        Process::on(listener, |mut stream| async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback")
                .await
                .unwrap();
        })
    };
    let (answer, _process) = soon("both", async { tokio::join!(asked, answered) }).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "back"));
}

#[tokio::test]
async fn a_failure_answers_at_once_those_that_wait_too() {
    let front = Front::start(|_| {}).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    front.gate.fail(failure(3));
    let waiting = soon("held one", read_all(&mut client)).await;
    assert!(waiting.starts_with("HTTP/1.1 503"), "{waiting}");
    let answer = front.get("/", "").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.starts_with("goapi failed to build\n"),
        "{}",
        answer.body
    );
}

/// Of a held upload only what fits into socket buffers leaves the client.
#[tokio::test]
async fn a_held_body_is_not_read() {
    let front = Front::start(|_| {}).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    let length = 64 << 20;
    client
        .write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let piece = vec![b'x'; 1 << 20];
    let mut sent = 0;
    // It stalls: a write that does not go through in a quarter of a second.
    while let Ok(written) =
        tokio::time::timeout(Duration::from_millis(250), client.write(&piece)).await
    {
        sent += written.unwrap();
        assert!(sent < 32 << 20, "a held body was read");
    }
    let process = Process::http(|request| async move {
        let mut body = request.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
        }
        Response::new(text(length.to_string()))
    })
    .await;
    front.open(&process, 1);
    soon("the rest", async {
        while sent < length {
            let next = piece.len().min(length - sent);
            sent += client.write(&piece[..next]).await.unwrap();
        }
    })
    .await;
    let answer = soon("answer", read_all(&mut client)).await;
    assert!(answer.ends_with(&length.to_string()), "{answer}");
}

#[tokio::test]
async fn a_thousand_held_connections_are_all_answered() {
    let front = Front::start(|_| {}).await;
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let process = Process::http(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Response::new(text("ok")) }
    })
    .await;
    let mut clients = Vec::new();
    for _ in 0..1000 {
        let mut client = front.client().await;
        clients.push(tokio::spawn(async move { client.get("/").await.unwrap() }));
    }
    front.open(&process, 1);
    for client in clients {
        let (status, ..) = soon("client", client).await.unwrap();
        assert_eq!(status, 200);
    }
    assert_eq!(served.load(Ordering::Relaxed), 1000);
}

#[tokio::test]
async fn a_shutdown_frees_the_port_and_answers_what_waits() {
    let mut front = Front::start(|_| {}).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let idle = TcpStream::connect(front.addr).await.unwrap();
    // Both are accepted once a later one was answered.
    assert_eq!(front.get("/__hob/status", "").await.status, 200);
    front.stop.take().unwrap().send(()).unwrap();
    let answer = soon("held one", read_all(&mut client)).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("goapi is being stopped"), "{answer}");
    soon("serve", front.task).await.unwrap();
    TcpListener::bind(front.addr).await.unwrap();
    drop(idle);
}

//! What is sent again, and what must not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Front, Process, read_all, read_until, soon, text};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Each connection says nothing of closing, answers once, and closes.
#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_nobody_a_request() {
    let process = Process::raw(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(OK).await.unwrap();
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    for _ in 0..200 {
        assert_eq!(client.get("/").await.unwrap().0, 200);
    }
}

/// The same for what cannot be sent twice.
#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_post_either() {
    let process = Process::raw(|mut stream| async move {
        read_until(&mut stream, "body").await;
        stream.write_all(OK).await.unwrap();
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    for _ in 0..300 {
        let (status, _, words) = client.post("/", "body".to_owned()).await.unwrap();
        assert_eq!(status, 200, "{words}");
    }
}

/// Closes at the sight of the second request, unread in part: a reset.
#[tokio::test]
async fn a_kept_connection_that_resets_is_replaced() {
    let process = Process::raw(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(OK).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    for _ in 0..100 {
        assert_eq!(client.get("/").await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_get_that_was_lost_in_a_crash_is_held_and_answered_by_the_next_process() {
    let (arrived, mut seen) = tokio::sync::mpsc::channel(1);
    let crashing = Process::raw(move |mut stream| {
        let arrived = arrived.clone();
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            arrived.send(()).await.unwrap();
            std::future::pending::<()>().await;
        }
    })
    .await;
    let front = Front::before(&crashing).await;
    let asked = front.get("/", "");
    let swap = async {
        seen.recv().await.unwrap();
        let addr = crashing.addr;
        crashing.kill().await;
        front.gate.hold("goapi crashed".to_owned());
        front.gate.close(addr);
        let process = Process::saying("mended").await;
        front.open(&process, 2);
        process
    };
    let (answer, _process) = soon("both", async { tokio::join!(asked, swap) }).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "mended"));
    assert_eq!(answer.header("hob-generation"), Some("2"));
}

#[tokio::test]
async fn a_post_that_was_lost_is_not_sent_again() {
    let posts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posts);
    let process = Process::raw(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let front = Front::before(&process).await;
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    ] {
        posts.store(0, Ordering::SeqCst);
        let answer = front.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
        assert!(answer.contains("was not sent again"), "{answer}");
        assert_eq!(posts.load(Ordering::SeqCst), 1, "{request}");
    }
}

#[tokio::test]
async fn a_get_that_kills_every_connection_is_given_up() {
    let gets = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&gets);
    let process = Process::raw(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let front = Front::before(&process).await;
    let answer = front.get("/", "").await;
    assert_eq!(answer.status, 502);
    assert!(
        answer.body.contains("closed the connection"),
        "{}",
        answer.body
    );
    assert_eq!(gets.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_said_so() {
    let process = Process::once("220 mail.example.org ESMTP\r\n").await;
    let front = Front::before(&process).await;
    let answer = front.get("/", "").await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("no HTTP"), "{}", answer.body);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_cut_and_does_not_hang() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let process = Process::once(answer).await;
        let front = Front::before(&process).await;
        let mut client = front.client().await;
        let got = soon("an end", client.get("/")).await;
        assert!(got.is_err(), "{got:?}");
    }
}

#[tokio::test]
async fn a_broken_request_harms_only_its_own_connection() {
    let process = Process::saying("fine").await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    assert_eq!(client.get("/").await.unwrap().0, 200);
    for broken in [
        "\r\n\r\nnonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: bogus\r\n\r\n",
    ] {
        let answer = front.raw(broken).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{broken:?}: {answer:?}");
        assert_eq!(client.get("/").await.unwrap().2, "fine");
    }
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_let_go() {
    let limit = std::time::Duration::from_millis(50);
    let front = Front::start(|config| config.header_limit = limit).await;
    for start in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = TcpStream::connect(front.addr).await.unwrap();
        client.write_all(start.as_bytes()).await.unwrap();
        let end = soon(&format!("an end of {start:?}"), read_all(&mut client)).await;
        assert!(end.is_empty() || end.starts_with("HTTP/1.1 408"), "{end:?}");
    }
}

#[tokio::test]
async fn a_process_that_answers_before_it_has_read_the_body_is_heard() {
    let process = Process::raw(|mut stream| async move {
        read_until(&mut stream, "\r\n\r\n").await;
        let answer =
            b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
        stream.write_all(answer).await.unwrap();
        // Reads on, as a polite server does, so that no reset overtakes it.
        let mut rest = [0; 4096];
        while let Ok(1..) = stream.read(&mut rest).await {}
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = front.client().await;
    let (status, _, body) = client.post("/", "x".repeat(100_000)).await.unwrap();
    assert_eq!((status, body.as_str()), (413, "big"));
}

#[tokio::test]
async fn connect_is_refused() {
    let process = Process::http(|_| async { Response::new(text("never")) }).await;
    let front = Front::before(&process).await;
    let answer = front.raw("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

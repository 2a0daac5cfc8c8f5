//! What is said when nothing serves.

use hob_front::Failure;
use snapbox::str;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Front, failure, read_until, soon};

const PAGE: &str = "Sec-Fetch-Dest: document\r\nAccept: text/html\r\n";

#[tokio::test]
async fn a_browser_gets_a_page_in_which_nothing_of_the_output_is_markup() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(Failure {
        generation: 3,
        title: "<b>goapi</b> failed".to_owned(),
        message: "\"quoted\" & <script>".to_owned(),
        output: vec![
            "<script>alert(1)</script>".to_owned(),
            "\u{1b}[31m</pre><img src=x onerror='alert(2)'>\u{1b}[0m".to_owned(),
            "</title></style><!-- ]]> -->".to_owned(),
        ],
    });
    let answer = front.get("/", PAGE).await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let page = &answer.body;
    assert!(page.starts_with("<!doctype html>\n"), "{page}");
    assert!(
        page.contains("<h1>&lt;b&gt;goapi&lt;/b&gt; failed</h1>"),
        "{page}"
    );
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert!(
        page.contains(
            "<span class=\"c1\">&lt;/pre&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt;</span>"
        ),
        "{page}"
    );
    assert!(page.contains("Generation 3."), "{page}");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert_eq!(page.matches("</pre>").count(), 1, "{page}");
    assert_eq!(page.matches("</title>").count(), 1, "{page}");
    assert!(
        page.contains("<script src=\"/__hob/live.js\" data-hob="),
        "{page}"
    );
    assert!(page.contains(" data-failure=\""), "{page}");
}

/// Sends a request with this body and looks at the answer only then, as many
/// clients do.
async fn send_all(front: &Front, head: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(front.addr).await.unwrap();
    let head = format!("{head}Host: localhost\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..length / piece.len() {
        soon("room for the body", stream.write_all(&piece))
            .await
            .unwrap();
    }
    read_until(&mut stream, "\r\n\r\n").await
}

#[tokio::test]
async fn a_client_that_sends_all_of_a_large_body_first_reads_why_it_was_refused() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    for path in ["/upload", "/__hob/status"] {
        for close in ["Connection: close\r\n", ""] {
            let head = format!("POST {path} HTTP/1.1\r\n{close}");
            let answer = send_all(&front, &head, 16 << 20).await;
            let status = if path == "/upload" { 503 } else { 405 };
            let line = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&line), "{path}: {answer}");
        }
    }
    // The wait for room is part of it.
    let front = Front::start(|config| config.hold_limit = Duration::from_millis(1)).await;
    let answer = send_all(&front, "POST / HTTP/1.1\r\n", 16 << 20).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read_for_ever() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    let mut stream = TcpStream::connect(front.addr).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    soon("the front to close", async {
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn scripts_and_people_get_their_own_forms() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    let text = front.get("/", "").await;
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    snapbox::assert_data_eq!(
        text.body,
        str![[r#"
goapi failed to build
go build failed with exit code 1
main.go:3: <script>alert(1)</script>

"#]]
    );
    let json = front.get("/", "Accept: application/json\r\n").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    snapbox::assert_data_eq!(
        json.body,
        str![[r#"
{"error":"goapi failed to build","generation":3,"message":"go build failed with exit code 1","output":["main.go:3: <script>alert(1)</script>"]}

"#]]
    );
}

#[tokio::test]
async fn without_live_reload_the_page_refreshes_by_itself() {
    let front = Front::start(|config| config.live_reload = false).await;
    front.gate.fail(failure(3));
    let page = front.get("/", PAGE).await.body;
    assert!(
        page.contains("<meta http-equiv=\"refresh\" content=\"2\">"),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(front.get("/__hob/live.js", "").await.status, 404);
    assert_eq!(front.get("/__hob/events", "").await.status, 404);
    assert_eq!(front.get("/__hob/status", "").await.status, 200);
}

#[tokio::test]
async fn a_form_that_was_sent_is_not_sent_again_by_the_page() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    let page = front
        .raw(&format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n{PAGE}\r\n"
        ))
        .await;
    assert!(
        !page.contains("<script") && !page.contains("refresh"),
        "{page}"
    );
    assert!(page.contains("did not arrive"), "{page}");
}

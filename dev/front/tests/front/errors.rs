//! What is said when nothing serves.

use hob_front::Failure;
use snapbox::str;

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Front, Process, failure, read_until, soon};

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
    assert!(page.contains("Save 3."), "{page}");
    assert_eq!(answer.header("hob-generation"), Some("3"));
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
async fn a_client_that_sends_all_of_a_large_body_first_reads_that_its_process_was_lost() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    for answer in ["", switch] {
        let process = Process::once(answer).await;
        let front = Front::before(&process).await;
        let got = send_all(&front, "POST / HTTP/1.1\r\n", 16 << 20).await;
        assert!(got.starts_with("HTTP/1.1 502 "), "{answer:?}: {got}");
    }
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
async fn a_page_shows_what_is_to_be_typed_as_code_and_a_lone_backtick_as_it_is() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(Failure {
        message: "`a <b>` failed; try `hob doctor`, not `this".to_owned(),
        ..failure(3)
    });
    let page = front.get("/", PAGE).await.body;
    let shown = "<p class=\"message\"><code>a &lt;b&gt;</code> failed; \
                 try <code>hob doctor</code>, not `this</p>";
    assert!(page.contains(shown), "{page}");
    let text = front.get("/", "").await.body;
    assert!(text.contains("try `hob doctor`"), "{text}");
}

#[tokio::test]
async fn a_page_of_another_local_service_may_read_why_its_request_was_refused() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    let allowed = "access-control-allow-origin";
    let local = "http://localhost:20011";
    let answer = front.get("/", &format!("Origin: {local}\r\n")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header(allowed), Some(local));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("hob-generation, retry-after")
    );
    assert!(answer.body.contains("go build failed"), "{answer:?}");
    for other in ["Origin: https://example.com\r\n", ""] {
        let answer = front.get("/", other).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header(allowed), None, "{answer:?}");
    }
    // A wait that was too long, too.
    let front = Front::start(|config| config.hold_limit = Duration::from_millis(1)).await;
    let answer = front.get("/", "Origin: http://127.0.0.1:1\r\n").await;
    assert_eq!(answer.header(allowed), Some("http://127.0.0.1:1"));
}

#[tokio::test]
async fn a_preflight_that_nobody_serves_lets_the_request_come_that_gets_the_reason() {
    let front = Front::start(|_| {}).await;
    front.gate.fail(failure(3));
    let preflight = |origin: &str| {
        format!(
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n\
             Access-Control-Request-Headers: content-type, x-a\r\n\r\n"
        )
    };
    let answer = front.raw(&preflight("http://web.localhost:1")).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let says = |line: &str| answer.to_ascii_lowercase().contains(line);
    assert!(says("access-control-allow-origin: http://web.localhost:1"));
    assert!(says("access-control-allow-methods: put"), "{answer}");
    assert!(says("access-control-allow-headers: content-type, x-a"));
    assert!(says("access-control-max-age: 0"), "{answer}");
    let answer = front.raw(&preflight("https://example.com")).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(!answer.contains("access-control"), "{answer}");
}

#[tokio::test]
async fn what_a_service_answers_to_another_origin_is_its_own() {
    let process = Process::saying("mine").await;
    let front = Front::before(&process).await;
    let answer = front.get("/", "Origin: http://localhost:1\r\n").await;
    assert_eq!(answer.body, "mine");
    assert!(!answer.head.contains("access-control"), "{answer:?}");
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

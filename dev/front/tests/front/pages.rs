//! Live reload: what is put into pages, and what they are told.

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, Front, Process, failure, read_all, read_until, soon};

const PAGE: &str = "Sec-Fetch-Dest: document\r\nAccept-Encoding: gzip\r\n";

/// What a browser gets for this answer of the process.
async fn page(answer: &'static str, headers: &str) -> Answer {
    let process = Process::once(answer).await;
    let front = Front::before(&process).await;
    front.get("/", headers).await
}

/// The tag without what differs from run to run.
fn tagless(body: &str) -> Option<(&str, &str)> {
    let (before, tag) = body.split_once("<script src=\"/__hob/live.js\" data-hob=\"")?;
    let (boot, end) = tag.split_once('.').unwrap();
    boot.parse::<u64>().unwrap();
    assert_eq!(end.trim_end(), "1\" defer></script>");
    Some((before, end))
}

#[tokio::test]
async fn a_page_of_known_length_gets_the_script_and_the_right_length() {
    let answer = page(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\nLast-Modified: x\r\nContent-Length: 28\r\n\r\n<!doctype html><p>hi</html>\n",
        PAGE,
    )
    .await;
    assert_eq!(
        tagless(&answer.body).unwrap().0,
        "<!doctype html><p>hi</html>\n"
    );
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, answer.body.len());
    assert_eq!(answer.header("etag"), None);
    assert_eq!(answer.header("last-modified"), None);
}

#[tokio::test]
async fn a_chunked_page_gets_the_script_as_its_last_piece() {
    let answer = page(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>hi\r\n0\r\n\r\n",
        PAGE,
    )
    .await;
    assert!(answer.body.starts_with("5\r\n<p>hi\r\n"), "{}", answer.body);
    assert!(answer.body.contains("live.js"), "{}", answer.body);
    assert!(
        answer.body.ends_with("</script>\r\n0\r\n\r\n")
            || answer.body.ends_with("</script>\n\r\n0\r\n\r\n"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_page_is_not_kept_back() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let process = Process::raw(move |mut stream| {
        let mut gone = gone.clone();
        async move {
            read_until(&mut stream, "\r\n\r\n").await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>first")
                .await
                .unwrap();
            gone.wait_for(|it| *it).await.unwrap();
            stream.write_all(b"<p>last").await.unwrap();
        }
    })
    .await;
    let front = Front::before(&process).await;
    let mut client = TcpStream::connect(front.addr).await.unwrap();
    client
        .write_all(format!("GET / HTTP/1.0\r\n{PAGE}\r\n").as_bytes())
        .await
        .unwrap();
    read_until(&mut client, "<p>first").await;
    go.send(true).unwrap();
    let rest = soon("rest", read_all(&mut client)).await;
    assert_eq!(tagless(&rest).unwrap().0, "<p>last");
}

#[tokio::test]
async fn what_is_no_whole_plain_page_passes_byte_for_byte() {
    for (headers, answer) in [
        (
            "Sec-Fetch-Dest: empty\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n<p>hi",
        ),
        (
            "HX-Request: true\r\nAccept: text/html\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n<p>hi",
        ),
        (
            PAGE,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n<p>hi",
        ),
        (
            PAGE,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: default-src 'none'\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n<p>hi",
        ),
        (
            PAGE,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\n<p>hi",
        ),
    ] {
        let answer = page(answer, headers).await;
        assert_eq!(answer.body, "<p>hi", "{headers}");
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.header("etag"), Some("\"1\""));
    }
}

#[tokio::test]
async fn half_a_page_gets_no_script() {
    let process = Process::once(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\n<p>half",
    )
    .await;
    let front = Front::before(&process).await;
    let answer = front.get("/", PAGE).await;
    assert_eq!(answer.body, "<p>half");
}

#[tokio::test]
async fn without_live_reload_pages_and_requests_are_left_alone() {
    let process = Process::raw(|mut stream| async move {
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.contains("Accept-Encoding: gzip\r\n"), "{head}");
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<p>hi",
            )
            .await
            .unwrap();
    })
    .await;
    let front = Front::start(|config| config.live_reload = false).await;
    front.open(&process, 1);
    assert_eq!(front.get("/", PAGE).await.body, "<p>hi");
}

#[tokio::test]
async fn a_page_is_asked_for_uncompressed_and_a_script_is_not() {
    for (headers, compressed) in [
        (PAGE, false),
        ("Sec-Fetch-Dest: script\r\nAccept-Encoding: gzip\r\n", true),
    ] {
        let process = Process::raw(move |mut stream| async move {
            let head = read_until(&mut stream, "\r\n\r\n").await;
            assert_eq!(head.contains("gzip"), compressed, "{head}");
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
        })
        .await;
        let front = Front::before(&process).await;
        assert_eq!(front.get("/", headers).await.status, 204);
    }
}

async fn event(stream: &mut TcpStream) -> Value {
    // Events of an own stream come chunked: the data line is what counts.
    loop {
        let block = read_until(stream, "\n\n").await;
        if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test]
async fn pages_are_told_of_everything_that_concerns_them() {
    let front = Front::start(|_| {}).await;
    let process = Process::saying("x").await;
    let mut page = TcpStream::connect(front.addr).await.unwrap();
    page.write_all(b"GET /__hob/events HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let head = read_until(&mut page, "\r\n\r\n").await;
    assert!(head.contains("text/event-stream"), "{head}");
    let now = event(&mut page).await;
    assert_eq!(
        (&now["state"], &now["generation"]),
        (&"held".into(), &0.into())
    );

    front.open(&process, 4);
    let now = event(&mut page).await;
    assert_eq!(
        (&now["state"], &now["generation"], &now["failure"]),
        (&"open".into(), &4.into(), &Value::Null)
    );

    front.gate.badge(Some(failure(5)));
    let now = event(&mut page).await;
    assert_eq!(
        (&now["state"], &now["generation"]),
        (&"open".into(), &4.into())
    );
    assert_eq!(now["failure"]["title"], "goapi failed to build");

    front.open(&process, 6);
    let now = event(&mut page).await;
    assert_eq!(
        (&now["generation"], &now["failure"]),
        (&6.into(), &Value::Null)
    );

    front.gate.reload(7);
    assert_eq!(event(&mut page).await["generation"], 7);

    front.gate.fail(failure(8));
    let now = event(&mut page).await;
    assert_eq!(
        (&now["state"], &now["generation"]),
        (&"failed".into(), &7.into())
    );
    assert_eq!(now["failure"]["generation"], 8);
}

#[tokio::test]
async fn a_badge_for_a_newer_save_stays_over_a_restart() {
    let front = Front::start(|_| {}).await;
    let process = Process::saying("x").await;
    front.open(&process, 4);
    front.gate.badge(Some(failure(5)));
    front.gate.hold("crashed".to_owned());
    front.open(&process, 4);
    let status: Value = serde_json::from_str(&front.get("/__hob/status", "").await.body).unwrap();
    assert_eq!(status["failure"]["generation"], 5);
    front.gate.badge(None);
    let status: Value = serde_json::from_str(&front.get("/__hob/status", "").await.body).unwrap();
    assert_eq!(status["failure"], Value::Null);
}

#[tokio::test]
async fn the_status_is_there_while_requests_are_held() {
    let front = Front::start(|_| {}).await;
    front.gate.hold("goapi is being built".to_owned());
    let answer = front.get("/__hob/status", "").await;
    let mut status: Value = serde_json::from_str(&answer.body).unwrap();
    status["boot"] = "any".into();
    snapbox::assert_data_eq!(
        status.to_string(),
        snapbox::str![[
            r#"{"boot":"any","failure":null,"generation":0,"reason":"goapi is being built","service":"goapi","state":"held"}"#
        ]]
    );
    assert_eq!(front.get("/__hob/nothing", "").await.status, 404);
    let posted = front.raw("POST /__hob/status HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    let script = front.get("/__hob/live.js", "").await;
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
}

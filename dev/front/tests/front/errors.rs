//! What is said when nothing serves.

use hob_front::Failure;
use snapbox::str;

use crate::support::{Front, failure};

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

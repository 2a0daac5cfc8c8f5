//! A registry whose files were damaged under it.

use crate::holds::table;
use crate::push::OCI;
use crate::server::Server;

const WHEN: &str = "2026-01-02T03:04:05Z";

#[tokio::test]
async fn one_image_that_cannot_be_read_hides_no_other() {
    let server = Server::new();
    server.push("api", "good", OCI, WHEN, &["one"]);
    server.push("api", "bad", OCI, WHEN, &["two"]);
    let link = server.file("api/_manifests/tags/bad/current/link");
    std::fs::write(link, "no digest").unwrap();
    let listing = server.client().list().await.unwrap();
    let shown = table(&listing);
    assert!(
        shown.contains("good 73 B") && !shown.contains("bad"),
        "{shown}"
    );
    let [bad] = &listing.unreadable[..] else {
        panic!("{listing:?}");
    };
    assert_eq!((bad.repository.as_str(), bad.tag.as_str()), ("api", "bad"));
    assert!(
        bad.reason.ends_with("answered 500: unknown error"),
        "{bad:?}"
    );
}

#[tokio::test]
async fn names_that_cannot_be_read_are_told_with_the_call_that_failed() {
    let server = Server::new();
    server.push("api", "v1", OCI, WHEN, &["one"]);
    let tags = server.file("api/_manifests/tags");
    std::fs::remove_dir_all(&tags).unwrap();
    std::fs::write(&tags, "no folder").unwrap();
    let error = server.client().list().await.unwrap_err().to_string();
    assert!(error.contains("answered 500: "), "{error}");
    assert!(error.contains(&tags.display().to_string()), "{error}");
}

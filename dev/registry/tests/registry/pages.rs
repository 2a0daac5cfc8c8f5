//! Lists that come in pages. Debian's registry pages its catalog; that others
//! page their tags is told by one that is made up.

use hob_registry::{Error, Repository, Tag};

use crate::repository;
use crate::server::{Server, Setting};
use crate::strangers::{Stranger, json};

#[tokio::test]
async fn repositories_are_found_on_every_page() {
    let server = Server::with(Setting {
        page: 2,
        ..Setting::default()
    });
    let names = ["a", "b/c", "b/d", "e", "f"];
    for name in names {
        server.push_tags(name, &["v1"]);
    }
    let found = server.client().repositories().await.unwrap();
    let found: Vec<&str> = found.iter().map(Repository::as_str).collect();
    assert_eq!(found, names);
}

#[tokio::test]
async fn more_tags_than_questions_at_once_are_all_listed() {
    let server = Server::new();
    let tags: Vec<String> = (0..40).map(|number| format!("v{number}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    server.push_tags("many", &tags);
    let listing = server.client().list().await.unwrap();
    let [tagged] = listing.repositories[0].manifests.as_slice() else {
        panic!("one manifest");
    };
    assert_eq!(tagged.tags.len(), 40);
    assert_eq!(tagged.manifest.created, None);
}

#[tokio::test]
async fn tags_are_found_on_every_page() {
    let stranger = Stranger::new(|path| match path {
        "/v2/api/tags/list" => json(
            "Link: </v2/api/tags/list?last=b&n=2>; rel=\"next\"\r\n",
            r#"{"name":"api","tags":["c","b"]}"#,
        ),
        "/v2/api/tags/list?last=b&n=2" => json("", r#"{"name":"api","tags":["a"]}"#),
        _ => json("", r#"{"name":"null","tags":null}"#),
    });
    let client = stranger.client();
    let tags = client.tags(&repository("api")).await.unwrap();
    assert_eq!(
        tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_eq!(client.tags(&repository("null")).await.unwrap(), []);
}

#[tokio::test]
async fn pages_that_go_round_end() {
    // Each page leads to the other.
    let stranger = Stranger::new(|path| {
        let next = if path.ends_with('1') { 2 } else { 1 };
        json(
            &format!("Link: </v2/_catalog?last={next}>; rel=\"next\"\r\n"),
            r#"{"repositories":["a"]}"#,
        )
    });
    let error = stranger.client().repositories().await.unwrap_err();
    assert!(
        matches!(&error, Error::Garbage { reason, .. } if reason == "its pages go round"),
        "{error}"
    );
}

//! A registry that ends, and one that says no.

use std::error::Error as _;

use hob_registry::{Client, Error};

use crate::push::OCI;
use crate::server::{Server, Setting};
use crate::strangers::{Stranger, http, json};
use crate::{digest, reference, repository};

#[tokio::test]
async fn a_registry_that_has_ended_is_not_reached() {
    let mut server = Server::new();
    server.push("api", "v1", OCI, "", &["x"]);
    let client = server.client();
    client.ping().await.unwrap();
    server.end();
    for error in [
        client.ping().await.unwrap_err(),
        client.list().await.unwrap_err(),
        client
            .head(&repository("api"), &reference("v1"))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("nobody answers at http://127.0.0.1:")
        );
        assert!(error.source().unwrap().to_string().contains("refused"));
        assert!(error.hints()[0].starts_with("`ss -ltnp"));
    }
}

#[tokio::test]
async fn a_name_that_is_nobody_s_is_not_reached() {
    let client = Client::new("registry.invalid:5000".parse().unwrap());
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_ends_in_the_middle_is_no_answer() {
    let stranger = Stranger::new(|_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"repositories\":[\"a\"".to_owned()
    });
    let error = stranger.client().repositories().await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_an_error_and_no_shorter_listing() {
    let stranger = Stranger::new(|path| match path {
        "/v2/_catalog" => json("", r#"{"repositories":["a","b"]}"#),
        "/v2/a/tags/list" => json("", r#"{"tags":["v1"]}"#),
        "/v2/b/tags/list" => json("", r#"{"tags":["v1","gone"]}"#),
        "/v2/b/manifests/gone" => http("404 Not Found", "", ""),
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned(),
    });
    let error = stranger.client().list().await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_says_how_it_would() {
    let server = Server::with(Setting {
        delete: false,
        ..Setting::default()
    });
    let pushed = server.push("api", "v1", OCI, "", &["x"]);
    let client = server.client();
    let error = client
        .delete(&repository("api"), &digest(&pushed.digest))
        .await
        .unwrap_err();
    let url = format!(
        "http://{}/v2/api/manifests/{}",
        server.addr(),
        pushed.digest
    );
    assert_eq!(
        error.to_string(),
        format!(
            "deleting is switched off in the registry that was asked for {url}: The operation is unsupported."
        )
    );
    assert_eq!(
        error.hints(),
        ["start the registry with `REGISTRY_STORAGE_DELETE_ENABLED=true`"]
    );
    let head = client.head(&repository("api"), &reference("v1")).await;
    assert_eq!(head.unwrap(), Some(digest(&pushed.digest)));
}

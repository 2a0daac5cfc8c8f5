//! What a registry holds, and what is known of each of it.

use hob_registry::{Client, Listing, Tag};
use snapbox::{assert_data_eq, str};

use crate::push::{DOCKER, OCI};
use crate::server::Server;
use crate::{digest, reference, repository};

/// A line a manifest: repository, tags, bytes, age, parts, media type.
pub(crate) fn table(listing: &Listing) -> String {
    let mut text = String::new();
    for contents in &listing.repositories {
        let mut lines: Vec<String> = contents
            .manifests
            .iter()
            .map(|tagged| {
                let manifest = &tagged.manifest;
                let tags: Vec<&str> = tagged.tags.iter().map(Tag::as_str).collect();
                let created = manifest.created.map(|time| time.to_string());
                format!(
                    "{} {} B {} {} parts {}\n",
                    tags.join(","),
                    manifest.size,
                    created.as_deref().unwrap_or("never"),
                    manifest.parts.len(),
                    manifest.media_type,
                )
            })
            .collect();
        lines.sort();
        text.push_str(&format!("{}\n", contents.repository));
        lines
            .iter()
            .for_each(|line| text.push_str(&format!("  {line}")));
    }
    text
}

#[tokio::test]
async fn a_listing_has_names_sizes_and_ages_of_every_kind() {
    let server = Server::new();
    // A config has 80 bytes, and one without fractions of a second 70.
    let old = "2026-01-02T03:04:05.123456789Z";
    let new = "2026-11-29T12:00:00Z";
    server.push("polykube/goapi", "v1", OCI, old, &["ten bytes."]);
    let v2 = server.push(
        "polykube/goapi",
        "v2",
        DOCKER,
        new,
        &["ten bytes.", "seven b"],
    );
    server.push(
        "polykube/goapi",
        "latest",
        DOCKER,
        new,
        &["ten bytes.", "seven b"],
    );
    // A layer that is there twice is kept once.
    server.push("twice", "1", OCI, "0001-01-01T00:00:00Z", &["same", "same"]);
    let arm = server.push("multi", "", OCI, old, &["common", "for arm"]);
    let amd = server.push("multi", "amd", OCI, new, &["common", "for amd64"]);
    server.push_index("multi", "all", OCI, &[&arm, &amd]);
    let docker = server.push("multi", "", DOCKER, old, &["common"]);
    let list = server.push_index("multi", "list", DOCKER, &[&docker]);

    let listing = server.client().list().await.unwrap();
    assert_data_eq!(
        table(&listing),
        str![[r#"
multi
  all 172 B 2026-11-29T12:00:00Z 2 parts application/vnd.oci.image.index.v1+json
  amd 85 B 2026-11-29T12:00:00Z 0 parts application/vnd.oci.image.manifest.v1+json
  list 86 B 2026-01-02T03:04:05.123456789Z 1 parts application/vnd.docker.distribution.manifest.list.v2+json
polykube/goapi
  latest,v2 87 B 2026-11-29T12:00:00Z 0 parts application/vnd.docker.distribution.manifest.v2+json
  v1 90 B 2026-01-02T03:04:05.123456789Z 0 parts application/vnd.oci.image.manifest.v1+json
twice
  1 74 B never 0 parts application/vnd.oci.image.manifest.v1+json

"#]]
    );

    // Digests are those that the registry gave.
    let goapi = &listing.repositories[1];
    let found = goapi
        .manifests
        .iter()
        .find(|it| it.tags.len() == 2)
        .unwrap();
    assert_eq!(found.manifest.digest, digest(&v2.digest));
    let manifest = server
        .client()
        .manifest(&repository("multi"), &reference(&list.digest))
        .await
        .unwrap();
    assert_eq!(manifest.digest, digest(&list.digest));
    assert_eq!(manifest.parts, [digest(&docker.digest)]);
}

#[tokio::test]
async fn the_head_of_a_tag_is_its_digest_or_nothing() {
    let server = Server::new();
    let pushed = server.push("api", "v1", DOCKER, "", &["x"]);
    let index = server.push_index("api", "all", OCI, &[&pushed]);
    let client = server.client();
    let head = async |name: &str, text: &str| {
        client
            .head(&repository(name), &reference(text))
            .await
            .unwrap()
    };
    assert_eq!(head("api", "v1").await, Some(digest(&pushed.digest)));
    assert_eq!(
        head("api", &pushed.digest).await,
        Some(digest(&pushed.digest))
    );
    assert_eq!(head("api", "all").await, Some(digest(&index.digest)));
    assert_eq!(head("api", "v2").await, None);
    assert_eq!(head("other", "v1").await, None);
    let absent = format!("sha256:{}", "0".repeat(64));
    assert_eq!(head("api", &absent).await, None);
}

#[tokio::test]
async fn what_is_deleted_is_gone_with_all_its_tags() {
    let server = Server::new();
    let v1 = server.push("api", "v1", OCI, "", &["one"]);
    server.push("api", "old", OCI, "", &["one"]);
    server.push("api", "v2", OCI, "", &["two"]);
    let (client, api) = (server.client(), repository("api"));

    client.delete(&api, &digest(&v1.digest)).await.unwrap();
    assert_eq!(tags(&client, "api").await, "v2");
    assert_eq!(client.head(&api, &reference("old")).await.unwrap(), None);
    assert_eq!(
        client.head(&api, &reference(&v1.digest)).await.unwrap(),
        None
    );

    let error = client.delete(&api, &digest(&v1.digest)).await.unwrap_err();
    let url = format!("http://{}/v2/api/manifests/{}", server.addr(), v1.digest);
    assert_eq!(
        error.to_string(),
        format!("there is nothing at {url}: manifest unknown")
    );
}

#[tokio::test]
async fn a_repository_without_tags_is_an_empty_list() {
    let server = Server::new();
    let client = server.client();
    assert_eq!(tags(&client, "never/pushed").await, "");
    let untagged = server.push("untagged", "", OCI, "", &["x"]);
    assert_eq!(tags(&client, "untagged").await, "");
    let gone = server.push("gone", "v1", OCI, "", &["x"]);
    client
        .delete(&repository("gone"), &digest(&gone.digest))
        .await
        .unwrap();
    assert_eq!(tags(&client, "gone").await, "");

    // A registry forgets no name.
    assert_data_eq!(
        table(&client.list().await.unwrap()),
        str![[r#"
gone
untagged

"#]]
    );
    let manifest = client
        .manifest(&repository("untagged"), &reference(&untagged.digest))
        .await
        .unwrap();
    assert_eq!(manifest.digest, digest(&untagged.digest));
}

#[tokio::test]
async fn an_index_without_some_of_its_parts_is_told_by_the_others() {
    let server = Server::new();
    let here = server.push("multi", "", OCI, "2026-01-01T00:00:00Z", &["here"]);
    let gone = server.push("multi", "", OCI, "2026-02-01T00:00:00Z", &["gone"]);
    let index = server.push_index("multi", "all", OCI, &[&here, &gone]);
    let (client, multi) = (server.client(), repository("multi"));
    client.delete(&multi, &digest(&gone.digest)).await.unwrap();
    let manifest = client
        .manifest(&multi, &reference(&index.digest))
        .await
        .unwrap();
    assert_eq!(manifest.parts, [digest(&here.digest), digest(&gone.digest)]);
    assert_eq!(manifest.size, 74);
    assert_eq!(
        manifest.created.unwrap().to_string(),
        "2026-01-01T00:00:00Z"
    );
}

#[tokio::test]
async fn an_empty_registry_holds_nothing() {
    let server = Server::new();
    server.client().ping().await.unwrap();
    assert_eq!(server.client().list().await.unwrap(), Listing::default());
}

#[tokio::test]
async fn an_absent_manifest_is_named_with_the_registry_s_words() {
    let server = Server::new();
    let error = server
        .client()
        .manifest(&repository("api"), &reference("v1"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "there is nothing at http://{}/v2/api/manifests/v1: manifest unknown",
            server.addr()
        )
    );
}

async fn tags(client: &Client, name: &str) -> String {
    let tags = client.tags(&repository(name)).await.unwrap();
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    tags.join(",")
}

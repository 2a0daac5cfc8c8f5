//! Builds on a real engine.

use hob_builder::{Endpoint, Recipe, build};
use std::collections::BTreeMap;

#[tokio::test]
async fn an_image_is_built_and_has_an_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    std::fs::write(root.join("Dockerfile"), "ARG BASE\nFROM ${BASE}\nRUN --mount=type=cache,target=/c echo hi; ls /c\nCOPY . /ctx\nRUN find /ctx\n").expect("written");
    let recipe = Recipe {
        dockerfile: root.join("Dockerfile"),
        context: root.into(),
        target: None,
        args: BTreeMap::new(),
        base: "debian:trixie-slim".into(),
        labels: BTreeMap::new(),
    };
    let id = build(
        &Endpoint::Unix("/var/run/docker.sock".into()),
        &recipe,
        "hob-builder-test:first",
        |line| eprintln!("{line:?}"),
    )
    .await;
    eprintln!("{id:?}");
    assert!(id.expect("built").starts_with("sha256:"));
}

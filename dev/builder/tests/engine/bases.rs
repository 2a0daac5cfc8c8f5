//! The image that others stand on.

use hob_builder::{Kind, base};

use crate::bench::{BASE, Bench, LIMIT, endpoint};

#[tokio::test]
async fn a_base_that_is_there_is_left_as_it_is() {
    let bench = Bench::new("", &[]).await;
    let ensured = base::ensure(&bench.endpoint, BASE, &[], |_| ()).await;
    assert_eq!(ensured.expect("there"), base::Ensured::Local);
}

#[tokio::test]
async fn a_suite_that_debian_does_not_have_is_refused_in_words() {
    let endpoint = endpoint();
    let ensured = base::ensure(&endpoint, "debian:nosuchsuite-slim", &[], |_| ());
    let error = tokio::time::timeout(LIMIT, ensured)
        .await
        .expect("in time")
        .expect_err("refused");
    let words = [
        "the Debian mirror has no suite `nosuchsuite`",
        "`debian:nosuchsuite-slim` cannot be pulled: the registry does not have it",
    ];
    assert!(words.contains(&error.message.as_str()), "{error:?}");
    assert_eq!(error.kind, Kind::Recipe);
}

#[tokio::test]
async fn an_image_that_cannot_be_made_here_is_refused_in_words() {
    let endpoint = endpoint();
    let ensured = base::ensure(&endpoint, "registry.invalid/base:1", &[], |_| ());
    let error = tokio::time::timeout(LIMIT, ensured)
        .await
        .expect("in time")
        .expect_err("refused");
    assert_eq!(
        error.message,
        "`registry.invalid/base:1` is not on this engine, and its registry cannot be reached"
    );
}

#[tokio::test]
async fn a_base_made_from_a_mirror_installs_packages_and_keeps_no_caches() {
    let bench = Bench::new("ARG BASE\nFROM $BASE\nARG RUN_ID\nRUN apt-get -qq update && apt-get -qq install -y --no-install-recommends bc >/dev/null\nRUN echo 6*7 | bc; ls -A /var/cache/apt/archives | grep deb$; ls /usr/share/man 2>/dev/null; true\n", &[]).await;
    let made = format!("hob-builder-test:{}-slim", bench.unique().to_lowercase());
    let making = base::bootstrap(&bench.endpoint, "trixie", &made, &[], |_| ());
    tokio::time::timeout(LIMIT * 2, making)
        .await
        .expect("in time")
        .expect("made");
    bench.remove_later(&made);
    let mut recipe = bench.recipe();
    recipe.base.clone_from(&made);
    let (built, told) = bench.build(&recipe).await;
    built.expect("built");
    let last: Vec<_> = told
        .iter()
        .filter(|line| {
            line.step
                .as_deref()
                .is_some_and(|step| step.contains("bc; ls"))
        })
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(last, ["42"]);
}

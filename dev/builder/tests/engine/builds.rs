//! Images that are made.

use hob_builder::{Builder, build};
use tokio::sync::oneshot;

use crate::bench::{Bench, LIMIT, LIST, call, lines, listed, steps};

#[tokio::test]
async fn a_second_build_is_cached_and_gives_the_same_image() {
    let bench = Bench::new(
        "ARG BASE\nFROM $BASE\nARG RUN_ID\nRUN echo $RUN_ID > /id\nCOPY a /a\n",
        &[("a", "1")],
    )
    .await;
    let recipe = bench.recipe();
    let (first, _) = bench.build(&recipe).await;
    let (second, told) = bench.build(&recipe).await;
    assert_eq!(first.expect("built"), second.expect("built again"));
    let run = steps(&told)
        .into_iter()
        .find(|step| step.contains("RUN echo"))
        .expect("told")
        .to_owned();
    assert!(run.ends_with("(cached)"), "{told:?}");

    bench.write("a", "2");
    let (third, _) = bench.build(&recipe).await;
    assert!(third.is_ok());
}

#[tokio::test]
async fn labels_and_the_target_reach_the_image() {
    let bench = Bench::new(
        "ARG BASE\nFROM $BASE AS one\nRUN true\nFROM one AS two\nRUN exit 1\n",
        &[],
    )
    .await;
    let mut recipe = bench.recipe();
    recipe.target = Some("one".into());
    recipe
        .labels
        .insert("hob.test".into(), "a \"b\" & c".into());
    let (built, _) = bench.build(&recipe).await;
    let id = built.expect("built");
    let image = call(
        &bench.endpoint,
        "GET",
        &format!("/images/{}/json", bench.tag),
    )
    .expect("answered");
    assert!(
        image.contains(r#""hob.test":"a \"b\" & c""#) && image.contains(&id),
        "{image}"
    );
}

#[tokio::test]
async fn a_cache_mount_keeps_what_a_build_before_wrote() {
    let dockerfile = "ARG BASE\nFROM $BASE\nARG N\nRUN --mount=type=cache,id=ID,target=/c cat /c/n 2>/dev/null; echo from $N > /c/n\n";
    let bench = Bench::new("", &[]).await;
    bench.write("Dockerfile", &dockerfile.replace("ID", &bench.unique()));
    let mut recipe = bench.recipe();
    recipe.args.insert("N".into(), "one".into());
    bench.build(&recipe).await.0.expect("built");
    recipe.args.insert("N".into(), "two".into());
    let (built, told) = bench.build(&recipe).await;
    built.expect("built again");
    assert_eq!(lines(&told), ["from one"]);
}

#[tokio::test]
async fn the_classic_builder_builds_what_it_can() {
    let bench = Bench::new(LIST, &[("a", "")]).await;
    let (built, told) = bench
        .build_on(&bench.recipe(), Some(Builder::Classic))
        .await;
    assert!(built.expect("built").starts_with("sha256:"));
    assert_eq!(listed(&lines(&told)), ["Dockerfile 644", "a 644"]);
}

/// A cache mount that is locked is free again only when its build has ended.
#[tokio::test]
async fn a_build_that_is_dropped_ends_in_the_engine() {
    let bench = Bench::new("", &[]).await;
    let mount = format!(
        "--mount=type=cache,id={},target=/c,sharing=locked",
        bench.unique()
    );
    bench.write(
        "Dockerfile",
        &format!("ARG BASE\nFROM $BASE\nRUN {mount} echo begun; sleep 3000\n"),
    );
    let (begun, has_begun) = oneshot::channel();
    let mut begun = Some(begun);
    let recipe = bench.recipe();
    let building = build(&bench.endpoint, &recipe, &bench.tag, |line| {
        if line.text == "begun"
            && let Some(begun) = begun.take()
        {
            let _ = begun.send(());
        }
    });
    tokio::select! {
        built = building => panic!("it ended: {built:?}"),
        begun = tokio::time::timeout(LIMIT, has_begun) => begun.expect("in time").expect("it began"),
    }
    bench.write(
        "Dockerfile",
        &format!("ARG BASE\nFROM $BASE\nRUN {mount} echo free\n"),
    );
    let (built, told) = bench.build(&bench.recipe()).await;
    built.expect("built");
    assert_eq!(lines(&told), ["free"]);
}

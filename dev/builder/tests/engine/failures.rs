//! What is said when there is no image.

use hob_builder::{Builder, Kind};

use crate::bench::Bench;

#[tokio::test]
async fn a_command_that_fails_is_shown_with_its_output_and_line() {
    const FAILS: &str = "RUN echo to stdout; \\\n  echo to stderr >&2; exit 3\n";
    // What the classic builder made before it failed would stay in the engine.
    let cases = [
        (
            Builder::BuildKit,
            "WORKDIR /x\n\nRUN true && \\\n  true\n",
            7,
        ),
        (Builder::Classic, "\n# nothing before\n", 5),
    ];
    for (builder, before, line) in cases {
        let dockerfile = &format!("ARG BASE\nFROM $BASE AS dev\n{before}{FAILS}");
        let bench = Bench::new(dockerfile, &[]).await;
        let (built, _) = bench.build_on(&bench.recipe(), Some(builder)).await;
        let error = built.expect_err("it fails");
        assert_eq!(
            error.message,
            "`RUN echo to stdout; echo to stderr >&2; exit 3` ended with exit code 3",
            "{builder:?}"
        );
        assert_eq!(
            (error.kind, error.line),
            (Kind::Recipe, Some(line)),
            "{builder:?}"
        );
        let mut output = error.output.clone();
        output.sort();
        assert_eq!(output, ["to stderr", "to stdout"], "{builder:?}");
    }
}

#[tokio::test]
async fn builds_of_one_failing_step_at_once_each_tell_its_words_and_line() {
    let dockerfile = "ARG BASE\nFROM $BASE\nRUN sleep 1; echo the words; exit 7\n";
    let bench = Bench::new(dockerfile, &[]).await;
    let mut recipe = bench.recipe();
    // The same to the engine, so that it runs the step once for all.
    recipe.args.clear();
    let building = (0..3).map(|_| bench.build(&recipe));
    for (built, _) in futures_util::future::join_all(building).await {
        let error = built.expect_err("it fails");
        assert_eq!(
            error.message,
            "`RUN sleep 1; echo the words; exit 7` ended with exit code 7"
        );
        assert_eq!((error.kind, error.line), (Kind::Recipe, Some(3)));
        assert_eq!(error.output, ["the words"]);
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_and_whether_it_is_ignored() {
    for builder in [Builder::BuildKit, Builder::Classic] {
        let bench = Bench::new("ARG BASE\nFROM $BASE\n\nCOPY some/file /x\n", &[]).await;
        let (built, _) = bench.build_on(&bench.recipe(), Some(builder)).await;
        let error = built.expect_err("it fails");
        assert_eq!(
            error.message, "`COPY some/file /x`: there is no `some/file` in the context",
            "{builder:?}"
        );
        assert_eq!(
            (error.kind, error.line, error.hints.len()),
            (Kind::Recipe, Some(4), 0),
            "{builder:?}"
        );

        bench.write("some/file", "");
        bench.write(".dockerignore", "some\n");
        let (built, _) = bench.build_on(&bench.recipe(), Some(builder)).await;
        assert_eq!(
            built.expect_err("it fails").hints,
            ["it is left out by `.dockerignore`"],
            "{builder:?}"
        );
    }
}

#[tokio::test]
async fn the_classic_builder_is_not_given_what_it_cannot_build() {
    let bench = Bench::new(
        "ARG BASE\nFROM $BASE\nRUN --mount=type=cache,target=/c true\n",
        &[],
    )
    .await;
    let (built, told) = bench
        .build_on(&bench.recipe(), Some(Builder::Classic))
        .await;
    let error = built.expect_err("refused");
    assert_eq!(
        error.message,
        "`RUN --mount` on line 3 needs BuildKit, and this engine builds with its classic builder"
    );
    assert_eq!(
        (error.kind, error.line, told.len()),
        (Kind::Prerequisite, Some(3), 0)
    );
}

#[tokio::test]
async fn an_image_of_a_registry_that_is_not_there_is_told_plainly() {
    let bench = Bench::new("FROM registry.invalid/some/image:1\n", &[]).await;
    let (built, _) = bench.build(&bench.recipe()).await;
    let error = built.expect_err("it fails");
    assert_eq!(
        error.message,
        "`registry.invalid/some/image:1` is not on this engine, and its registry cannot be reached"
    );
    assert_eq!((error.kind, error.line), (Kind::Operation, Some(1)));
}

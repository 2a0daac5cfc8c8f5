//! What is said of failures: the words of engines in, those of hob out.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

const TEXT: &str = "\
# syntax=docker/dockerfile:1
ARG BASE
FROM $BASE AS base
RUN make all \\
  && make install
COPY --from=other /x /y
COPY --from=bass /x /y
";

fn explained(lines: &[&str], words: &str) -> BuildError {
    let dockerfile = Dockerfile::parse(Path::new("Dockerfile"), TEXT).expect("readable");
    let recipe = Recipe {
        dockerfile: "Dockerfile".into(),
        context: "/nowhere".into(),
        target: None,
        args: BTreeMap::new(),
        base: "me/base:1".into(),
        labels: BTreeMap::new(),
    };
    let mut narration = Narration::default();
    for line in lines {
        let line = serde_json::json!({ "stream": line }).to_string();
        narration.take(line.as_bytes(), &mut |_| {});
    }
    Explain {
        recipe: &recipe,
        dockerfile: &dockerfile,
    }
    .failed(&narration, words)
}

#[test]
fn a_command_that_only_the_answer_names_is_known_by_its_text() {
    let words = "executor failed running [/bin/sh -c make all   && make install]: exit code: 7";
    let error = explained(&[], words);
    assert_eq!(
        (error.kind, error.line, &*error.message),
        (
            Kind::Recipe,
            Some(4),
            "`RUN make all && make install` ended with exit code 7"
        )
    );
}

const RUN: &str = "Step 3/5 : RUN make all   && make install";
const FROM: &str = "Step 2/5 : FROM $BASE AS base";

#[track_caller]
fn check(lines: &[&str], words: &str, kind: Kind, line: Option<usize>, message: &str) {
    let error = explained(lines, words);
    assert_eq!(
        (error.message.as_str(), error.kind, error.line),
        (message, kind, line)
    );
}

#[test]
fn a_command_is_told_with_its_exit_code() {
    let message = "`RUN make all && make install` ended with exit code 2";
    check(
        &[RUN],
        "executor failed running [/bin/sh -c x]: exit code: 2",
        Kind::Recipe,
        Some(4),
        message,
    );
    check(
        &[RUN],
        "process \"/bin/sh -c x\" did not complete successfully: exit code: 2",
        Kind::Recipe,
        Some(4),
        message,
    );
    check(
        &[RUN],
        "The command '/bin/sh -c x' returned a non-zero code: 2",
        Kind::Recipe,
        Some(4),
        message,
    );
}

#[test]
fn a_full_disk_is_told_whoever_noticed_it() {
    check(
        &[],
        "write /var/lib/x: no space left on device",
        Kind::Operation,
        None,
        "the disk of the engine is full",
    );
    check(
        &[RUN, "cp: error writing 'x': No space left on device\n"],
        "exit code: 1",
        Kind::Operation,
        Some(4),
        "the disk of the engine is full at `RUN make all && make install`",
    );
}

#[test]
fn images_that_cannot_be_had_are_named() {
    check(
        &[FROM],
        "pull access denied for me/base, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        Kind::Recipe,
        Some(3),
        "`me/base:1` cannot be pulled: there is no such image, or it needs a login",
    );
    check(
        &[FROM],
        "manifest for me/base:1 not found: manifest unknown",
        Kind::Recipe,
        Some(3),
        "`me/base:1` cannot be pulled: the registry does not have it",
    );
    check(
        &[FROM],
        "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host",
        Kind::Operation,
        Some(3),
        "`me/base:1` is not on this engine, and its registry cannot be reached",
    );
}

#[test]
fn a_command_that_cannot_reach_the_network_is_not_a_pull() {
    check(
        &[RUN, "dial tcp: no such host\n"],
        "dial tcp failed: exit code: 1",
        Kind::Recipe,
        Some(4),
        "`RUN make all && make install` ended with exit code 1",
    );
}

#[test]
fn a_frontend_that_cannot_be_pulled_is_told_with_its_line() {
    let error = explained(
        &[],
        "failed to solve: docker/dockerfile:1: failed to do request: dial tcp: i/o timeout",
    );
    assert_eq!(
        error.message,
        "the frontend `docker/dockerfile:1` of `# syntax=` on line 1 cannot be pulled"
    );
    assert_eq!(error.line, Some(1));
}

#[test]
fn what_another_stage_does_not_have_is_told_with_it() {
    let words = "COPY failed: stat x: file does not exist";
    let missing = "failed to compute cache key: \"/x\" not found: not found";
    check(
        &["Step 4/5 : COPY --from=other /x /y"],
        missing,
        Kind::Recipe,
        Some(6),
        "`COPY --from=other /x /y`: it is not in `other`",
    );
    check(
        &["Step 4/5 : COPY --from=other /x /y"],
        words,
        Kind::Recipe,
        Some(6),
        "`COPY --from=other /x /y`: it is not in `other`",
    );
}

#[test]
fn an_engines_parser_says_the_line() {
    let message = "`RUN make all && make install`: Unknown flag: x";
    let words = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 4: Unknown flag: x";
    check(&[], words, Kind::Recipe, Some(4), message);
    check(
        &[],
        "dockerfile parse error on line 4: Unknown flag: x",
        Kind::Recipe,
        Some(4),
        message,
    );
}

#[test]
fn a_complaint_about_a_kind_of_instruction_has_a_line_if_there_is_one_of_it() {
    check(
        &[],
        "failed to parse Dockerfile: ARG has no name",
        Kind::Recipe,
        Some(2),
        "ARG has no name",
    );
    check(
        &[],
        "COPY has no source",
        Kind::Recipe,
        None,
        "COPY has no source",
    );
    check(
        &[],
        "something else",
        Kind::Operation,
        None,
        "something else",
    );
}

#[test]
fn a_stage_that_is_taken_for_an_image_is_suggested() {
    let words = "invalid from flag value bass: Get \"https://x/v2/\": dial tcp: no such host";
    let error = explained(&["Step 5/5 : COPY --from=bass /x /y"], words);
    assert_eq!(
        error.message,
        "`bass` is not on this engine, and its registry cannot be reached"
    );
    assert_eq!(error.line, Some(7));
    assert_eq!(
        error.hints.last().map(String::as_str),
        Some("did you mean the stage `base`?")
    );
}

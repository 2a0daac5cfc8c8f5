//! What `mmdebstrap` says when it fails, as a person can use it.

use crate::base::{BaseError, Tail};
use crate::error::Kind;

pub(super) fn failed(suite: &str, reason: &str, tail: Tail) -> BaseError {
    let output: Vec<String> = tail.0.into();
    let has = |words: &[&str]| {
        output
            .iter()
            .any(|line| words.iter().any(|word| line.contains(word)))
    };
    let mut error = if has(&[
        "does not have a Release file",
        "404  Not Found",
        "unknown suite",
    ]) {
        BaseError::new(
            Kind::Recipe,
            format!("the Debian mirror has no suite `{suite}`"),
        )
        .hint("is the base image's name right? `debian:trixie-slim` is one that there is")
    } else if has(&["No space left on device"]) {
        BaseError::new(
            Kind::Operation,
            "the disk is full: mmdebstrap needs about 500 MB in TMPDIR",
        )
    } else if has(&[
        "Could not resolve",
        "Temporary failure resolving",
        "Could not connect",
        "Unable to connect",
    ]) {
        BaseError::new(
            Kind::Operation,
            "neither a registry nor the Debian mirror can be reached",
        )
        .hint("name a mirror that can be reached from here")
    } else if has(&["unshare", "newuidmap", "subuid"]) {
        BaseError::new(
            Kind::Prerequisite,
            "mmdebstrap may not make user namespaces here",
        )
        .hint("`apt-get install uidmap`, or run it as root once")
    } else {
        let last = output.iter().rev().find(|line| line.starts_with("E: "));
        let words = last.map_or(reason, |line| &line[3..]);
        BaseError::new(
            Kind::Operation,
            format!("mmdebstrap could not make `{suite}`: {words}"),
        )
    };
    error.output = output;
    error
}

//! What an engine's words say, whichever version and builder they are from.

use crate::error::{BuildError, Kind};

/// Why an image cannot be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Denied,
    Missing,
    Offline,
}

impl Trouble {
    pub(crate) fn of(words: &str) -> Option<Self> {
        let words = words.to_lowercase();
        let has = |any: &[&str]| any.iter().any(|text| words.contains(text));
        if has(&[
            "pull access denied",
            "unauthorized",
            "authorization failed",
            "access forbidden",
            "denied:",
        ]) {
            Some(Self::Denied)
        } else if has(&[
            "dial tcp",
            "i/o timeout",
            "no such host",
            "connection refused",
            "tls handshake",
            "network is unreachable",
            "client.timeout",
            "request canceled while waiting",
            "failed to do request",
            "proxyconnect",
            "unexpected eof",
            ": eof",
        ]) {
            Some(Self::Offline)
        } else if has(&["manifest unknown", "not found", "no such image"]) {
            Some(Self::Missing)
        } else {
            None
        }
    }
}

pub(crate) fn explain_pull<E>(image: &str, trouble: Trouble, new: impl Fn(Kind, String) -> E) -> E
where
    E: Hinted,
{
    match trouble {
        Trouble::Denied => new(Kind::Recipe, format!("{image} cannot be pulled: there is no such image, or it needs a login"))
            .hinted("is the name right? `docker login` lets the engine pull what is private"),
        Trouble::Missing => new(Kind::Recipe, format!("{image} cannot be pulled: the registry does not have it"))
            .hinted("is the name right, and the tag?"),
        Trouble::Offline => new(Kind::Operation, format!("{image} is not on this engine, and its registry cannot be reached"))
            .hinted("begin the Dockerfile with `ARG BASE=debian:trixie-slim` and `FROM ${BASE}`: that base is made without a registry"),
    }
}

/// An error that takes hints.
pub(crate) trait Hinted {
    fn hinted(self, hint: &str) -> Self;
}

impl Hinted for BuildError {
    fn hinted(self, hint: &str) -> Self {
        self.hint(hint)
    }
}

/// `… exit code: 3` of BuildKit, `… returned a non-zero code: 3` of the classic builder.
pub(crate) fn exit_code(words: &str) -> Option<u32> {
    let after = words
        .rsplit_once("exit code: ")
        .or_else(|| words.rsplit_once("non-zero code: "))?
        .1;
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// `… line 4: …` of an engine's parser.
pub(crate) fn parse_line(words: &str) -> Option<usize> {
    let lower = words.to_lowercase();
    let after = lower.split_once("parse error")?.1.split_once("line ")?.1;
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Without what engines put before their reasons.
pub(crate) fn plain(words: &str) -> &str {
    let mut words = words.lines().next().unwrap_or_default().trim();
    if let Some((_, rest)) = words.split_once("parse error") {
        words = rest.split_once(": ").map_or(words, |(_, reason)| reason);
    }
    const BEFORE: [&str; 6] = [
        "failed to parse Dockerfile: ",
        "failed to load cache key: ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve: ",
        "failed to create LLB definition: ",
        "failed to compute cache key: ",
    ];
    while let Some(rest) = BEFORE.iter().find_map(|before| words.strip_prefix(before)) {
        words = rest;
    }
    match words
        .strip_prefix("executor failed running [")
        .and_then(|rest| rest.rsplit_once("]: "))
    {
        Some((_, reason)) => reason,
        None => words,
    }
}

pub(crate) fn is_full(words: &str) -> bool {
    words.to_lowercase().contains("no space left on device")
}

pub(crate) fn is_missing(words: &str) -> bool {
    [
        "not found",
        "file does not exist",
        "no such file or directory",
    ]
    .iter()
    .any(|missing| words.contains(missing))
}

/// At most 80 characters of one line.
pub(crate) fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_instructions_are_cut() {
        assert_eq!(short(&"ä ".repeat(100)).chars().count(), 80);
    }

    #[test]
    fn exit_codes_of_every_builder() {
        assert_eq!(
            exit_code("executor failed running [x]: exit code: 2"),
            Some(2)
        );
        assert_eq!(
            exit_code("process \"x\" did not complete successfully: exit code: 137"),
            Some(137)
        );
        assert_eq!(
            exit_code("The command 'x' returned a non-zero code: 3"),
            Some(3)
        );
        assert_eq!(exit_code("exit"), None);
    }

    #[test]
    fn what_engines_put_in_front_is_taken_away() {
        assert_eq!(
            plain("failed to solve: failed to compute cache key: x: y"),
            "x: y"
        );
        assert_eq!(
            plain("executor failed running [sh -c a]: b]: reason"),
            "reason"
        );
        assert_eq!(
            plain("failed to solve: dockerfile parse error on line 3: why: so"),
            "why: so"
        );
    }
}

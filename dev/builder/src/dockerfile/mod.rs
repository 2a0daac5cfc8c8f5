//! What a Dockerfile says, as far as it has to be known before anything is
//! sent and when a step fails: its stages, the images they stand on, what
//! they ask of a builder, and where each instruction stands. It is never
//! rewritten; the engine reads it itself.
//! Reference: <https://docs.docker.com/reference/dockerfile/>.

mod globals;
mod needs;
mod parse;
mod place;
mod stages;
mod substitute;
mod takes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use place::image_asked_for;
pub(crate) use stages::{Base, Stage};
pub(crate) use takes::Takes;

use crate::error::{BuildError, Kind};

/// A Dockerfile that has at least one stage.
#[derive(Clone, Debug)]
pub(crate) struct Dockerfile {
    pub(crate) path: PathBuf,
    /// `# syntax=`: its line and the frontend's image.
    pub(crate) syntax: Option<(usize, String)>,
    /// What stands before the first `FROM`: `ARG`s.
    pub(crate) globals: Vec<Instruction>,
    pub(crate) stages: Vec<Stage>,
    /// A backslash unless `# escape=` says otherwise.
    pub(crate) escape: char,
    /// As it is written.
    text: String,
}

/// One instruction, its continuation lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// Upper case, like `RUN`.
    pub(crate) keyword: String,
    /// `--mount=…` and the like, without the dashes.
    pub(crate) flags: Vec<(String, String)>,
    /// What follows keyword and flags.
    pub(crate) rest: String,
    /// Its first heredoc as it is written, like `<<EOF`.
    pub(crate) heredoc: Option<String>,
}

impl Dockerfile {
    pub(crate) fn read(path: &Path) -> Result<Self, BuildError> {
        let text = fs::read(path).map_err(|error| {
            let message = format!("{} cannot be read: {error}", path.display());
            BuildError::new(Kind::Recipe, path, message)
        })?;
        Self::parse(path, &String::from_utf8_lossy(&text))
    }

    /// `path` is only for errors.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, BuildError> {
        let parsed = parse::parse(text).and_then(|lines| {
            parse::known(&lines)?;
            stages::split(lines, path, text)
        });
        parsed.map_err(|wrong| {
            let mut error = BuildError::new(Kind::Recipe, path, wrong.message);
            error.line = wrong.line;
            error.hints.extend(wrong.hint);
            error
        })
    }

    /// All instructions in their order.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        let stages = self.stages.iter();
        self.globals
            .iter()
            .chain(stages.flat_map(|stage| std::iter::once(&stage.from).chain(&stage.instructions)))
    }

    /// The lines of these stages and those before the first `FROM`; all of
    /// them when a frontend of one's own reads it.
    pub(crate) fn text_of(&self, stages: &BTreeSet<usize>) -> String {
        if self.has_own_frontend() {
            return self.text.clone();
        }
        let mut starts: Vec<usize> = self.stages.iter().map(|it| it.from.line - 1).collect();
        let first = starts.first().copied().unwrap_or_default();
        starts.push(usize::MAX);
        let wanted = |line: usize| {
            line < first
                || stages
                    .iter()
                    .any(|stage| (starts[*stage]..starts[stage + 1]).contains(&line))
        };
        let lines = self.text.lines().enumerate();
        let kept: Vec<&str> = lines
            .filter_map(|(at, line)| wanted(at).then_some(line))
            .collect();
        kept.join("\n")
    }

    /// Whether an `ARG` takes the argument anywhere.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.instructions()
            .filter(|instruction| instruction.keyword == "ARG")
            .any(|arg| {
                substitute::words(&arg.rest, self.escape)
                    .iter()
                    .any(|word| {
                        word.split_once('=').map_or(word.as_str(), |(name, _)| name) == name
                    })
            })
    }
}

impl Instruction {
    /// What it takes files from: `COPY --from=`, `RUN --mount=from=`.
    pub(crate) fn sources(&self) -> Vec<String> {
        let flags = self.flags.iter();
        flags
            .flat_map(
                |(name, value)| match (self.keyword.as_str(), name.as_str()) {
                    ("COPY", "from") => vec![value.clone()],
                    ("RUN", "mount") => value
                        .split(',')
                        .filter_map(|part| part.strip_prefix("from=").map(str::to_owned))
                        .collect(),
                    _ => Vec::new(),
                },
            )
            .filter(|name| !name.is_empty())
            .collect()
    }
}

/// What is wrong with a Dockerfile, before it is known which one it is.
#[derive(Debug)]
pub(crate) struct Wrong {
    line: Option<usize>,
    message: String,
    hint: Option<String>,
}

impl Wrong {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The nearest of `known` to a misspelt `word`, if one is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&word, &known.to_lowercase()),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= 2 && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

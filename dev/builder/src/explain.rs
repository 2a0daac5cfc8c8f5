//! An engine's words about a failure, as a person can use them.

mod pull;

use crate::dockerfile::{Dockerfile, Instruction};
use crate::error::{BuildError, Kind};
use crate::http::Failure;
use crate::narration::{Failed, Narration};
use crate::recipe::Recipe;
use crate::words::{exit_code, is_full, is_missing, parse_line, plain, short};

/// What an explanation is made from.
pub(crate) struct Explain<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) dockerfile: &'a Dockerfile,
}

/// The engine does not answer.
pub(crate) fn connection(recipe: &Recipe, failure: &Failure) -> BuildError {
    let kind = match failure {
        Failure::Unreachable { .. } => Kind::Prerequisite,
        _ => Kind::Operation,
    };
    let error = BuildError::new(kind, &recipe.dockerfile, failure.to_string());
    match failure {
        Failure::Unreachable { .. } => {
            error.hint("is the engine running? `docker version` asks it")
        }
        _ => error,
    }
}

impl Explain<'_> {
    /// The request itself was refused, or its answer broke off.
    pub(crate) fn refused(&self, failure: &Failure) -> BuildError {
        match failure {
            Failure::Refused { message, .. } => self.failed(&Narration::default(), message),
            other => connection(self.recipe, other),
        }
    }

    /// The build failed with `words`.
    pub(crate) fn failed(&self, narration: &Narration, words: &str) -> BuildError {
        let step = narration.failed();
        let args = self.recipe.arguments();
        let instruction = step.as_ref().and_then(|step| match step.number {
            Some(number) => self.dockerfile.instruction_at(number, &step.name),
            None => self.dockerfile.instruction_of(&step.name, &args),
        });
        let instruction = instruction.or_else(|| self.command_in(words));
        let mut error = self.words(words, step.as_ref(), instruction);
        error.line = instruction
            .map(|one| one.line)
            .or_else(|| parse_line(words))
            .or(error.line);
        error.output = step.map(|step| step.tail).unwrap_or_default();
        error
    }

    /// The command that the engine's words name, where its narration does not.
    fn command_in(&self, words: &str) -> Option<&Instruction> {
        exit_code(words)?;
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = squeezed(words);
        let mut runs = self.dockerfile.instructions();
        runs.find(|one| one.keyword == "RUN" && words.contains(&squeezed(&one.rest)))
    }

    fn words(
        &self,
        words: &str,
        step: Option<&Failed>,
        instruction: Option<&Instruction>,
    ) -> BuildError {
        let new = |kind, message: String| BuildError::new(kind, &self.dockerfile.path, message);
        if let Some(syntax) = self.frontend(words) {
            return syntax;
        }
        let parsed = parse_line(words);
        let instruction = instruction.or_else(|| {
            self.dockerfile
                .instructions()
                .find(|one| Some(one.line) == parsed)
        });
        let told = instruction.map(|one| short(&one.text()));
        let output = step.map(|step| step.tail.as_slice()).unwrap_or_default();
        if is_full(words) || output.iter().any(|line| is_full(line)) {
            let during = told.map(|told| format!(" at `{told}`")).unwrap_or_default();
            return new(Kind::Operation, format!("the disk of the engine is full{during}"))
                .hint("`docker system df` says what takes the space, `docker builder prune` frees the build cache");
        }
        if let Some(error) = self.pull(words, step, instruction) {
            return error;
        }
        let (Some(one), Some(told)) = (instruction, told) else {
            // Some complaints name only the kind of instruction.
            let reason = plain(words);
            let keyword = reason.split_whitespace().next().unwrap_or_default();
            let mut such = self
                .dockerfile
                .instructions()
                .filter(|one| one.keyword == keyword);
            return match (such.next(), such.next()) {
                (Some(one), None) => new(Kind::Recipe, reason.to_owned()).at(one.line),
                (Some(_), Some(_)) => new(Kind::Recipe, reason.to_owned()),
                (None, _) => new(Kind::Operation, reason.to_owned()),
            };
        };
        match (one.keyword.as_str(), exit_code(words)) {
            ("RUN", Some(code)) => new(
                Kind::Recipe,
                format!("`{told}` ended with exit code {code}"),
            ),
            ("COPY" | "ADD", _) if is_missing(words) && is_literal(one) => {
                let (reason, hint) = self.missing(one, words);
                let error = new(Kind::Recipe, format!("`{told}`: {reason}"));
                hint.into_iter().fold(error, BuildError::hint)
            }
            _ => new(Kind::Recipe, format!("`{told}`: {}", plain(words))),
        }
    }

    /// Which file a copy lacks, and why that may be.
    fn missing(&self, copy: &Instruction, words: &str) -> (String, Option<&'static str>) {
        if let Some((_, from)) = copy.flags.iter().find(|(name, _)| name == "from") {
            return (format!("it is not in `{from}`"), None);
        }
        let mut paths: Vec<&str> = copy.rest.split_whitespace().collect();
        paths.pop();
        let path = |source: &&str| self.recipe.context.join(source.trim_start_matches('/'));
        let named = |source: &&&str| words.contains(source.trim_matches('/'));
        if let Some(gone) = paths.iter().find(|source| !path(source).exists()) {
            (format!("there is no `{gone}` in the context"), None)
        } else {
            let which = paths
                .iter()
                .find(named)
                .or(paths.first())
                .unwrap_or(&"file");
            (
                format!("there is no `{which}` in what is sent"),
                Some("it is left out by `.dockerignore`"),
            )
        }
    }
}

/// Whether the paths of a copy are written as they are looked for.
fn is_literal(copy: &Instruction) -> bool {
    !copy.rest.contains('$') && !copy.rest.starts_with('[')
}

#[cfg(test)]
mod tests;

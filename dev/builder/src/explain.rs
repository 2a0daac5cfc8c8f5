//! An engine's words about a failure, as a person can use them.

use crate::dockerfile::{Base, Dockerfile, Instruction, image_asked_for, nearest};
use crate::error::{BuildError, Kind};
use crate::http::Failure;
use crate::narration::{Failed, Narration};
use crate::recipe::Recipe;
use crate::words::{
    Trouble, exit_code, explain_pull, is_full, is_missing, parse_line, plain, short,
};

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

    /// An image could not be pulled.
    fn pull(
        &self,
        words: &str,
        step: Option<&Failed>,
        instruction: Option<&Instruction>,
    ) -> Option<BuildError> {
        let trouble = Trouble::of(words)?;
        let asked = step
            .filter(|step| step.number.is_none())
            .and_then(|step| image_asked_for(&step.name));
        let source = instruction.and_then(|one| {
            let image = |name: &String| matches!(self.dockerfile.named(name), Base::Image(_));
            one.sources().into_iter().find(image)
        });
        let image = match instruction.map(|one| (one.keyword.as_str(), one.line)) {
            Some(("FROM", line)) => self.image(line),
            // A command may fail at some network of its own, a copy at a file.
            Some(_) if asked.is_none() && !words.starts_with("invalid from flag") => return None,
            Some(_) => Some(source.clone()?),
            None if step.is_some() && asked.is_none() => return None,
            None => asked.map(str::to_owned),
        };
        let image = image.map_or("an image".to_owned(), |image| format!("`{image}`"));
        let error = explain_pull(&image, trouble, |kind, message| {
            BuildError::new(kind, &self.dockerfile.path, message)
        });
        let names = self
            .dockerfile
            .stages
            .iter()
            .filter_map(|stage| stage.name.as_deref());
        let near = source.as_deref().and_then(|source| nearest(source, names));
        Some(near.into_iter().fold(error, |error, near| {
            error.hint(format!("did you mean the stage `{near}`?"))
        }))
    }

    /// The image that the `FROM` on a line names, variables replaced.
    fn image(&self, line: usize) -> Option<String> {
        let stages = &self.dockerfile.stages;
        let stage = stages.iter().position(|stage| stage.from.line == line)?;
        match self.dockerfile.base(stage, &self.recipe.arguments()).ok()? {
            Base::Image(image) => Some(image),
            Base::Stage(_) | Base::Scratch => None,
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

    /// The frontend of `# syntax=` could not be had.
    fn frontend(&self, words: &str) -> Option<BuildError> {
        let (line, image) = self.dockerfile.syntax.as_ref()?;
        let name = image.split([':', '@']).next()?;
        let mut error = BuildError::new(
            Kind::Operation,
            &self.dockerfile.path,
            format!("the frontend `{image}` of `# syntax=` on line {line} cannot be pulled"),
        );
        error.line = Some(*line);
        (words.contains(name) && Trouble::of(words).is_some()).then(|| {
            error.hint("take that line out: engines build with a frontend of their own then")
        })
    }
}

/// Whether the paths of a copy are written as they are looked for.
fn is_literal(copy: &Instruction) -> bool {
    !copy.rest.contains('$') && !copy.rest.starts_with('[')
}

#[cfg(test)]
mod tests {
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
}

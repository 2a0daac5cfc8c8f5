//! What instructions take from the context: the sources of `COPY` and `ADD`,
//! and what `RUN --mount=type=bind` shows.
//!
//! What cannot be known from the Dockerfile alone takes the whole context: a
//! source with a variable that the base image may set, a frontend of one's
//! own. What the `ONBUILD` of an image from outside copies is not seen.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::parse::is_dockers_own;
use super::stages::Base;
use super::substitute::{substitute, words};
use super::{Dockerfile, Instruction};
use crate::pattern::clean;

/// What of the context is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Whole,
    /// Patterns, cleaned.
    These(BTreeSet<String>),
}

/// A source that is not known before the build.
struct Unknown;

impl Dockerfile {
    /// What these stages take.
    pub(crate) fn takes(&self, stages: &BTreeSet<usize>, args: &BTreeMap<String, String>) -> Takes {
        if self.has_own_frontend() {
            return Takes::Whole;
        }
        let mut all = BTreeSet::new();
        for stage in stages {
            match self.taken_by(*stage, args) {
                Ok(sources) => all.extend(sources),
                Err(Unknown) => return Takes::Whole,
            }
        }
        if all.contains(".") {
            return Takes::Whole;
        }
        Takes::These(all)
    }

    /// Whether something else than Docker's own frontend reads it.
    pub(crate) fn has_own_frontend(&self) -> bool {
        let own = |(_, image): &(usize, String)| !is_dockers_own(image);
        self.syntax.as_ref().is_some_and(own)
    }

    fn taken_by(
        &self,
        stage: usize,
        args: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, Unknown> {
        let mut variables = self.inherited(stage, args);
        let mut sources = Vec::new();
        for instruction in &self.stages[stage].instructions {
            self.set(instruction, args, &mut variables);
            let triggered = self.triggered(instruction);
            for one in std::iter::once(instruction).chain(&triggered) {
                for source in one.taken_from_context()? {
                    sources.push(self.filled(&source, &variables)?);
                }
            }
        }
        Ok(sources)
    }

    /// The variables that the stage begins with, as far as the Dockerfile says
    /// them.
    fn inherited(&self, stage: usize, args: &BTreeMap<String, String>) -> Variables {
        let Ok(Base::Stage(base)) = self.base(stage, args) else {
            return Variables::default();
        };
        let mut variables = self.inherited(base, args);
        for instruction in &self.stages[base].instructions {
            self.set(instruction, args, &mut variables);
        }
        variables
    }

    /// What `ARG` and `ENV` set.
    fn set(
        &self,
        instruction: &Instruction,
        args: &BTreeMap<String, String>,
        variables: &mut Variables,
    ) {
        let words = words(&instruction.rest, self.escape);
        let pairs: Vec<(&str, Option<&str>)> = match (instruction.keyword.as_str(), &words[..]) {
            ("ARG", words) => words
                .iter()
                .map(|word| match word.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (word.as_str(), None),
                })
                .collect(),
            ("ENV", [name, ..]) if !name.contains('=') => {
                let value = instruction.rest[name.len()..].trim();
                vec![(name, Some(value))]
            }
            ("ENV", words) => words
                .iter()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (name, Some(value)))
                .collect(),
            _ => return,
        };
        let before = variables.clone();
        for (name, value) in pairs {
            let own = value.map(|value| self.filled_word(value, &before));
            if instruction.keyword == "ENV" {
                variables.env.insert(name.to_owned(), own.flatten());
                continue;
            }
            let value = match args.get(name) {
                Some(given) => Some(given.clone()),
                None => own.unwrap_or_else(|| self.global(name, args)),
            };
            variables.arg.insert(name.to_owned(), value);
        }
    }

    /// A source as a pattern.
    fn filled(&self, source: &str, variables: &Variables) -> Result<String, Unknown> {
        // Whether an escape is of the word or of the pattern is not asked.
        if source.contains(self.escape) || source.contains('\\') {
            return Err(Unknown);
        }
        let filled = self.filled_word(source, variables).ok_or(Unknown)?;
        Ok(clean(&format!("/{filled}")))
    }

    /// A word with its variables replaced; `None` when one of them is not
    /// known.
    fn filled_word(&self, word: &str, variables: &Variables) -> Option<String> {
        let known = Cell::new(true);
        let value = |name: &str| {
            let value = variables.get(name);
            known.set(known.get() && value.is_some());
            value
        };
        let filled = substitute(word, self.escape, &value).ok()?;
        known.get().then_some(filled)
    }

    /// The instruction behind `ONBUILD`, which a stage on this one begins with.
    fn triggered(&self, instruction: &Instruction) -> Option<Instruction> {
        if instruction.keyword != "ONBUILD" {
            return None;
        }
        super::parse::one(instruction.line, &instruction.rest)
    }
}

/// Names and their values; a name whose value is not known has none.
#[derive(Clone, Default)]
struct Variables {
    arg: BTreeMap<String, Option<String>>,
    env: BTreeMap<String, Option<String>>,
}

impl Variables {
    fn get(&self, name: &str) -> Option<String> {
        // `ENV` always wins over `ARG`.
        let value = self.env.get(name).or_else(|| self.arg.get(name));
        value.cloned().flatten()
    }
}

impl Instruction {
    /// What it takes from the context, as it is written.
    fn taken_from_context(&self) -> Result<Vec<String>, Unknown> {
        match self.keyword.as_str() {
            "COPY" | "ADD" if self.sources().is_empty() => self.copied(),
            "RUN" => {
                let mounts = self.flags.iter().filter(|(name, _)| name == "mount");
                Ok(mounts.filter_map(|(_, value)| mounted(value)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// All words but the last, without heredocs and addresses.
    fn copied(&self) -> Result<Vec<String>, Unknown> {
        let mut words: Vec<String> = if self.rest.starts_with('[') {
            serde_json::from_str(&self.rest).map_err(|_| Unknown)?
        } else {
            self.rest.split_whitespace().map(str::to_owned).collect()
        };
        words.pop();
        let add = self.keyword == "ADD";
        // Only there do two stars cross folders.
        if self.flags.iter().any(|(name, _)| name == "parents")
            && words.iter().any(|word| word.contains("**"))
        {
            return Err(Unknown);
        }
        words.retain(|word| !(word.starts_with("<<") || add && is_remote(word)));
        Ok(words)
    }
}

/// An address that `ADD` fetches.
fn is_remote(source: &str) -> bool {
    ["http://", "https://", "ftp://", "git://", "ssh://", "git@"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
}

/// What a `--mount=` shows of the context.
fn mounted(value: &str) -> Option<String> {
    let mut source = "/";
    for part in value.split(',') {
        match part.trim().split_once('=') {
            Some(("type", kind)) if kind != "bind" => return None,
            Some(("from", stage)) if !stage.is_empty() => return None,
            Some(("source" | "src", path)) => source = path,
            _ => {}
        }
    }
    Some(source.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(text: &str, expected: &str) {
        let args = BTreeMap::from([("GIVEN".to_owned(), "given".to_owned())]);
        let read = Dockerfile::parse(Path::new("Dockerfile"), text).expect("readable");
        let needed = read.needed(None, &args).expect("known");
        let told = match read.takes(&needed, &args) {
            Takes::Whole => "everything".to_owned(),
            Takes::These(sources) => Vec::from_iter(sources).join(" "),
        };
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn sources_of_copies_and_not_where_they_go() {
        check("FROM a\nRUN make", "");
        check("FROM a\nCOPY ./b/ c d*/e /to\nADD f /to", "b c d*/e f");
        check("FROM a\nCOPY [\"g h\", \"../i\", \"/to\"]", "g h i");
        check("FROM a\nCOPY b c", "b");
        check("FROM a\nCOPY b . /to", "everything");
        check("FROM a\nCOPY / /to", "everything");
        check("FROM a\nCOPY --chown=1:1 \\\n # why\n b \\\n /to", "b");
    }

    #[test]
    fn what_comes_from_elsewhere_is_none() {
        check("FROM a\nCOPY --from=x b /to", "");
        check(
            "# syntax=docker/dockerfile:1\nFROM a\nCOPY <<EOF /to\nb\nEOF",
            "",
        );
        check("FROM a\nADD https://x.test/b git@x.test:b c /to", "c");
    }

    #[test]
    fn bind_mounts_of_the_context() {
        check("FROM a\nRUN --mount=target=/c make", "everything");
        check("FROM a\nRUN --mount=type=bind,source=b,target=/c make", "b");
        check(
            "FROM a\nRUN --mount=type=bind,src=b/d,target=/c make",
            "b/d",
        );
        check(
            "FROM a\nRUN --mount=from=x,target=/c --mount=type=cache,target=/d --mount=type=secret,id=e make",
            "",
        );
    }

    #[test]
    fn only_stages_that_the_target_needs_take() {
        check(
            "FROM a AS x\nCOPY b /to\nFROM a AS y\nCOPY c /to\nFROM a\nCOPY --from=y /to /to\nCOPY d /to",
            "c d",
        );
    }

    #[test]
    fn variables_that_the_dockerfile_sets_are_replaced() {
        check("ARG G=g\nFROM a\nARG G\nCOPY $G/x /to", "g/x");
        check("FROM a\nARG GIVEN=d\nCOPY ${GIVEN} /to", "given");
        check("FROM a\nARG A=a\nENV A=e B=$A\nCOPY $A $B /to", "a e");
        check(
            "FROM a AS x\nENV A old style\nFROM x\nCOPY \"$A\" /to",
            "old style",
        );
    }

    #[test]
    fn what_cannot_be_known_takes_everything() {
        check("FROM a\nCOPY $HOME /to", "everything");
        check("FROM a\nCOPY ${A:-b} /to", "everything");
        check("ARG G=g\nFROM a\nCOPY $G /to", "everything");
        check("FROM a\nARG TARGETARCH\nCOPY $TARGETARCH /to", "everything");
        check("FROM a\nCOPY b\\*c /to", "everything");
        check("# syntax=me/mine\nFROM a\nTAKE b", "everything");
    }

    #[test]
    fn what_a_stage_copies_into_those_on_it_counts() {
        check("FROM a AS x\nONBUILD COPY b /to\nFROM x", "b");
    }
}

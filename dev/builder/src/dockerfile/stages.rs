//! Stages, the one that is asked for, and the images from outside that it
//! needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::parse::Lines;
use super::substitute::{substitute, words};
use super::{Dockerfile, Instruction, Wrong, nearest};
use crate::error::{BuildError, Kind};

/// One `FROM` and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// `AS name`.
    pub(crate) name: Option<String>,
    /// The image or stage as it is written.
    pub(crate) base: String,
    pub(crate) from: Instruction,
    pub(crate) instructions: Vec<Instruction>,
}

/// What a stage, a copy or a mount stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Stage(usize),
    Image(String),
    Scratch,
}

pub(crate) fn split(lines: Lines, path: &Path, text: &str) -> Result<Dockerfile, Wrong> {
    let mut globals = Vec::new();
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in lines.instructions {
        if instruction.keyword == "FROM" {
            stages.push(stage(instruction, lines.escape)?);
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push(instruction);
        } else if instruction.keyword == "ARG" {
            globals.push(instruction);
        } else {
            let Instruction { line, keyword, .. } = instruction;
            return Err(Wrong::at(
                line,
                format!("{keyword} on line {line} stands before any FROM"),
            ));
        }
    }
    if stages.is_empty() {
        return Err(Wrong {
            line: None,
            message: format!("{} has no FROM", path.display()),
            hint: Some("begin it with `ARG BASE=debian:trixie-slim` and `FROM ${BASE}`".into()),
        });
    }
    Ok(Dockerfile {
        path: path.to_owned(),
        syntax: lines.syntax,
        globals,
        stages,
        escape: lines.escape,
        text: text.to_owned(),
    })
}

fn stage(from: Instruction, escape: char) -> Result<Stage, Wrong> {
    let words = words(&from.rest, escape);
    let (base, name) = match words.as_slice() {
        [base] => (base.clone(), None),
        [base, r#as, name] if r#as.eq_ignore_ascii_case("as") => (base.clone(), Some(name.clone())),
        _ => {
            let line = from.line;
            return Err(Wrong::at(
                line,
                format!("FROM on line {line} is neither `FROM image` nor `FROM image AS name`"),
            ));
        }
    };
    Ok(Stage {
        name,
        base,
        from,
        instructions: Vec::new(),
    })
}

impl Dockerfile {
    /// The stage that is asked for, by name or number; the last one of `None`.
    pub(crate) fn target(&self, target: Option<&str>) -> Result<usize, BuildError> {
        let Some(target) = target else {
            return Ok(self.stages.len() - 1);
        };
        if let Some(found) = self.stage_named(target) {
            return Ok(found);
        }
        if let Some(number) = target
            .parse()
            .ok()
            .filter(|number| *number < self.stages.len())
        {
            return Ok(number);
        }
        let names: Vec<&str> = self
            .stages
            .iter()
            .filter_map(|stage| stage.name.as_deref())
            .collect();
        let message = match nearest(target, names.iter().copied()) {
            Some(near) => format!(
                "there is no stage `{target}` in {}; did you mean `{near}`?",
                self.path.display()
            ),
            None => format!("there is no stage `{target}` in {}", self.path.display()),
        };
        let error = BuildError::new(Kind::Recipe, &self.path, message);
        Err(error.hint(match names.as_slice() {
            [] => "none of its stages has a name: write `FROM … AS name`".to_owned(),
            names => format!("its stages: {}", names.join(", ")),
        }))
    }

    /// What the stage stands on, variables replaced.
    pub(crate) fn base(
        &self,
        stage: usize,
        args: &BTreeMap<String, String>,
    ) -> Result<Base, BuildError> {
        let Stage { base, from, .. } = &self.stages[stage];
        let wrong = |message: String| {
            BuildError::new(
                Kind::Recipe,
                &self.path,
                format!("FROM on line {}: {message}", from.line),
            )
            .at(from.line)
        };
        let globals = self.globals(args).map_err(wrong)?;
        let name =
            substitute(base, self.escape, &|name| globals.get(name).cloned()).map_err(wrong)?;
        if name.is_empty() {
            return Err(wrong(format!("`{base}` has no value"))
                .hint("give it one: `ARG NAME=value` before the first FROM, or a build argument"));
        }
        // Only a stage that stands before can be stood on.
        let earlier = self.stages[..stage].iter();
        let found = earlier.clone().rposition(|stage| is_named(stage, &name));
        Ok(match found {
            Some(found) => Base::Stage(found),
            None if name == "scratch" => Base::Scratch,
            None => Base::Image(name),
        })
    }

    /// See [`crate::froms`].
    pub(crate) fn outside_images(
        &self,
        target: Option<&str>,
        args: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, BuildError> {
        let mut images = BTreeSet::new();
        for stage in self.needed(target, args)? {
            for base in self.stands_on(stage, args)? {
                if let Base::Image(image) = base {
                    images.insert(image);
                }
            }
        }
        Ok(images.into_iter().collect())
    }

    /// The stages that the target is made of, itself among them.
    pub(crate) fn needed(
        &self,
        target: Option<&str>,
        args: &BTreeMap<String, String>,
    ) -> Result<BTreeSet<usize>, BuildError> {
        let mut needed = BTreeSet::new();
        let mut left = vec![self.target(target)?];
        while let Some(stage) = left.pop() {
            if needed.insert(stage) {
                let bases = self.stands_on(stage, args)?.into_iter();
                left.extend(bases.filter_map(|base| match base {
                    Base::Stage(stage) => Some(stage),
                    Base::Image(_) | Base::Scratch => None,
                }));
            }
        }
        Ok(needed)
    }

    /// What the stage begins from and copies or mounts from.
    fn stands_on(
        &self,
        stage: usize,
        args: &BTreeMap<String, String>,
    ) -> Result<Vec<Base>, BuildError> {
        let copies = self.stages[stage].instructions.iter();
        let copies = copies.flat_map(Instruction::sources);
        let mut bases = vec![self.base(stage, args)?];
        bases.extend(copies.map(|name| self.named(&name)));
        Ok(bases)
    }

    pub(crate) fn stage_named(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| is_named(stage, name))
    }

    /// What `--from=` names: a stage, its number, or an image.
    pub(crate) fn named(&self, name: &str) -> Base {
        let number = || {
            name.parse()
                .ok()
                .filter(|number| *number < self.stages.len())
        };
        match self.stage_named(name).or_else(number) {
            Some(stage) => Base::Stage(stage),
            None if name == "scratch" => Base::Scratch,
            None => Base::Image(name.to_owned()),
        }
    }
}

fn is_named(stage: &Stage, name: &str) -> bool {
    stage
        .name
        .as_ref()
        .is_some_and(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str, target: Option<&str>, args: &[(&str, &str)]) -> Result<String, String> {
        let args = args
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        Dockerfile::parse(Path::new("Dockerfile"), text)
            .and_then(|read| read.outside_images(target, &args))
            .map(|images| images.join(" "))
            .map_err(|error| [vec![error.message], error.hints].concat().join("\n"))
    }

    const STAGES: &str = "\
ARG BASE=debian:trixie-slim
ARG TAG
FROM ${BASE} AS base
FROM base AS build
COPY --from=tools:1 /x /x
FROM --platform=$BUILDPLATFORM golang:${TAG:-1} AS other
FROM scratch AS run
COPY --from=Build /x /x
RUN --mount=type=bind,from=busybox,target=/b x
FROM other AS last
COPY --from=0 /y /y
";

    #[test]
    fn only_what_the_target_needs() {
        assert_eq!(
            images(STAGES, Some("base"), &[]).as_deref(),
            Ok("debian:trixie-slim")
        );
        assert_eq!(
            images(STAGES, Some("run"), &[]).as_deref(),
            Ok("busybox debian:trixie-slim tools:1")
        );
        assert_eq!(images(STAGES, Some("2"), &[]).as_deref(), Ok("golang:1"));
        assert_eq!(
            images(STAGES, None, &[]).as_deref(),
            Ok("debian:trixie-slim golang:1")
        );
    }

    #[test]
    fn arguments_replace_defaults() {
        assert_eq!(
            images(STAGES, None, &[("BASE", "b"), ("TAG", "2")]).as_deref(),
            Ok("b golang:2")
        );
        assert_eq!(
            images("ARG A=1\nARG B=\"x$A\"\nFROM i:$B", None, &[]).as_deref(),
            Ok("i:x1")
        );
        assert_eq!(
            images("FROM i:$B", None, &[("B", "not declared")]).as_deref(),
            Ok("i:")
        );
    }

    #[test]
    fn a_stage_may_shadow_an_image_of_its_own_name() {
        assert_eq!(
            images("FROM debian AS debian\nFROM debian", None, &[]).as_deref(),
            Ok("debian")
        );
    }

    #[test]
    fn a_missing_target_is_an_error_with_the_stages() {
        assert_eq!(
            images(STAGES, Some("biuld"), &[]),
            Err("there is no stage `biuld` in Dockerfile; did you mean `build`?\nits stages: base, build, other, run, last".into())
        );
        assert!(
            images("FROM a", Some("dev"), &[])
                .expect_err("refused")
                .ends_with("none of its stages has a name: write `FROM … AS name`")
        );
    }

    #[test]
    fn a_from_without_a_value_is_an_error() {
        assert!(
            images("ARG X\nFROM $X", None, &[])
                .expect_err("refused")
                .starts_with("FROM on line 2: `$X` has no value")
        );
        assert_eq!(
            images("FROM a b", None, &[]),
            Err("FROM on line 1 is neither `FROM image` nor `FROM image AS name`".into())
        );
    }

    #[test]
    fn what_stands_before_from_is_refused() {
        assert_eq!(
            images("RUN x\nFROM a", None, &[]),
            Err("RUN on line 1 stands before any FROM".into())
        );
        assert!(
            images("# nothing\n", None, &[])
                .expect_err("refused")
                .starts_with("Dockerfile has no FROM")
        );
    }
}

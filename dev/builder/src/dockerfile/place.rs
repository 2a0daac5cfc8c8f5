//! Where in the Dockerfile a builder's step stands.

use std::collections::BTreeMap;

use super::stages::Base;
use super::{Dockerfile, Instruction};

/// What BuildKit counts in `[stage 2/5]`, besides a `FROM` of an image.
const COUNTED: [&str; 4] = ["RUN", "COPY", "ADD", "WORKDIR"];

impl Dockerfile {
    /// The instruction of BuildKit's step, like `[run 3/5] RUN make` or
    /// `[internal] load metadata for docker.io/library/debian:x`.
    pub(crate) fn instruction_of(
        &self,
        step: &str,
        args: &BTreeMap<String, String>,
    ) -> Option<&Instruction> {
        if let Some(image) = image_asked_for(step) {
            return self.image_of(image, args).or_else(|| self.source_of(image));
        }
        if step.contains("://") && !step.starts_with('[') {
            return self.instructions().find(|one| {
                one.keyword == "ADD" && one.rest.split_whitespace().any(|word| word == step)
            });
        }
        let (head, text) = step.strip_prefix('[')?.split_once(']')?;
        let mut words: Vec<&str> = head.split_whitespace().collect();
        let number: usize = words.pop()?.split_once('/')?.0.parse().ok()?;
        let keyword = text.split_whitespace().next()?.to_ascii_uppercase();
        let stage = match words.last() {
            Some(name) => self
                .stage_named(name)
                .or_else(|| name.strip_prefix("stage-")?.parse().ok())?,
            None => self.stages.len() - 1,
        };
        let image = matches!(self.base(stage, args), Ok(Base::Image(_)));
        let stage = self.stages.get(stage)?;
        let counted = stage
            .instructions
            .iter()
            .filter(|one| COUNTED.contains(&one.keyword.as_str()));
        image
            .then_some(&stage.from)
            .into_iter()
            .chain(counted)
            .nth(number.checked_sub(1)?)
            // ONBUILD of the base makes steps that stand in no line.
            .filter(|one| one.keyword == keyword)
            .or_else(|| self.alike(text))
    }

    /// The instruction of the classic builder's `Step 3/7 : RUN make`.
    pub(crate) fn instruction_at(&self, number: usize, text: &str) -> Option<&Instruction> {
        let keyword = text.split_whitespace().next()?;
        self.instructions()
            .nth(number.checked_sub(1)?)
            .filter(|one| one.keyword.eq_ignore_ascii_case(keyword))
            .or_else(|| self.alike(text))
    }

    /// The first `FROM` of an image, however its name is written.
    pub(crate) fn image_of(
        &self,
        image: &str,
        args: &BTreeMap<String, String>,
    ) -> Option<&Instruction> {
        let wanted = full_name(image);
        let named = |stage: &usize| matches!(self.base(*stage, args), Ok(Base::Image(name)) if full_name(&name) == wanted);
        (0..self.stages.len())
            .find(named)
            .map(|stage| &self.stages[stage].from)
    }

    /// The first copy or mount from an image.
    fn source_of(&self, image: &str) -> Option<&Instruction> {
        let wanted = full_name(image);
        self.instructions()
            .find(|one| one.sources().iter().any(|name| full_name(name) == wanted))
    }

    /// The only instruction whose words are those of `text`.
    fn alike(&self, text: &str) -> Option<&Instruction> {
        let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = bare(text);
        let mut found = self
            .instructions()
            .filter(|one| bare(&one.text()) == wanted);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// The image that a step of BuildKit fetches.
pub(crate) fn image_asked_for(step: &str) -> Option<&str> {
    ["[internal] load metadata for ", "FROM "]
        .iter()
        .find_map(|before| step.strip_prefix(before))
}

impl Instruction {
    /// On one line, as builders tell it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.keyword.clone();
        for (name, value) in &self.flags {
            text.push_str(&if value.is_empty() {
                format!(" --{name}")
            } else {
                format!(" --{name}={value}")
            });
        }
        format!("{text} {}", self.rest)
    }
}

/// `debian` is `docker.io/library/debian:latest`.
fn full_name(image: &str) -> String {
    let (name, rest) = match image.split_once('@') {
        Some((name, digest)) => (name, format!("@{digest}")),
        None => (image, String::new()),
    };
    let tagged = name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains(':'));
    let tag = if tagged || !rest.is_empty() {
        ""
    } else {
        ":latest"
    };
    let host = name
        .split_once('/')
        .filter(|(host, _)| host.contains(['.', ':']) || *host == "localhost");
    match (host, name.contains('/')) {
        (Some(_), _) => format!("{name}{tag}{rest}"),
        (None, true) => format!("docker.io/{name}{tag}{rest}"),
        (None, false) => format!("docker.io/library/{name}{tag}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TEXT: &str = "\
ARG BASE=debian:trixie-slim
FROM $BASE AS build
ENV A=1
WORKDIR /src
RUN echo one && \\
    echo two

FROM build AS test
RUN echo one && echo two
COPY x y
FROM scratch
COPY --from=build /x /x
COPY --from=me/tools:1 /x /x
ADD https://example/x /x
";

    fn line(step: &str) -> Option<usize> {
        let read = Dockerfile::parse(Path::new("Dockerfile"), TEXT).expect("readable");
        read.instruction_of(step, &BTreeMap::new())
            .map(|one| one.line)
    }

    #[test]
    fn a_step_is_counted_in_its_stage() {
        assert_eq!(
            line("[build 1/3] FROM docker.io/library/debian:trixie-slim"),
            Some(2)
        );
        assert_eq!(line("[build 3/3] RUN echo one && echo two"), Some(5));
        assert_eq!(line("[linux/amd64 build  2/3] WORKDIR /src"), Some(4));
    }

    #[test]
    fn a_from_of_a_stage_or_of_nothing_is_not_counted() {
        assert_eq!(line("[test 1/2] RUN echo one && echo two"), Some(9));
        assert_eq!(line("[stage-2 1/3] COPY --from=build /x /x"), Some(12));
        assert_eq!(line("[1/3] COPY --from=build /x /x"), Some(12));
    }

    #[test]
    fn a_count_that_does_not_fit_falls_back_on_the_words() {
        assert_eq!(line("[test 7/8] COPY  x y"), Some(10));
        assert_eq!(line("[build 9/9] RUN echo one && echo two"), None);
    }

    #[test]
    fn an_image_is_found_by_its_full_name() {
        assert_eq!(
            line("[internal] load metadata for docker.io/library/debian:trixie-slim"),
            Some(2)
        );
        assert_eq!(
            line("[internal] load metadata for docker.io/me/tools:1"),
            Some(13)
        );
        assert_eq!(line("FROM docker.io/me/tools:1"), Some(13));
        assert_eq!(line("[internal] load remote build context"), None);
        assert_eq!(full_name("a/b"), "docker.io/a/b:latest");
        assert_eq!(
            full_name("localhost:5000/a@sha256:1"),
            "localhost:5000/a@sha256:1"
        );
    }

    #[test]
    fn a_download_is_its_own_step() {
        assert_eq!(line("https://example/x"), Some(14));
    }

    #[test]
    fn classic_steps_count_every_instruction() {
        let read = Dockerfile::parse(Path::new("Dockerfile"), TEXT).expect("readable");
        assert_eq!(
            read.instruction_at(5, "RUN echo one &&     echo two")
                .map(|one| one.line),
            Some(5)
        );
        assert_eq!(
            read.instruction_at(6, "FROM build AS test")
                .map(|one| one.line),
            Some(8)
        );
    }
}

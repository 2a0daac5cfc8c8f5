//! Images that could not be pulled: which one was asked for, and by what.

use super::Explain;
use crate::dockerfile::{Base, Instruction, image_asked_for, nearest};
use crate::error::{BuildError, Kind};
use crate::narration::Failed;
use crate::words::{Trouble, explain_pull};

impl Explain<'_> {
    /// An image could not be pulled.
    pub(super) fn pull(
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

    /// The frontend of `# syntax=` could not be had.
    pub(super) fn frontend(&self, words: &str) -> Option<BuildError> {
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

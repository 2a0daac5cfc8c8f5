//! What to build, and what it stands on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::dockerfile::Dockerfile;
use crate::error::BuildError;

/// All that decides what an image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The Dockerfile; it may stand outside of the context.
    pub dockerfile: PathBuf,
    /// The folder that `COPY` and `ADD` read.
    pub context: PathBuf,
    /// The stage to build; `None` is the last one.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The build argument `BASE` unless `args` has one, like `debian:trixie-slim`.
    pub base: String,
    /// Labels of the image. They are no input: see [`crate::inputs`].
    pub labels: BTreeMap<String, String>,
}

impl Recipe {
    /// The arguments with `BASE` among them.
    pub(crate) fn arguments(&self) -> BTreeMap<String, String> {
        let mut args = self.args.clone();
        args.entry("BASE".into())
            .or_insert_with(|| self.base.clone());
        args
    }
}

/// The images from outside that the target needs, sorted, each once: `FROM`,
/// `COPY --from=` and `RUN --mount=from=` of the stages that it is made of.
///
/// # Errors
/// A Dockerfile that cannot be read or understood.
pub fn froms(recipe: &Recipe) -> Result<Vec<String>, BuildError> {
    let dockerfile = Dockerfile::read(&recipe.dockerfile)?;
    dockerfile.outside_images(recipe.target.as_deref(), &recipe.arguments())
}

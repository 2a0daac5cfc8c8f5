//! Images: whether they are there, how they come to be, how they go.
//!
//! What is built from what stands in the plan; here it is done.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::query_parameters::RemoveImageOptionsBuilder;
use hob_builder::{BuildError, Kind};

use super::bases::Turn;
use super::client::is_unknown;
use super::found::Found;
use super::spec::{BaseSpec, ImageSpec};
use super::{DockerEngine, IMAGE, labels};
use crate::resource::ResourceId;
use crate::world::{Failure, FailureKind, Says};

impl DockerEngine {
    /// Whether the engine has an image of this name.
    ///
    /// # Errors
    /// The engine's words.
    pub async fn has_image(&self, name: &str) -> Result<bool, Failure> {
        match self.client.api().await?.inspect_image(name).await {
            Ok(_) => Ok(true),
            Err(error) if is_unknown(&error) => Ok(false),
            Err(error) => Err(self
                .client
                .failure(&format!("look for the image {name}"), error)),
        }
    }

    /// Pulls an image, or makes it from a Debian mirror, which is done once for
    /// all that want it. What only a registry has, the engine fetches once.
    pub(super) async fn ensure(
        &self,
        base: &BaseSpec,
        limit: Duration,
        says: &Says,
    ) -> Result<(), Failure> {
        let endpoint = self.client.endpoint();
        let lines = |line: hob_builder::Output| says.line(line.text);
        let ensure = hob_builder::base::ensure(&endpoint, &base.image, &base.mirrors, lines);
        let ensure = async { ensure.await.map(drop) };
        // All projects of a user have theirs beside each other; what a killed
        // hob leaves there goes when the machine ends.
        let home = self.setup.paths.runtime.parent();
        let ensured = match home.filter(|_| hob_builder::base::can_be_made(&base.image)) {
            None => ensure.await,
            Some(home) => {
                let turn = Turn {
                    image: &base.image,
                    engine: &self.client.place(),
                    home,
                    limit,
                };
                self.bases.once(turn, says, ensure).await?
            }
        };
        ensured.map_err(|error| {
            let mut hints = vec![format!("`{}` is named by {}", base.image, base.named_by)];
            hints.extend(error.hints);
            Failure {
                kind: kind(error.kind),
                message: error.message,
                output: error.output,
                hints,
            }
        })
    }

    /// Builds an image.
    pub(super) async fn build(&self, image: &ImageSpec, says: &Says) -> Result<(), Failure> {
        let lines = |line: hob_builder::Output| says.line(line.text);
        let endpoint = self.client.endpoint();
        let built = hob_builder::build(&endpoint, &image.recipe, &image.tag, lines).await;
        built.map_err(failed)?;
        let Some(promised) = &image.digest else {
            return Ok(());
        };
        // The plan looked a while ago.
        let recipe = image.recipe.clone();
        let now = tokio::task::spawn_blocking(move || hob_builder::inputs(&recipe)).await;
        if now.is_ok_and(|now| now.is_ok_and(|now| now.digest == *promised)) {
            return Ok(());
        }
        self.untag(&image.tag).await?;
        let message = "what the image is built from changed while it was built";
        Err(Failure::operation(message).hint("once more, and it is built from what is there now"))
    }

    /// Takes the tag of an image that was built away, and the image with it
    /// unless it is of use to somebody: it has another name, or runs. Labels go
    /// on to what others build from it, so they say nothing here.
    pub(super) async fn remove_image(&self, id: &ResourceId) -> Result<(), Failure> {
        self.untag(&labels::tag_of(&self.setup, id)).await
    }

    pub(super) async fn untag(&self, tag: &str) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        match api.remove_image(tag, Some(options), None).await {
            Err(error) if !is_unknown(&error) => Err(self
                .client
                .failure(&format!("remove the image {tag}"), error)),
            _ => Ok(()),
        }
    }

    /// The images of this project that are there: those that still have the tag
    /// that hob gave them.
    pub(super) fn images_in(&self, found: &Found) -> BTreeSet<ResourceId> {
        let images = found.images.iter().filter_map(|image| {
            let id = labels::resource(&image.labels, &[IMAGE])?;
            let tag = labels::tag_of(&self.setup, &id);
            image.repo_tags.contains(&tag).then_some(id)
        });
        images.collect()
    }
}

/// A build that failed, with where in its Dockerfile.
fn failed(error: BuildError) -> Failure {
    let message = match error.line {
        Some(line) => format!("{} ({}:{line})", error.message, error.dockerfile.display()),
        None => error.message,
    };
    Failure {
        kind: kind(error.kind),
        message,
        output: error.output,
        hints: error.hints,
    }
}

fn kind(kind: Kind) -> FailureKind {
    match kind {
        Kind::Recipe => FailureKind::Image,
        Kind::Operation => FailureKind::Operation,
        Kind::Prerequisite => FailureKind::Prerequisite,
    }
}

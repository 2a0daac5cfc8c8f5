//! Images: whether they are there, how they come to be, how they go.
//!
//! What is built from what stands in the plan; here it is done.

use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use hob_builder::{BuildError, Kind};

use super::DockerEngine;
use super::client::{is_unknown, status};
use super::spec::{BaseSpec, ImageSpec};
use crate::resource::ResourceId;
use crate::world::{Failure, FailureKind, Says};

impl DockerEngine {
    /// Whether the engine has an image of this name.
    pub(super) async fn has_image(&self, name: &str) -> Result<bool, Failure> {
        match self.client.api().await?.inspect_image(name).await {
            Ok(_) => Ok(true),
            Err(error) if is_unknown(&error) => Ok(false),
            Err(error) => Err(self
                .client
                .failure(&format!("look for the image {name}"), error)),
        }
    }

    /// Pulls an image, or makes it from a Debian mirror.
    pub(super) async fn ensure(&self, base: &BaseSpec, says: &Says) -> Result<(), Failure> {
        let endpoint = self.client.endpoint();
        let lines = |line: hob_builder::Output| says.line(line.text);
        let ensured = hob_builder::base::ensure(&endpoint, &base.image, &base.mirrors, lines).await;
        ensured.map(drop).map_err(|error| {
            let mut hints = vec![format!("{} says that it is this one", base.named_by)];
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
        built.map(drop).map_err(failed)
    }

    /// Removes an image that was built. One that a container of somebody else
    /// runs from stays, without its tag.
    pub(super) async fn remove_image(&self, id: &ResourceId) -> Result<(), Failure> {
        let api = self.client.api().await?;
        let own = self.filter_of(id);
        let list = ListImagesOptionsBuilder::new().filters(&own).build();
        let found = api.list_images(Some(list)).await;
        let found = found.map_err(|error| self.client.failure("list its images", error))?;
        let options = RemoveImageOptionsBuilder::new().force(false).build();
        for image in &found {
            let tags = &image.repo_tags;
            let names = match tags.is_empty() {
                true => vec![&image.id],
                false => tags.iter().collect(),
            };
            for name in names {
                match api.remove_image(name, Some(options.clone()), None).await {
                    Ok(_) => {}
                    Err(error) if is_unknown(&error) || status(&error) == Some(409) => {}
                    Err(error) => {
                        return Err(self
                            .client
                            .failure(&format!("remove the image {name}"), error));
                    }
                }
            }
        }
        Ok(())
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

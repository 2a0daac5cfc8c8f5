//! Images on their way to a registry. Start with
//! [`DockerEngine::production_images`], then [`DockerEngine::push`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use bollard::query_parameters::TagImageOptionsBuilder;
use hob_builder::{PushError, PushProgress};
use hob_stack::{DockerEndpoint, Project, ServiceId};
use hob_wire::Mode;

use super::lower::mode_name;
use super::spec::DockerSpec;
use super::{CONTAINER, DockerEngine, labels, lower};
use crate::want::{Want, owner};
use crate::world::{Failure, World as _};

/// A production image that hob builds, as it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductionImage {
    /// Whose it is.
    pub service: ServiceId,
    /// Its name in the engine.
    pub tag: String,
    /// The digest of all that it is built from.
    pub digest: String,
}

/// A name by which an image is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushAs<'a> {
    /// With the registry in front: `127.0.0.1:5000/shop/web`.
    pub repository: &'a str,
    /// The part behind the colon.
    pub tag: &'a str,
    /// Who pushes: the value of `X-Registry-Auth`, a secret.
    pub auth: Option<&'a str>,
    /// Whether somebody else has the image by that name, and keeps it.
    pub kept: bool,
}

impl DockerEngine {
    /// Where the engine is, as it is named.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.client.resolved.endpoint.to_string()
    }

    /// Whether the engine is on another machine, whose loopback is not this
    /// one's: it is reached over a network.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        match &self.client.resolved.endpoint {
            DockerEndpoint::Unix(_) => false,
            DockerEndpoint::Tcp(authority) => !is_loopback(authority),
        }
    }

    /// The production images of these services that hob builds, as their files
    /// are now.
    ///
    /// # Errors
    /// The engine could not look, or an image cannot be built.
    pub async fn production_images(
        &self,
        project: &Arc<Project>,
        services: &BTreeSet<ServiceId>,
    ) -> Result<Vec<ProductionImage>, Failure> {
        let mut want = Want::up(Arc::clone(project), services.clone(), Mode::Run);
        want.built = true;
        let found = self.observe(&want).await?;
        let wanted = lower(&self.setup, &want, &found.facts);
        if let Some(obstacle) = wanted.obstacles.first() {
            let mut failure =
                Failure::operation(format!("{}: {}", obstacle.owner, obstacle.reason));
            failure.hints.clone_from(&obstacle.hints);
            return Err(failure);
        }
        let images = wanted.resources.into_iter().filter_map(|it| {
            let whose = it.id.owner();
            let DockerSpec::Image(image) = it.spec else {
                return None;
            };
            Some(ProductionImage {
                service: services.iter().find(|id| owner(id) == whose)?.clone(),
                digest: image.digest.clone()?,
                tag: image.tag,
            })
        });
        Ok(images.collect())
    }

    /// The digests of what the production images that containers of hob's run
    /// from were built from, as far as their tags hold them, each with who runs
    /// it, `shop/web`: of all projects.
    ///
    /// # Errors
    /// The engine could not look.
    pub async fn running_images(&self) -> Result<BTreeMap<String, String>, Failure> {
        let found = self.survey().await?;
        let mode = format!(":{}-", mode_name(Mode::Run));
        let digests = found.containers.into_iter().filter_map(|it| {
            let digest = it.image?.split_once(&mode)?.1.to_owned();
            let of = labels::resource(&it.labels.unwrap_or_default(), &[CONTAINER]);
            let by = of.map_or("a container".to_owned(), |it| it.owner().to_string());
            Some((digest, by))
        });
        Ok(digests.collect())
    }

    /// Pushes an image; its name there is the engine's only while it is pushed.
    /// The result is the digest of the manifest: `sha256:…`.
    ///
    /// # Errors
    /// The engine's words, or the registry's.
    pub async fn push(
        &self,
        image: &str,
        by: PushAs<'_>,
        progress: impl FnMut(PushProgress),
    ) -> Result<String, Failure> {
        let api = self.client.api().await?;
        let (repository, tag) = (by.repository, by.tag);
        let name = format!("{repository}:{tag}");
        let options = TagImageOptionsBuilder::new()
            .repo(repository)
            .tag(tag)
            .build();
        let named = api.tag_image(image, Some(options)).await;
        named.map_err(|error| self.client.failure(&format!("name {image} {name}"), error))?;
        let endpoint = self.client.endpoint();
        let pushed = hob_builder::push(&endpoint, repository, tag, by.auth, progress).await;
        let unnamed = match by.kept {
            true => Ok(()),
            false => self.unname(&name).await,
        };
        let digest = pushed.map_err(|error| {
            let failure = Failure::operation(format!("cannot push {name}: {error}"));
            match error {
                PushError::Login(_) => failure.hint(login(repository)),
                _ => failure,
            }
        })?;
        unnamed?;
        if !by.kept {
            // The engine notes the digest by the repository's name. It goes with
            // the tag, unless another push took that away before.
            self.unname(&format!("{repository}@{digest}")).await?;
        }
        Ok(digest)
    }

    /// Takes away the name by which an image was being pushed.
    ///
    /// # Errors
    /// The engine's words.
    pub async fn unname(&self, name: &str) -> Result<(), Failure> {
        self.untag(name).await
    }
}

/// How a login for the registry of this repository is had. Without a host in
/// front it is Docker's own.
fn login(repository: &str) -> String {
    let host = repository.split_once('/').map(|it| it.0);
    let host = host.filter(|it| it.contains(['.', ':']) || *it == "localhost");
    let host = host.map(|it| format!(" {it}")).unwrap_or_default();
    format!("`docker login{host}` keeps one, which is taken from then on")
}

/// Whether `HOST:PORT` is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |it| it.0);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn an_engine_over_a_network_is_told_from_one_of_this_machine() {
        for here in ["127.0.0.1:2375", "localhost:2375", "[::1]:2375"] {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["10.0.0.2:2375", "build.example:2375", "[fd00::1]:2375"] {
            assert!(!is_loopback(there), "{there}");
        }
    }
}

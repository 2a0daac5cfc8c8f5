//! Images on their way to a registry. Start with
//! [`DockerEngine::production_images`], then [`DockerEngine::push`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use bollard::models::PushImageInfo;
use bollard::query_parameters::{PushImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt as _;
use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use super::spec::DockerSpec;
use super::{DockerEngine, lower};
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

/// How far a push is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushProgress {
    /// Layers that the registry has.
    pub done: usize,
    /// All layers of the image.
    pub layers: usize,
    /// Bytes that were sent, as far as the engine tells.
    pub sent: u64,
}

/// What the registry has after a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the manifest: `sha256:…`.
    pub digest: String,
}

/// Who pushes, for registries that ask.
#[derive(Debug, Clone, Default)]
pub struct PushAs(pub(super) Option<DockerCredentials>);

impl PushAs {
    /// By name and password.
    #[must_use]
    pub fn user(username: String, password: String) -> Self {
        Self(Some(DockerCredentials {
            username: Some(username),
            password: Some(password),
            ..DockerCredentials::default()
        }))
    }

    /// By a token that a login gave.
    #[must_use]
    pub fn token(token: String) -> Self {
        Self(Some(DockerCredentials {
            identitytoken: Some(token),
            ..DockerCredentials::default()
        }))
    }
}

impl DockerEngine {
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

    /// Pushes an image as `repository:tag`; the name is the engine's only while
    /// it is pushed. Layers that the registry has are not sent again, so one
    /// that was interrupted goes on where it was.
    ///
    /// # Errors
    /// The engine's words, or the registry's.
    pub async fn push(
        &self,
        image: &str,
        repository: &str,
        tag: &str,
        who: PushAs,
        mut progress: impl FnMut(PushProgress),
    ) -> Result<Pushed, Failure> {
        let api = self.client.api().await?;
        let name = format!("{repository}:{tag}");
        let named = TagImageOptionsBuilder::new()
            .repo(repository)
            .tag(tag)
            .build();
        let tagged = api.tag_image(image, Some(named)).await;
        tagged.map_err(|error| self.client.failure(&format!("name {image} {name}"), error))?;
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let mut told = Heard::default();
        let pushed = {
            let mut pushing = api.push_image(repository, Some(options), who.0);
            loop {
                match pushing.next().await {
                    Some(Ok(said)) => {
                        told.hear(&said);
                        progress(told.progress());
                    }
                    Some(Err(error)) => {
                        break Err(self.client.failure(&format!("push {name}"), error));
                    }
                    None => break Ok(()),
                }
            }
        };
        self.untag(&name).await?;
        pushed?;
        match told.digest {
            Some(digest) => Ok(Pushed { digest }),
            None => Err(Failure::operation(format!(
                "the Docker engine did not say what the registry has of {name}"
            ))),
        }
    }
}

/// What an engine said of one push. It names no layers, so bytes are counted by
/// the size of the layer that they are of.
#[derive(Debug, Default)]
struct Heard {
    layers: usize,
    done: usize,
    sent: BTreeMap<i64, i64>,
    digest: Option<String>,
}

impl Heard {
    fn hear(&mut self, said: &PushImageInfo) {
        let status = said.status.as_deref().unwrap_or_default();
        match status {
            "Preparing" => self.layers += 1,
            "Pushed" | "Layer already exists" => self.done += 1,
            _ if status.starts_with("Mounted from") => self.done += 1,
            _ => {}
        }
        if let Some(detail) = &said.progress_detail
            && let (Some(current), Some(total)) = (detail.current, detail.total)
        {
            let sent = self.sent.entry(total).or_default();
            *sent = current.max(*sent);
        }
        // The last line: `TAG: digest: sha256:… size: 1234`.
        let mut words = status.split(' ');
        if words.any(|word| word == "digest:") {
            self.digest = words.next().map(str::to_owned);
        }
    }

    fn progress(&self) -> PushProgress {
        PushProgress {
            done: self.done,
            layers: self.layers,
            sent: self
                .sent
                .values()
                .filter_map(|it| u64::try_from(*it).ok())
                .sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn said(status: &str, sent: Option<(i64, i64)>) -> PushImageInfo {
        PushImageInfo {
            status: Some(status.to_owned()),
            progress_detail: sent.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..PushImageInfo::default()
        }
    }

    #[test]
    fn an_engines_words_are_counted_by_layers_and_bytes() {
        let mut heard = Heard::default();
        for (status, sent) in [
            ("The push refers to repository [127.0.0.1:5000/s/web]", None),
            ("Preparing", None),
            ("Preparing", None),
            ("Layer already exists", None),
            ("Pushing", Some((10, 100))),
            ("Pushing", Some((70, 100))),
            ("Pushed", None),
            ("0a1b: digest: sha256:77 size: 528", None),
        ] {
            heard.hear(&said(status, sent));
        }
        let expected = PushProgress {
            done: 2,
            layers: 2,
            sent: 70,
        };
        assert_eq!(heard.progress(), expected);
        assert_eq!(heard.digest.as_deref(), Some("sha256:77"));
    }
}

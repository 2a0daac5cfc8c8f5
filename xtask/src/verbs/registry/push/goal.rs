//! [`Goal`]: the registry that images go to, and what it has of them.

use std::path::PathBuf;
use std::time::Duration;

use console::style;
use hob_engine::docker::ProductionImage;
use hob_registry::{Client, Image, Reference, credentials, image_reference};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::render::data;
use crate::stage::Stage;
use crate::verbs::registry::{health, shown};

/// The part of a digest that is a tag: as the engine's own names have it.
const TAG: usize = 16;

/// Where images go.
pub struct Goal {
    /// The registry, as it stands before a repository: `127.0.0.1:5000`.
    pub authority: String,
    /// It can be asked what it has.
    pub local: Option<Client>,
    /// Who pushes, as the engine tells the registry. A secret.
    pub auth: Option<String>,
}

impl Goal {
    pub async fn find(context: &Context, platform: &Platform, to: Option<&str>) -> Result<Self> {
        let Some(to) = to else {
            let client = match health::own(platform).await {
                Ok(client) => client,
                Err(_) => {
                    platform.up(hob_platform::REGISTRY).await?;
                    health::own(platform).await?
                }
            };
            return Ok(Self {
                authority: client.authority().to_string(),
                local: Some(client),
                auth: None,
            });
        };
        let folder = docker_folder(context);
        let host = to.split('/').next().unwrap_or(to);
        let who = credentials(&folder, host).await.map_err(|error| {
            let mut shown = Error::failed(error.to_string());
            shown.hints = error.hints();
            shown
        })?;
        Ok(Self {
            authority: to.trim_end_matches('/').to_owned(),
            local: None,
            auth: who.map(|who| who.to_header()),
        })
    }

    pub fn repository(&self, image: &ProductionImage) -> String {
        format!("{}/{}", self.authority, image.service)
    }

    /// The name by which an image is pushed.
    pub fn name(&self, image: &ProductionImage) -> String {
        format!("{}:{}", self.repository(image), tag(image))
    }

    /// The digest of what the registry has of it already. What it has and
    /// cannot read is sent again.
    pub async fn has(&self, image: &ProductionImage) -> Result<Option<String>> {
        let Some(client) = &self.local else {
            return Ok(None);
        };
        let (stack, service) = (image.service.stack.as_str(), image.service.service.as_str());
        let wrong = |error: hob_registry::NameError| Error::failed(error.to_string());
        let Image {
            repository, tag, ..
        } = image_reference(client.authority(), stack, service, tag(image)).map_err(wrong)?;
        match client.head(&repository, &Reference::Tag(tag)).await {
            Err(hob_registry::Error::Refused { .. }) => Ok(None),
            digest => Ok(digest
                .map_err(|error| shown(&error))?
                .map(|it| it.to_string())),
        }
    }

    /// What the registry has now: the name to pull it by is the answer, and
    /// that it took so long, or was there already, is talk.
    pub fn told(
        &self,
        stage: &Stage,
        image: &ProductionImage,
        digest: &str,
        took: Option<Duration>,
    ) {
        let (name, service) = (self.name(image), &image.service);
        if stage.output().json {
            let pushed = json!({
                "service": service.to_string(),
                "image": name,
                "digest": digest,
                "sent": took.is_some(),
            });
            return stage.value(data::line("pushed", pushed));
        }
        stage.say(match took {
            Some(took) => {
                let after = style(format!("after {:.1} s", took.as_secs_f32())).dim();
                format!("{} {service} is pushed {after}", style("✓").green())
            }
            None => format!("{} {service} is there already", style("·").dim()),
        });
        stage.data(format!("{name}@{digest}"));
    }
}

/// The tag of what an image is built from: the same files, the same tag.
pub fn tag(image: &ProductionImage) -> &str {
    &image.digest[..TAG.min(image.digest.len())]
}

/// Where Docker's own client keeps logins.
fn docker_folder(context: &Context) -> PathBuf {
    let said = |name: &str| context.environment.get(name).map(PathBuf::from);
    let home = || said("HOME").unwrap_or_default().join(".docker");
    said("DOCKER_CONFIG").unwrap_or_else(home)
}

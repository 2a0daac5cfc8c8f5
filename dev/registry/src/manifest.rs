//! What a manifest says of its image: how large, how old, made of what.
//!
//! Three kinds are understood: Docker's [schema 2] with its manifest lists,
//! and OCI's [manifests] and [indexes]. They differ in their media types and
//! not in the keys that are read here. Anything else has a digest, a media
//! type, no size and no age.
//!
//! [schema 2]: https://distribution.github.io/distribution/spec/manifest-v2-2/
//! [manifests]: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
//! [indexes]: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;

use crate::client::{digest, good, read};
use crate::http::Answer;
use crate::{Client, Digest, Error, Reference, Repository};

/// The manifests that are understood. A registry that keeps another kind than
/// is asked for answers 404, or turns a list into something older.
pub(crate) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The configurations of images, which say when they were made; an artifact
/// of another sort has one that says something else.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The annotation that says when something was made ([its definition]).
///
/// [its definition]: https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md
const CREATED: &str = "org.opencontainers.image.created";

/// How many bytes a manifest or a configuration may have: what the
/// distribution takes for one (`maxManifestBodySize`).
const MOST: usize = 4 << 20;

/// How deep indexes may lie in each other.
const DEEP: usize = 4;

/// One manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is, for all time.
    pub digest: Digest,
    /// Its media type, as the registry says it.
    pub media_type: String,
    /// Bytes of its configuration and layers as they are kept (compressed),
    /// each one counted once; of an index, of all that its manifests are made
    /// of.
    pub size: u64,
    /// When the image was made, by its configuration or an annotation; of an
    /// index, when its newest was. The clock is the builder's. `None` where
    /// nobody says, or says the year 1, which is Go's word for that.
    pub created: Option<Timestamp>,
    /// The manifests that an index names, at any depth, whether they are there
    /// or not; none for an image.
    pub parts: Vec<Digest>,
}

impl Client {
    /// What a manifest says (`GET /v2/NAME/manifests/REFERENCE`, and what it
    /// takes to know its age and size). A part of an index that is not there
    /// is passed over: an index may be kept for one platform alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Garbage`] when it is
    /// not what a registry keeps, and those of any request.
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Manifest, Error> {
        let mut made_of = MadeOf::default();
        let (digest, media_type) = self.gather(repository, reference, 0, &mut made_of).await?;
        Ok(Manifest {
            digest,
            media_type,
            size: made_of
                .blobs
                .values()
                .fold(0, |sum, size| sum.saturating_add(*size)),
            created: made_of.created,
            parts: made_of.parts,
        })
    }

    /// Adds what a manifest is made of to what is known.
    async fn gather(
        &self,
        repository: &Repository,
        reference: &Reference,
        depth: usize,
        made_of: &mut MadeOf,
    ) -> Result<(Digest, String), Error> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = good(self.ask(Method::GET, &path, MANIFESTS, MOST).await?)?;
        let body: Body = read(&answer)?;
        let found = (digest(&answer, reference)?, media_type(&answer, &body));
        made_of.made_at(
            body.annotations
                .as_ref()
                .and_then(|notes| time(notes.get(CREATED)?)),
        );
        if let Some(config) = &body.config
            && CONFIGS.contains(&config.media_type.as_str())
        {
            made_of.made_at(self.created(repository, &config.digest(&answer)?).await?);
        }
        for blob in body.config.iter().chain(body.layers.iter().flatten()) {
            made_of.blobs.insert(blob.digest(&answer)?, blob.size);
        }
        for part in body.manifests.iter().flatten() {
            let part = part.digest(&answer)?;
            if made_of.parts.contains(&part) {
                continue;
            }
            if depth == DEEP {
                return Err(Error::garbage(
                    &answer.url,
                    "indexes lie too deep in each other",
                ));
            }
            made_of.parts.push(part.clone());
            let reference = Reference::Digest(part);
            let inside = Box::pin(self.gather(repository, &reference, depth + 1, made_of)).await;
            match inside {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// When an image was made, as its configuration says.
    async fn created(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<Option<Timestamp>, Error> {
        #[derive(Deserialize)]
        struct Config {
            created: Option<String>,
        }
        let path = format!("/v2/{repository}/blobs/{config}");
        let answer = self
            .ask(Method::GET, &path, "application/octet-stream, */*", MOST)
            .await?;
        match good(answer) {
            // A broken image is listed all the same, so that it can go.
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => {
                let config: Option<Config> = read(&answer).ok();
                Ok(config.and_then(|config| time(config.created?)))
            }
        }
    }
}

/// What has been found of a manifest and its parts.
#[derive(Default)]
struct MadeOf {
    blobs: BTreeMap<Digest, u64>,
    parts: Vec<Digest>,
    created: Option<Timestamp>,
}

impl MadeOf {
    /// The newest counts.
    fn made_at(&mut self, created: Option<Timestamp>) {
        self.created = self.created.max(created);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
}

impl Descriptor {
    fn digest(&self, answer: &Answer) -> Result<Digest, Error> {
        self.digest
            .parse()
            .map_err(|error| Error::garbage(&answer.url, format!("{error}")))
    }
}

/// The media type by the answer's head, without parameters, else by its body.
fn media_type(answer: &Answer, body: &Body) -> String {
    let said = answer.header("content-type").unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    match (&body.media_type, said) {
        (Some(own), "" | "application/json" | "text/plain") => own.clone(),
        _ => said.to_owned(),
    }
}

/// A moment as [RFC 3339] has it, after the year 1.
///
/// [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339
fn time(text: impl AsRef<str>) -> Option<Timestamp> {
    /// 0001-01-01T00:00:00Z, Go's zero.
    const NEVER: i64 = -62_135_596_800;
    let time: Timestamp = text.as_ref().parse().ok()?;
    (time.as_second() > NEVER).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = time(text).map_or_else(|| "never".to_owned(), |time| time.to_string());
        assert_eq!(found, expected);
    }

    #[test]
    fn times_are_those_that_builders_write() {
        check("2026-11-29T12:00:00Z", "2026-11-29T12:00:00Z");
        check(
            "2026-11-29T12:00:00.123456789Z",
            "2026-11-29T12:00:00.123456789Z",
        );
        check("2026-11-29T12:00:00+02:00", "2026-11-29T10:00:00Z");
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("0001-01-01T00:00:00Z", "never");
        check("yesterday", "never");
        check("", "never");
    }
}

//! All that a registry holds, for a table and for [`gc`](crate::gc()).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{Client, Digest, Error, Manifest, Reference, Repository, Tag};

/// How many questions are under way at once. A local registry reads from one
/// disk; more would only wait there.
const AT_ONCE: usize = 8;

/// What a registry holds, at about one moment: nothing is locked meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by name.
    pub repositories: Vec<Contents>,
}

/// What one repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its name.
    pub repository: Repository,
    /// Sorted by digest. What has no tag is not among them, for a registry
    /// does not tell it; the parts of an index are named by [`Manifest::parts`].
    pub manifests: Vec<Tagged>,
}

/// A manifest and all that it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The manifest.
    pub manifest: Manifest,
    /// At least one.
    pub tags: BTreeSet<Tag>,
}

impl Client {
    /// Lists the repositories, their tags, and what each of those means, with
    /// a few questions at once. A tag that goes meanwhile is left out.
    ///
    /// # Errors
    /// The first that any of the requests has.
    pub async fn list(&self) -> Result<Listing, Error> {
        let repositories = self.repositories().await?;
        let tags: Vec<Vec<Tag>> = stream::iter(&repositories)
            .map(|repository| self.tags(repository))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut found: BTreeMap<Repository, BTreeMap<Digest, Tagged>> = repositories
            .iter()
            .map(|repository| (repository.clone(), BTreeMap::new()))
            .collect();
        let pairs = repositories
            .into_iter()
            .zip(tags)
            .flat_map(|(repository, tags)| {
                tags.into_iter().map(move |tag| (repository.clone(), tag))
            });
        let mut looks = stream::iter(pairs)
            .map(|(repository, tag)| self.look(repository, tag))
            .buffer_unordered(AT_ONCE);
        while let Some(look) = looks.try_next().await? {
            let Some((repository, tag, manifest)) = look else {
                continue;
            };
            let tagged = found
                .entry(repository)
                .or_default()
                .entry(manifest.digest.clone())
                .or_insert_with(|| Tagged {
                    manifest,
                    tags: BTreeSet::new(),
                });
            tagged.tags.insert(tag);
        }
        Ok(Listing {
            repositories: found
                .into_iter()
                .map(|(repository, manifests)| Contents {
                    repository,
                    manifests: manifests.into_values().collect(),
                })
                .collect(),
        })
    }

    /// What one tag means, if it still means anything.
    async fn look(
        &self,
        repository: Repository,
        tag: Tag,
    ) -> Result<Option<(Repository, Tag, Manifest)>, Error> {
        let reference = Reference::Tag(tag.clone());
        match self.manifest(&repository, &reference).await {
            Ok(manifest) => Ok(Some((repository, tag, manifest))),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

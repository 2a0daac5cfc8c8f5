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
    /// What the registry names and cannot show, sorted.
    pub unreadable: Vec<Unreadable>,
}

/// A tag whose manifest the registry cannot read any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Where it lies.
    pub repository: Repository,
    /// What it is called.
    pub tag: Tag,
    /// Why, in one line.
    pub reason: String,
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
    /// a few questions at once. A tag that goes meanwhile is left out; one that
    /// the registry cannot read hides no other.
    ///
    /// # Errors
    /// The first that any of the requests has: nobody answers, or the names
    /// themselves cannot be read.
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
        let mut unreadable = Vec::new();
        while let Some((repository, tag, look)) = looks.next().await {
            let manifest = match look {
                Ok(manifest) => manifest,
                Err(Error::NotFound { .. }) => continue,
                Err(error @ (Error::Refused { .. } | Error::Garbage { .. })) => {
                    unreadable.push(Unreadable {
                        repository,
                        tag,
                        reason: error.to_string(),
                    });
                    continue;
                }
                Err(error) => return Err(error),
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
        unreadable.sort();
        Ok(Listing {
            unreadable,
            repositories: found
                .into_iter()
                .map(|(repository, manifests)| Contents {
                    repository,
                    manifests: manifests.into_values().collect(),
                })
                .collect(),
        })
    }

    /// What one tag means.
    async fn look(
        &self,
        repository: Repository,
        tag: Tag,
    ) -> (Repository, Tag, Result<Manifest, Error>) {
        let reference = Reference::Tag(tag.clone());
        let manifest = self.manifest(&repository, &reference).await;
        (repository, tag, manifest)
    }
}

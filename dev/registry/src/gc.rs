//! What of a registry may go, and why all else stays. Pure: nothing is
//! deleted here and no clock is read.
//!
//! The rules, of each repository for itself:
//!
//! 1. What somebody runs stays ([`Protected`]), and so does an index
//!    that somebody runs a part of.
//! 2. Of the manifests, the newest so and so many stay. Several tags on one
//!    digest are one manifest: it goes only with all of them. What is younger
//!    is told by the time at which it was made, and where two are the same (a
//!    reproducible build has one time for all) by the tag that sorts last.
//!    What says no time is older than all that do.
//! 3. The parts of an index that stays stay, tagged or not; those of one that
//!    goes go with it, unless they are anybody else's. Without that they would
//!    fill the disk for ever, since a registry tells nobody of what has no tag.
//!
//! A [`Plan`] is carried out by [`Client::delete`](crate::Client::delete), in
//! its order: an index goes before its parts, so that what is interrupted
//! leaves no index without them. A registry has no lock: a tag that somebody
//! pushes meanwhile onto what goes, goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Contents, Digest, Listing, Repository, Tag, Tagged};

/// What must stay, whatever its age.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// What runs: digests, in whatever repository they lie.
    pub digests: BTreeSet<Digest>,
    /// What somebody runs by its tag, and who: `shop/web`.
    pub tags: BTreeMap<(Repository, Tag), String>,
}

/// What goes and what stays. [`fmt::Display`] tells it, a line for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What goes, in the order in which it has to.
    pub delete: Vec<Deletion>,
    /// What stays.
    pub keep: Vec<Keep>,
}

/// A manifest that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Where it lies.
    pub repository: Repository,
    /// What it is.
    pub digest: Digest,
    /// The tags that go with it.
    pub tags: BTreeSet<Tag>,
    /// Why it may.
    pub cause: Cause,
}

/// Why a manifest may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is not among the newest, of which this many stay.
    Old(usize),
    /// The index that it is a part of goes.
    PartOf(Digest),
}

/// A manifest that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Where it lies.
    pub repository: Repository,
    /// What it is.
    pub digest: Digest,
    /// What it is called.
    pub tags: BTreeSet<Tag>,
    /// Why it stays.
    pub why: Why,
}

/// Why a manifest stays; the first of these that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It runs.
    Runs,
    /// A part of this index runs.
    RunsInPart(Digest),
    /// By this tag somebody runs it: who.
    Named(Tag, String),
    /// It is one of the newest: which, from 1.
    Newest(usize),
    /// This index needs it.
    PartOf(Digest),
}

/// Decides what of a listing goes when the `newest` of each repository are to
/// stay.
pub fn gc(listing: &Listing, newest: usize, protected: &Protected) -> Plan {
    let mut plan = Plan::default();
    for contents in &listing.repositories {
        sweep(contents, newest, protected, &mut plan);
    }
    plan
}

fn sweep(contents: &Contents, newest: usize, protected: &Protected, plan: &mut Plan) {
    let repository = &contents.repository;
    let mut by_age: Vec<&Tagged> = contents.manifests.iter().collect();
    by_age.sort_by_key(|tagged| std::cmp::Reverse(age(tagged)));
    let mut stay: BTreeMap<&Digest, Why> = BTreeMap::new();
    for (index, tagged) in by_age.iter().enumerate() {
        let young = (index < newest).then_some(Why::Newest(index + 1));
        if let Some(why) = wanted(repository, tagged, protected).or(young) {
            stay.insert(&tagged.manifest.digest, why);
        }
    }
    let tagged: BTreeMap<&Digest, &Tagged> = by_age
        .iter()
        .map(|tagged| (&tagged.manifest.digest, *tagged))
        .collect();
    let needed = parts_of(stay.keys().copied(), &tagged);
    let mut old: Vec<&Tagged> = Vec::new();
    for tagged in by_age {
        let digest = &tagged.manifest.digest;
        let part_of = || {
            let index = needed.get(digest)?;
            Some(Why::PartOf((*index).clone()))
        };
        match stay.remove(digest).or_else(part_of) {
            None => old.push(tagged),
            Some(why) => plan.keep.push(Keep {
                repository: repository.clone(),
                digest: digest.clone(),
                tags: tagged.tags.clone(),
                why,
            }),
        }
    }
    // An index has more parts than any of those has, which are among its own.
    old.sort_by_key(|tagged| std::cmp::Reverse(tagged.manifest.parts.len()));
    for Tagged { manifest, tags } in &old {
        plan.delete.push(Deletion {
            repository: repository.clone(),
            digest: manifest.digest.clone(),
            tags: tags.clone(),
            cause: Cause::Old(newest),
        });
    }
    let mut gone = BTreeSet::new();
    for Tagged { manifest, .. } in old {
        for part in &manifest.parts {
            let stays = needed.contains_key(part) || protected.digests.contains(part);
            if !stays && !tagged.contains_key(part) && gone.insert(part) {
                plan.delete.push(Deletion {
                    repository: repository.clone(),
                    digest: part.clone(),
                    tags: BTreeSet::new(),
                    cause: Cause::PartOf(manifest.digest.clone()),
                });
            }
        }
    }
}

/// The parts of all that stays, and of those in turn, each with an index that
/// needs it.
fn parts_of<'a>(
    stay: impl Iterator<Item = &'a Digest>,
    tagged: &BTreeMap<&'a Digest, &'a Tagged>,
) -> BTreeMap<&'a Digest, &'a Digest> {
    let mut needed = BTreeMap::new();
    let mut indexes: Vec<&Digest> = stay.collect();
    while let Some(index) = indexes.pop() {
        let Some(Tagged { manifest, .. }) = tagged.get(index) else {
            continue;
        };
        for part in &manifest.parts {
            if !needed.contains_key(part) {
                needed.insert(part, &manifest.digest);
                indexes.push(part);
            }
        }
    }
    needed
}

/// What is greater is younger.
fn age(tagged: &Tagged) -> impl Ord + '_ {
    let manifest = &tagged.manifest;
    (manifest.created, tagged.tags.last(), &manifest.digest)
}

/// Why a manifest stays whatever its age, if it does.
fn wanted(repository: &Repository, tagged: &Tagged, protected: &Protected) -> Option<Why> {
    let manifest = &tagged.manifest;
    let runs = |digest: &&Digest| protected.digests.contains(*digest);
    if runs(&&manifest.digest) {
        return Some(Why::Runs);
    }
    if let Some(part) = manifest.parts.iter().find(runs) {
        return Some(Why::RunsInPart(part.clone()));
    }
    tagged.tags.iter().find_map(|tag| {
        let by = protected.tags.get(&(repository.clone(), tag.clone()))?;
        Some(Why::Named(tag.clone(), by.clone()))
    })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for deletion in &self.delete {
            writeln!(f, "{deletion}")?;
        }
        for keep in &self.keep {
            writeln!(f, "{keep}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(&self.repository, &self.digest, &self.tags);
        match &self.cause {
            Cause::Old(0) => write!(f, "delete {name}: nobody runs it"),
            Cause::Old(newest) => write!(f, "delete {name}: not among the {newest} newest"),
            Cause::PartOf(index) => {
                write!(f, "delete {name}: part of {}, which goes", index.short())
            }
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(&self.repository, &self.digest, &self.tags);
        match &self.why {
            Why::Runs => write!(f, "keep {name}: it runs"),
            Why::RunsInPart(part) => write!(f, "keep {name}: its part {} runs", part.short()),
            Why::Named(_, by) if self.tags.len() == 1 => write!(f, "keep {name}: {by} runs it"),
            Why::Named(tag, by) => write!(f, "keep {name}: {by} runs {tag}"),
            Why::Newest(1) => write!(f, "keep {name}: the newest"),
            Why::Newest(rank) => write!(f, "keep {name}: number {rank} of the newest"),
            Why::PartOf(index) => write!(f, "keep {name}: part of {}", index.short()),
        }
    }
}

/// A manifest for a person: by its tags where it has some.
fn name(repository: &Repository, digest: &Digest, tags: &BTreeSet<Tag>) -> String {
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    match tags.as_slice() {
        [] => format!("{repository}@{}", digest.short()),
        tags => format!("{repository}:{} ({})", tags.join(","), digest.short()),
    }
}

#[cfg(test)]
mod tests;

//! `registry rm`: images by name. A registry removes whole images: every tag
//! that leads to one goes with it.

use std::collections::{BTreeMap, BTreeSet};

use console::style;
use hob_registry::{Client, Digest, Reference, Repository, Tag};

use super::{alone, health, shown};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::platform::Platform;
use crate::question::{Answer, ask};

/// A repository, and one of its tags or all.
type Asked = (Repository, Option<Tag>);

/// The tags of each image of a repository.
type Images = BTreeMap<Digest, BTreeSet<Tag>>;

/// An image that is to go.
#[derive(Debug, PartialEq, Eq)]
struct Going {
    repository: Repository,
    digest: Digest,
    /// Those of its tags that somebody named.
    named: BTreeSet<Tag>,
    /// Those that go, too.
    others: BTreeSet<Tag>,
}

pub async fn remove(
    context: &Context,
    platform: &Platform,
    images: &[String],
    yes: bool,
) -> Result {
    let parsed: Vec<Asked> = images.iter().map(|it| parsed(it)).collect::<Result<_>>()?;
    let _alone = alone(platform)?;
    let client = &health::own(platform).await?;
    let mut held: BTreeMap<Repository, Images> = BTreeMap::new();
    for (repository, _) in &parsed {
        if !held.contains_key(repository) {
            let images = images_of(client, repository, &parsed).await?;
            held.insert(repository.clone(), images);
        }
    }
    let mut missing = Ok(());
    for (image, (repository, tag)) in images.iter().zip(&parsed) {
        let has = held.get(repository).into_iter().flat_map(|it| it.values());
        let mut has = has.flatten();
        let found = match tag {
            Some(tag) => has.any(|it| it == tag),
            None => has.next().is_some(),
        };
        if !found {
            let error = Error::failed(format!("the registry has no {image}"));
            error.hint("`hob registry ls` lists what it has").complain();
            missing = Err(Error::said(Code::Failed));
        }
    }
    let going = going(&held, &parsed);
    consent(context, &going, images, yes)?;
    for it in &going {
        one(context, client, it).await?;
    }
    missing
}

/// What the registry has of a repository. A tag that nobody named and that
/// leads to nothing that can be read is in nobody's way.
async fn images_of(client: &Client, repository: &Repository, asked: &[Asked]) -> Result<Images> {
    let mut images = Images::new();
    let tags = client.tags(repository).await;
    for tag in tags.map_err(|error| shown(&error))? {
        let is_named = is_named(asked, repository, &tag);
        let reference = Reference::Tag(tag.clone());
        let digest = match client.head(repository, &reference).await {
            Err(hob_registry::Error::Refused { .. }) if !is_named => None,
            digest => digest.map_err(|error| shown(&error))?,
        };
        if let Some(digest) = digest {
            images.entry(digest).or_default().insert(tag);
        }
    }
    Ok(images)
}

fn is_named(asked: &[Asked], repository: &Repository, tag: &Tag) -> bool {
    let mut of = asked.iter().filter(|it| it.0 == *repository);
    of.any(|(_, named)| named.as_ref().is_none_or(|named| named == tag))
}

/// The images that these names lead to, each once.
fn going(held: &BTreeMap<Repository, Images>, asked: &[Asked]) -> Vec<Going> {
    let mut going = Vec::new();
    for (repository, images) in held {
        for (digest, tags) in images {
            let tags = tags.iter().cloned();
            let (named, others): (BTreeSet<Tag>, _) =
                tags.partition(|it| is_named(asked, repository, it));
            if !named.is_empty() {
                going.push(Going {
                    repository: repository.clone(),
                    digest: digest.clone(),
                    named,
                    others,
                });
            }
        }
    }
    going
}

/// What goes beyond what was named, in words.
fn beyond(going: &[Going]) -> Vec<String> {
    let more = going.iter().filter(|it| !it.others.is_empty());
    more.map(|it| {
        let (repository, others, named) = (&it.repository, listed(&it.others), listed(&it.named));
        format!("{repository}:{others} goes, too: it is the same image as {repository}:{named}")
    })
    .collect()
}

fn consent(context: &Context, going: &[Going], images: &[String], yes: bool) -> Result {
    let beyond = beyond(going);
    if beyond.is_empty() {
        return Ok(());
    }
    if !yes {
        beyond.iter().for_each(|line| context.output.say(line));
    }
    match ask(context, "do this?", yes) {
        Answer::Yes => Ok(()),
        Answer::No => {
            context.output.say("nothing was removed");
            Err(Error::said(Code::Failed))
        }
        Answer::Nobody => {
            let error = Error::usage("nothing was removed: there is no terminal to ask at");
            let again = images.join(" ");
            Err(error.hint(format!("`hob registry rm --yes {again}` removes them all")))
        }
    }
}

async fn one(context: &Context, client: &Client, going: &Going) -> Result {
    let Going {
        repository, digest, ..
    } = going;
    let deleted = client.delete(repository, digest).await;
    deleted.map_err(|error| shown(&error))?;
    let tags: BTreeSet<Tag> = going.named.union(&going.others).cloned().collect();
    let mark = style("✓").green();
    let digest = style(format!("({digest})")).dim();
    let line = format!("{mark} {repository}:{} is removed {digest}", listed(&tags));
    context.output.say(line);
    Ok(())
}

fn listed(tags: &BTreeSet<Tag>) -> String {
    let tags: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
    tags.join(", ")
}

fn parsed(image: &str) -> Result<Asked> {
    let (repository, tag) = match image.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (image, None),
    };
    let wrong = |error: hob_registry::NameError| {
        Error::usage(format!("`{image}` is no image: {error}"))
            .hint("write REPOSITORY or REPOSITORY:TAG, as `hob registry ls` shows them")
    };
    let repository = repository.parse().map_err(wrong)?;
    let tag = tag.map(str::parse).transpose().map_err(wrong)?;
    Ok((repository, tag))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_image_is_a_repository_with_a_tag_or_without() {
        let shown = |image| {
            parsed(image).map_or_else(
                |error| error.message,
                |(repository, tag)| format!("{repository} {:?}", tag.map(|it| it.to_string())),
            )
        };
        assert_eq!(shown("shop/web"), "shop/web None");
        assert_eq!(shown("shop/web:1"), "shop/web Some(\"1\")");
        assert!(shown("Shop/web").starts_with("`Shop/web` is no image: "));
        assert!(shown("a:b:c").starts_with("`a:b:c` is no image: "));
    }

    /// `shop/web` has one image with the tags 1, 2 and 3, and one with 4.
    #[track_caller]
    fn check(asked: &[&str], goes: &[&str], words: &[&str]) {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse::<Digest>();
        let tags = |tags: &[&str]| tags.iter().map(|it| it.parse::<Tag>().unwrap()).collect();
        let images = Images::from([
            (digest("a").unwrap(), tags(&["1", "2", "3"])),
            (digest("b").unwrap(), tags(&["4"])),
        ]);
        let held = BTreeMap::from([("shop/web".parse::<Repository>().unwrap(), images)]);
        let asked: Vec<_> = asked.iter().map(|it| parsed(it).unwrap()).collect();
        let going = going(&held, &asked);
        let named: Vec<String> = going.iter().map(|it| listed(&it.named)).collect();
        assert_eq!(named, goes);
        assert_eq!(beyond(&going), words);
    }

    #[test]
    fn an_image_goes_once_and_the_tags_that_nobody_named_are_told() {
        let told = "shop/web:1, 3 goes, too: it is the same image as shop/web:2";
        check(&["shop/web:2"], &["2"], &[told]);
        check(&["shop/web:4"], &["4"], &[]);
        check(&["shop/web"], &["1, 2, 3", "4"], &[]);
        check(
            &["shop/web:1", "shop/web:2", "shop/web:3"],
            &["1, 2, 3"],
            &[],
        );
        check(&["shop/web:2", "shop/web"], &["1, 2, 3", "4"], &[]);
        check(&["shop/web:5"], &[], &[]);
    }
}

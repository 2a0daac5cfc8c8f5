//! `registry rm`: images by name.

use hob_registry::{Client, Digest, Reference, Repository, Tag};

use super::{health, shown};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::platform::Platform;

pub async fn remove(context: &Context, platform: &Platform, images: &[String]) -> Result {
    let parsed = images.iter().map(|image| Ok((image, parsed(image)?)));
    let parsed: Vec<_> = parsed.collect::<Result<_>>()?;
    let client = &health::own(platform).await?;
    let mut missing = Ok(());
    for (image, (repository, tag)) in parsed {
        let tags = match tag {
            Some(tag) => vec![tag],
            None => client
                .tags(&repository)
                .await
                .map_err(|error| shown(&error))?,
        };
        let mut found = Vec::new();
        for tag in tags {
            let reference = Reference::Tag(tag);
            let digest = client.head(&repository, &reference).await;
            found.extend(digest.map_err(|error| shown(&error))?);
        }
        found.sort();
        found.dedup();
        if found.is_empty() {
            let error = Error::failed(format!("the registry has no {image}"));
            error.hint("`hob registry ls` lists what it has").complain();
            missing = Err(Error::said(Code::Failed));
        }
        for digest in found {
            one(context, client, &repository, &digest).await?;
        }
    }
    missing
}

async fn one(
    context: &Context,
    client: &Client,
    repository: &Repository,
    digest: &Digest,
) -> Result {
    let deleted = client.delete(repository, digest).await;
    deleted.map_err(|error| shown(&error))?;
    let mark = console::style("✓").green();
    let line = format!("{mark} {repository}@{digest} is removed");
    context.output.say(line);
    Ok(())
}

fn parsed(image: &str) -> Result<(Repository, Option<Tag>)> {
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
}

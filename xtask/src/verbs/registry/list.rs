//! `registry ls`: what the registry holds.

use console::style;
use hob_registry::{Contents, Listing, Tagged};
use jiff::Timestamp;
use serde_json::json;

use super::{health, remark};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::render::{aligned, bytes, data, time_since};

pub async fn list(context: &Context, platform: &Platform, names: &[String]) -> Result {
    let client = health::own(platform).await?;
    let mut listing = match client.list().await {
        Ok(listing) => listing,
        Err(error) => return Err(health::explained(platform, &error).await),
    };
    let asked = |it: &Contents| {
        let name = it.repository.as_str();
        names.is_empty() || names.iter().any(|part| name.contains(part.as_str()))
    };
    listing.repositories.retain(asked);
    show(context, &listing)?;
    unreadable(&listing)?;
    let ailment = health::ailment(platform).await;
    ailment.map_or(Ok(()), |error| remark(context, error))
}

fn show(context: &Context, listing: &Listing) -> Result {
    if context.output.json {
        for repository in &listing.repositories {
            for image in &repository.manifests {
                context.output.value(&as_data(repository, image))?;
            }
        }
        return Ok(());
    }
    let mut rows = vec![["REPOSITORY", "TAG", "DIGEST", "SIZE", "AGE"].map(heading)];
    for repository in &listing.repositories {
        for image in &repository.manifests {
            rows.push(row(repository, image, Timestamp::now()));
        }
    }
    if rows.len() == 1 {
        if listing.unreadable.is_empty() {
            context.output.say("nothing was pushed to it");
        }
        return Ok(());
    }
    for line in aligned(&rows) {
        context.output.data(line)?;
    }
    Ok(())
}

/// What the registry names and cannot show any more.
pub fn unreadable(listing: &Listing) -> Result {
    let lines = listing.unreadable.iter();
    let lines: Vec<String> = lines
        .map(|it| format!("{}:{}: {}", it.repository, it.tag, it.reason))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let error = Error::failed("the registry cannot read all that it has").details(lines);
    Err(error
        .hint("`hob registry push` of the same sends it again")
        .hint(health::ANEW))
}

fn heading(text: &str) -> String {
    style(text).dim().to_string()
}

fn row(repository: &Contents, image: &Tagged, now: Timestamp) -> [String; 5] {
    let tags: Vec<&str> = image.tags.iter().map(|tag| tag.as_str()).collect();
    let age = image.manifest.created.map(|made| time_since(made, now));
    [
        repository.repository.to_string(),
        tags.join(", "),
        image.manifest.digest.short().to_owned(),
        bytes(image.manifest.size),
        age.unwrap_or_default(),
    ]
}

fn as_data(repository: &Contents, image: &Tagged) -> serde_json::Value {
    let tags: Vec<&str> = image.tags.iter().map(|tag| tag.as_str()).collect();
    let created = image.manifest.created.map(|it| it.to_string());
    data::line(
        "image",
        json!({
            "repository": repository.repository.as_str(),
            "tags": tags,
            "digest": image.manifest.digest.as_str(),
            "bytes": image.manifest.size,
            "created": created,
        }),
    )
}

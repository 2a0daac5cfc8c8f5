//! `registry ls`: what the registry holds.

use console::style;
use hob_registry::{Client, Contents, Tagged};
use jiff::Timestamp;
use serde_json::json;

use super::shown;
use crate::context::Context;
use crate::error::Result;
use crate::render::{aligned, bytes, data, time_since};

pub async fn list(context: &Context, client: &Client, names: &[String]) -> Result {
    let mut listing = client.list().await.map_err(|error| shown(&error))?;
    let asked = |it: &Contents| {
        let name = it.repository.as_str();
        names.is_empty() || names.iter().any(|part| name.contains(part.as_str()))
    };
    listing.repositories.retain(asked);
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
        context.output.say("nothing was pushed to it");
        return Ok(());
    }
    for line in aligned(&rows) {
        context.output.data(line)?;
    }
    Ok(())
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

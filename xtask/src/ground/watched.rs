//! Which files of a service a session watches, and what a change of them asks
//! for.

use std::path::Path;

use hob_session::Watched;
use hob_stack::{Form, Image, Recipe, Service};
use hob_wire::ChangeAction;

/// What a session watches of a service, in a container or not.
pub fn watched(service: &Service, contained: bool) -> Watched {
    let dev = &service.dev_form;
    let mut ignore = dev.ignore.clone();
    if let (true, Some(Image::Built(recipe))) = (contained, &dev.image) {
        ignore.extend(not_watched(&service.source, recipe));
    }
    let mut extra = dev.watch.clone();
    // Files are read from where they are: only browsers need to know.
    let otherwise = match &dev.form {
        Form::Files { root } => {
            if !root.starts_with(&service.source) {
                extra.push(root.clone());
            }
            ChangeAction::None
        }
        Form::Program { .. } | Form::ImageOnly => ChangeAction::Rebuild,
    };
    Watched {
        service: service.id.clone(),
        source: service.source.clone(),
        extra,
        ignore,
        rules: dev.on_change.clone(),
        otherwise,
    }
}

/// What in the sources only says how the image is built: no save of the
/// service's.
fn not_watched(source: &Path, recipe: &Recipe) -> Vec<String> {
    let name = recipe.dockerfile.strip_prefix(source);
    let name = name.ok().and_then(|name| name.to_str());
    let rules = recipe.context.join(".dockerignore");
    let rules = rules.strip_prefix(source).ok().and_then(|it| it.to_str());
    let names = name.into_iter().chain(rules);
    names.map(|name| format!("/{name}")).collect()
}

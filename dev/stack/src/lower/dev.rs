//! How a service is developed: its `[dev]` table over the service's own keys.

use std::path::Path;

use hob_wire::{ChangeAction, Swap};

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::fields::Fields;
use crate::model::{DevForm, OnChange};
use crate::mounts;
use crate::paths::{resolve, suggestion};
use crate::tree::Node;
use crate::variant::{self, Variant};

const SWAP: &[(&str, Swap)] = &[("overlap", Swap::Overlap), ("exclusive", Swap::Exclusive)];
const ACTION: &[(&str, ChangeAction)] = &[
    ("rebuild", ChangeAction::Rebuild),
    ("restart", ChangeAction::Restart),
    ("signal", ChangeAction::Signal),
    ("none", ChangeAction::None),
];

/// The form of a service under `dev`. `web`: a browser sees it; `volumes`: it
/// keeps data.
pub(super) fn form(
    context: &mut Context<'_>,
    fields: Fields<'_>,
    source: &Path,
    variant: Variant,
    web: bool,
    volumes: bool,
) -> DevForm {
    let dev = fields.fields("dev");
    let texts = |key| dev.map_or_else(Vec::new, |dev| dev.texts(key));
    let live_reload = dev.and_then(|dev| dev.bool("live_reload"));
    if let (Some(true), false, Some(place)) = (
        live_reload,
        web,
        dev.and_then(|dev| dev.place("live_reload")),
    ) {
        context.report.push(
            Diagnostic::warning("no browser sees this service", place)
                .label("there is nothing to reload"),
        );
    }
    let mut watch = Vec::new();
    for node in dev.map_or(&[][..], |dev| dev.items("watch")) {
        let Some(text) = node.text() else { continue };
        let path = resolve(source, text);
        if !path.exists() {
            let shown = crate::file::shown(context.root, &path);
            context.report.push(
                Diagnostic::warning(
                    format!("`{shown}` is not there to be watched"),
                    node.place.clone(),
                )
                .maybe_hint(suggestion(&path, text)),
            );
        }
        watch.push(path);
    }
    let on_change = dev.map_or(&[][..], |dev| dev.items("on_change"));
    DevForm {
        form: variant.form,
        ready: variant.ready,
        env: variant.env,
        image: variant.image,
        limits: variant.limits,
        swap: match dev.and_then(|dev| dev.word("swap", SWAP)) {
            Some(swap) => swap,
            // Two processes on one data folder are rarely meant.
            None if volumes => Swap::Exclusive,
            None => Swap::Overlap,
        },
        live_reload: live_reload.unwrap_or(web),
        cache: texts("cache")
            .iter()
            .map(|path| mounts::plain(path))
            .collect(),
        watch,
        ignore: texts("ignore"),
        on_change: on_change
            .iter()
            .filter_map(|node| rule(context, node))
            .collect(),
    }
}

fn rule(context: &mut Context<'_>, node: &Node) -> Option<OnChange> {
    let fields = node.fields(variant::ON_CHANGE)?;
    if fields.entry("paths").is_none() {
        context.report.push(
            Diagnostic::error("a rule without `paths`", node.place.clone())
                .hint("add `paths = [\"static/**\"]`"),
        );
    }
    Some(OnChange {
        paths: fields.texts("paths"),
        action: fields
            .word("action", ACTION)
            .unwrap_or(ChangeAction::Rebuild),
    })
}

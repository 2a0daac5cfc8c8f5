//! What a service has in both modes: source, image, form, environment,
//! readiness and limits. The `dev` table is laid over its service's tables
//! first, so that one way of lowering does for both. Start with [`lower`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hob_wire::Limits;

use crate::diagnostic::Diagnostic;
use crate::duration::duration;
use crate::fields::Fields;
use crate::file::shown;
use crate::keys;
use crate::lower::Context;
use crate::model::{Form, Image, Ready, Recipe};
use crate::paths::{resolve, suggestion};
use crate::shape::Shape;
use crate::tree::{Entry, Node, Value, merge};

/// The shape of a service's table.
pub(crate) const SERVICE: &Shape = &keys::SERVICE;
/// The shape of a rule of `on_change`.
pub(crate) const ON_CHANGE: &Shape = &keys::ON_CHANGE;

/// A service in one mode.
#[derive(Clone)]
pub(crate) struct Variant {
    pub form: Form,
    pub ready: Ready,
    pub env: BTreeMap<String, String>,
    pub image: Option<Image>,
    pub limits: Limits,
}

/// The service as its `dev` table has it.
pub(crate) fn dev_entry(entry: &Entry) -> Entry {
    let mut dev = entry.clone();
    let Value::Table(entries) = &mut dev.node.value else {
        return dev;
    };
    let Some(Value::Table(mut over)) = entries.remove("dev").map(|dev| dev.node.value) else {
        return dev;
    };
    over.retain(|key, _| SERVICE.below(key).is_some());
    // `[]` is no build rather than an empty one.
    let no_build = matches!(
        over.get("build").map(|build| &build.node.value),
        Some(Value::List(items)) if items.is_empty()
    );
    if no_build {
        entries.remove("build");
        over.remove("build");
    }
    // A ready image and a recipe replace each other as a whole.
    let images = (entries.get("image"), over.get("image"));
    if let (Some(below), Some(above)) = images {
        if is_named(below) != is_named(above) {
            entries.remove("image");
        }
    }
    // A form replaces the other one as a whole.
    if over.contains_key("serve") {
        entries.remove("build");
        entries.remove("run");
    } else if over.contains_key("run") || over.contains_key("build") {
        entries.remove("serve");
    }
    let over = Node {
        value: Value::Table(over),
        ..entry.node.clone()
    };
    merge(&mut dev.node, over, SERVICE);
    dev
}

/// Whether the table of an image names a ready one.
fn is_named(image: &Entry) -> bool {
    let fields = image.node.fields(&keys::IMAGE);
    fields.is_some_and(|image| image.entry("name").is_some())
}

/// One mode of a service; in `dev`, only what that mode adds is told.
pub(crate) fn lower(
    context: &mut Context<'_>,
    source: &Path,
    entry: &Entry,
    fields: Fields<'_>,
    dev: bool,
) -> Variant {
    let image = fields
        .fields("image")
        .map(|image| self::image(context, source, entry, fields, image));
    let form = form(context, source, fields);
    if form.is_none() && image.is_none() && fields.entry("image").is_none() && !dev {
        let only_dev = fields.fields("dev").is_some_and(|dev| {
            ["run", "serve", "image"]
                .iter()
                .any(|key| dev.entry(key).is_some())
        });
        let hint = if only_dev {
            "move it out of `dev`, which takes over what it does not set itself"
        } else {
            "add `run = [\"…\"]`, `serve = \"public\"` or `image = {}` for a `Dockerfile`"
        };
        context.report.push(
            Diagnostic::error("nothing says how this service runs", entry.key.clone()).hint(hint),
        );
    }
    Variant {
        form: form.unwrap_or(Form::ImageOnly),
        ready: ready(context, fields),
        env: fields.text_map("env"),
        image,
        limits: limits(fields),
    }
}

/// The folder of the sources.
pub(crate) fn source(context: &mut Context<'_>, entry: &Entry, fields: Fields<'_>) -> PathBuf {
    let text = fields.text("source").unwrap_or(".");
    let path = resolve(context.dir, text);
    if let Some(node) = fields.node("source") {
        folder(context, &path, text, node, "the source folder");
    } else if !path.is_dir() {
        // The stack's own folder went away while it was read.
        let message = format!("`{}` is not a folder", shown(context.root, &path));
        let place = entry.key.clone();
        context.report.push(Diagnostic::error(message, place));
    }
    path
}

/// Tells a folder that is missing, or a note about one outside the project.
fn folder(context: &mut Context<'_>, path: &Path, text: &str, node: &Node, what: &str) {
    if node.text().is_none() {
        return;
    }
    let shown = shown(context.root, path);
    let diagnostic = if path.is_dir() {
        if path.starts_with(context.root) {
            return;
        }
        let message = format!("{what} `{shown}` lies outside the project");
        Diagnostic::note(message, node.place.clone())
    } else if path.exists() {
        let message = format!("{what} `{shown}` is not a folder");
        Diagnostic::error(message, node.place.clone())
    } else {
        let message = format!("{what} `{shown}` is not there");
        Diagnostic::error(message, node.place.clone()).maybe_hint(suggestion(path, text))
    };
    context.report.push(diagnostic);
}

fn image(
    context: &mut Context<'_>,
    source: &Path,
    entry: &Entry,
    fields: Fields<'_>,
    image: Fields<'_>,
) -> Image {
    if let Some(name) = image.entry("name") {
        let others = image.entries().find(|(key, _)| *key != "name");
        if let Some((other, entry)) = others {
            context.report.push(
                Diagnostic::error(format!("`name` together with `{other}`"), name.key.clone())
                    .label("a ready image is never built")
                    .related(entry.key.clone(), "and this says how to build one")
                    .hint("keep one of them"),
            );
        }
        let name = name.node.text().and_then(|text| text.parse().ok());
        return Image::Named(name.unwrap_or_default());
    }
    let name = image.text("dockerfile").unwrap_or("Dockerfile");
    let dockerfile = resolve(source, name);
    // A missing source folder was told; its Dockerfile says nothing new.
    if source.is_dir() && !dockerfile.is_file() {
        let place = image
            .node("dockerfile")
            .map(|node| node.place.clone())
            .or_else(|| fields.place("image"))
            .unwrap_or_else(|| entry.key.clone());
        let shown = shown(context.root, &dockerfile);
        let message = format!("the Dockerfile `{shown}` is not there");
        context
            .report
            .push(Diagnostic::error(message, place).maybe_hint(suggestion(&dockerfile, name)));
    }
    let text = image.text("context").unwrap_or(".");
    let build_context = resolve(source, text);
    if let Some(node) = image.node("context") {
        folder(context, &build_context, text, node, "the build context");
    }
    Image::Built(Recipe {
        dockerfile,
        context: build_context,
        target: image.text("target").map(str::to_owned),
        args: image.text_map("args"),
    })
}

fn form(context: &mut Context<'_>, source: &Path, fields: Fields<'_>) -> Option<Form> {
    let place = |key| fields.place(key);
    if let Some(node) = fields.node("serve") {
        if let (Some(other), Some(serve)) = (
            place("run").or_else(|| place("build")),
            fields.place("serve"),
        ) {
            context.report.push(
                Diagnostic::error("`serve` together with `build` or `run`", serve)
                    .label("hob itself serves these files")
                    .related(other, "and this is a program")
                    .hint("keep one of them"),
            );
        }
        let text = node.text().unwrap_or(".");
        let root = resolve(source, text);
        if source.is_dir() {
            folder(context, &root, text, node, "the folder to serve");
        }
        return Some(Form::Files { root });
    }
    let argv = |key| fields.node(key).map(Node::texts);
    match (argv("build"), argv("run"), place("build")) {
        (build, Some(run), _) => Some(Form::Program { build, run }),
        (Some(_), None, Some(place)) => {
            context.report.push(
                Diagnostic::error("`build` without `run`", place)
                    .label("what it makes is never started")
                    .hint("add `run = [\"$OUT/…\"]`"),
            );
            Some(Form::ImageOnly)
        }
        _ => None,
    }
}

fn ready(context: &mut Context<'_>, fields: Fields<'_>) -> Ready {
    let has_port = fields.entry("port").is_some();
    let words = [("tcp", Ready::Tcp), ("started", Ready::Started)];
    let ready = match (fields.word("ready", &words), fields.fields("ready")) {
        (Some(ready), _) => ready,
        (None, Some(table)) => match (table.text("http"), table.node("command")) {
            (Some(path), _) => Ready::Http(path.to_owned()),
            (None, Some(command)) => Ready::Command(command.texts()),
            (None, None) => Ready::Started,
        },
        (None, None) if has_port => Ready::Tcp,
        (None, None) => Ready::Started,
    };
    if let (false, Ready::Http(_) | Ready::Tcp, Some(place)) =
        (has_port, &ready, fields.place("ready"))
    {
        context.report.push(
            Diagnostic::error("`ready` asks a port, and the service has none", place).hint(
                "add `port = 8080`, or write `ready = \"started\"` or `ready = { command = [\"…\"] }`",
            ),
        );
    }
    ready
}

fn limits(fields: Fields<'_>) -> Limits {
    let set = fields.fields("limits");
    let limit = |key| duration(set?.text(key)?).ok();
    let standard = Limits::default();
    Limits {
        ready: limit("ready").unwrap_or(standard.ready),
        hold: limit("hold").unwrap_or(standard.hold),
        drain: limit("drain").unwrap_or(standard.drain),
        grace: limit("grace").unwrap_or(standard.grace),
        build: limit("build").or(standard.build),
        log_bytes: standard.log_bytes,
    }
}

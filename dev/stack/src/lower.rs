//! A checked tree to a [`Stack`]: defaults, absolute paths, names resolved,
//! and everything that concerns more than one value at once.
//!
//! A value that cannot be used is told and replaced by anything of its type:
//! the caller drops a stack that has an error. Start with [`stack`].

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

mod dev;

use hob_wire::{Protocol, Restart, SecretSource};

use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::graph::Edge;
use crate::keys::STACK;
use crate::model::{Config, Network, Publish, Service, Stack};
use crate::mounts;
use crate::names::{Port, ServiceId, ServiceName, StackName, VolumeName};
use crate::near::{listed, nearest};
use crate::paths::resolve;
use crate::ports::{self, Published, Publisher};
use crate::routes::{self, Routed};
use crate::tree::{Entry, Node};
use crate::variant;

const PROTOCOL: &[(&str, Protocol)] = &[
    ("http", Protocol::Http),
    ("grpc", Protocol::Grpc),
    ("tcp", Protocol::Tcp),
];
const NETWORK: &[(&str, Network)] = &[("stack", Network::Stack), ("host", Network::Host)];
const RESTART: &[(&str, Restart)] = &[
    ("always", Restart::Always),
    ("on-failure", Restart::OnFailure),
    ("never", Restart::Never),
];

/// What a stack is lowered with.
pub(crate) struct Context<'a> {
    /// The project's folder, canonical.
    pub root: &'a Path,
    /// The stack's folder.
    pub dir: &'a Path,
    /// The stack's name.
    pub stack: &'a StackName,
    /// The project's settings.
    pub config: &'a Config,
    /// Where diagnostics go.
    pub report: &'a mut Vec<Diagnostic>,
    /// Every name in a list of `needs` or `wants`.
    pub edges: Vec<Edge>,
}

/// The stack of a checked tree, and its fixed ports.
pub(crate) fn stack(
    context: &mut Context<'_>,
    file: &Path,
    tree: &Node,
) -> (Stack, Vec<Published>) {
    let mut services = BTreeMap::new();
    let mut published = Vec::new();
    let mut routed = Vec::new();
    let root = tree.fields(&STACK);
    match root.and_then(|root| root.fields("services")) {
        Some(table) => {
            for (name, entry) in table.entries() {
                let Ok(name) = ServiceName::from_str(name) else {
                    continue;
                };
                let Some(fields) = table.fields(name.as_str()) else {
                    continue;
                };
                let (service, own) = service(context, &name, entry, fields, table);
                routed.extend(own);
                if let (Some(Publish::Fixed(port)), Some(place)) =
                    (service.publish, fields.node("publish"))
                {
                    published.push(Published {
                        by: Publisher::Service(service.id.clone()),
                        port,
                        address: service.address,
                        place: place.place.clone(),
                    });
                }
                services.insert(name, service);
            }
            if table.entries().next().is_none() {
                no_services(context, root.and_then(|root| root.place("services")), tree);
            }
        }
        None if root.is_some_and(|root| root.entry("services").is_none()) => {
            no_services(context, None, tree);
        }
        None => {}
    }
    routes::in_stack(&routed, context.report);
    let (ingress, door) = match root {
        Some(root) => ports::door(context, root, !routed.is_empty()),
        None => (None, None),
    };
    published.extend(door);
    let stack = Stack {
        name: context.stack.clone(),
        file: file.to_owned(),
        dir: context.dir.to_owned(),
        ingress,
        services,
    };
    (stack, published)
}

fn no_services(context: &mut Context<'_>, place: Option<Place>, tree: &Node) {
    let place = place.unwrap_or_else(|| tree.place.clone());
    context.report.push(
        Diagnostic::error("the stack has no services", place)
            .hint("add a table `[services.NAME]` with `run = [\"…\"]`"),
    );
}

fn service(
    context: &mut Context<'_>,
    name: &ServiceName,
    entry: &Entry,
    fields: Fields<'_>,
    siblings: Fields<'_>,
) -> (Service, Vec<Routed>) {
    let id = ServiceId {
        stack: context.stack.clone(),
        service: name.clone(),
    };
    let port = port(fields, "port");
    let publish = match fields.word("publish", &[("auto", Publish::Auto)]) {
        Some(publish) => Some(publish),
        None => self::port(fields, "publish").map(Publish::Fixed),
    };
    ports::listening(context, fields, publish);
    let protocol = fields.word("protocol", PROTOCOL).unwrap_or(Protocol::Http);
    let routed = routes::lower(context, fields, name, protocol);
    let needs = references(context, fields, "needs", name, siblings);
    let mut wants = references(context, fields, "wants", name, siblings);
    wants.retain(|want| {
        let twice = needs.contains(want);
        if let (true, Some(place)) = (twice, fields.place("wants")) {
            context.report.push(Diagnostic::warning(
                format!("`{}` is needed already; `wants` adds nothing", want.service),
                place,
            ));
        }
        !twice
    });
    let volumes = volumes(fields);
    let source = variant::source(context, entry, fields);
    let bind_mounts = mounts::lower(context, fields);
    mounts::check(context, fields, &source);
    unused_dockerfile(context, entry, fields, &source);
    let run = variant::lower(context, &source, entry, fields, false);
    let dev = variant::dev_entry(entry);
    let dev = dev
        .node
        .fields(variant::SERVICE)
        .map(|fields| variant::lower(context, &source, &dev, fields, true))
        .unwrap_or_else(|| run.clone());
    let web = protocol == Protocol::Http && port.is_some();
    let dev_form = dev::form(context, fields, &source, dev, web, !volumes.is_empty());
    let service = Service {
        known_as: name.clone(),
        id,
        port,
        publish,
        address: fields
            .text("address")
            .and_then(|text| text.parse().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        protocol,
        routes: routed.iter().map(|it| it.path.clone()).collect(),
        needs,
        wants,
        ready: run.ready,
        env: run.env,
        pass_env: fields.texts("pass_env"),
        secrets: secrets(context, fields),
        volumes,
        mounts: bind_mounts,
        network: fields.word("network", NETWORK).unwrap_or_default(),
        image: run.image,
        read_only: fields.bool("read_only").unwrap_or(false),
        restart: fields.word("restart", RESTART).unwrap_or(Restart::Always),
        limits: run.limits,
        packages: fields.text_map("packages"),
        run_form: run.form,
        dev_form,
        source,
    };
    (service, routed)
}

/// A note about a Dockerfile that no image is built from.
fn unused_dockerfile(context: &mut Context<'_>, entry: &Entry, fields: Fields<'_>, source: &Path) {
    let dev = fields.fields("dev");
    let mut tables = [Some(fields), dev].into_iter().flatten();
    if tables.any(|table| table.entry("image").is_some()) {
        return;
    }
    let dockerfile = source.join("Dockerfile");
    if dockerfile.is_file() {
        let shown = crate::file::shown(context.root, &dockerfile);
        context.report.push(
            Diagnostic::note(format!("nothing builds `{shown}`"), entry.key.clone())
                .hint("add `image = {}` for its image in containers"),
        );
    }
}

fn port(fields: Fields<'_>, key: &str) -> Option<Port> {
    Port::new(u16::try_from(fields.integer(key)?).ok()?)
}

/// The services of the same stack that a list names, each once.
fn references(
    context: &mut Context<'_>,
    fields: Fields<'_>,
    key: &str,
    from: &ServiceName,
    siblings: Fields<'_>,
) -> Vec<ServiceId> {
    let mut ids: Vec<ServiceId> = Vec::new();
    for node in fields.items(key) {
        let Some(text) = node.text() else { continue };
        let names = || siblings.entries().map(|(name, _)| name);
        if !names().any(|name| name == text) {
            let hint = match nearest(text, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("services of this stack: {}", listed(names())),
            };
            let message = format!("`{key}` names `{text}`, which is no service of this stack");
            context
                .report
                .push(Diagnostic::error(message, node.place.clone()).hint(hint));
            continue;
        }
        let Ok(service) = text.parse::<ServiceName>() else {
            continue;
        };
        if ids.iter().any(|id| id.service == service) {
            let message = format!("`{key}` names `{text}` twice");
            context
                .report
                .push(Diagnostic::warning(message, node.place.clone()));
            continue;
        }
        context.edges.push(Edge {
            from: from.clone(),
            to: service.clone(),
            place: node.place.clone(),
        });
        ids.push(ServiceId {
            stack: context.stack.clone(),
            service,
        });
    }
    ids
}

fn volumes(fields: Fields<'_>) -> BTreeMap<VolumeName, PathBuf> {
    let entries = fields.fields("volumes").into_iter();
    entries
        .flat_map(Fields::entries)
        .filter_map(|(name, entry)| Some((name.parse().ok()?, mounts::plain(entry.node.text()?))))
        .collect()
}

fn secrets(context: &mut Context<'_>, fields: Fields<'_>) -> BTreeMap<String, SecretSource> {
    let Some(table) = fields.fields("secrets") else {
        return BTreeMap::new();
    };
    let mut secrets = BTreeMap::new();
    let dev = fields.fields("dev");
    for (name, entry) in table.entries() {
        for fields in [Some(fields), dev].into_iter().flatten() {
            let env = fields.fields("env");
            if let Some((_, twin)) =
                env.and_then(|env| env.entries().find(|(other, _)| *other == name))
            {
                context.report.push(
                    Diagnostic::error(
                        format!("`{name}` is set by both `secrets` and `env`"),
                        entry.key.clone(),
                    )
                    .related(twin.key.clone(), "also here"),
                );
            }
        }
        let Some(source) = table.fields(name) else {
            continue;
        };
        if let Some(variable) = source.text("env") {
            secrets.insert(name.to_owned(), SecretSource::Env(variable.to_owned()));
        } else if let (Some(text), Some(node)) = (source.text("file"), source.node("file")) {
            let path = resolve(context.dir, text);
            if !path.exists() {
                let shown = crate::file::shown(context.root, &path);
                // Only a start needs it: a build or a check does well without.
                context.report.push(
                    Diagnostic::warning(
                        format!("the secret file `{shown}` is not there"),
                        node.place.clone(),
                    )
                    .label(format!("`{name}` cannot be set at the start"))
                    .hint(format!("write the secret's text into `{shown}`")),
                );
            }
            secrets.insert(name.to_owned(), SecretSource::File(path));
        }
    }
    secrets
}

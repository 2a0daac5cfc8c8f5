//! Fixed ports of this machine: what they ask of their service, and which of
//! them cannot be there at once.

use std::net::{IpAddr, Ipv4Addr};

use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::lower::Context;
use crate::model::{Door, Publish};
use crate::names::{Port, ServiceId, StackName};
use crate::tree::Node;

/// A port that is listened on and the place that says so.
pub(crate) struct Published {
    pub by: Publisher,
    pub port: Port,
    pub address: IpAddr,
    pub place: Place,
}

/// Who listens.
pub(crate) enum Publisher {
    /// A service, or what stands before it.
    Service(ServiceId),
    /// The ingress, for a stack.
    Ingress(StackName),
}

impl Publisher {
    /// In words; `whole` where there are other stacks.
    fn words(&self, whole: bool) -> String {
        match self {
            Self::Service(id) if whole => format!("`{id}`"),
            Self::Service(id) => format!("`{}`", id.service),
            Self::Ingress(stack) => format!("the ingress of `{stack}`"),
        }
    }
}

/// What `publish` and `address` ask of each other and of `port`.
pub(crate) fn listening(context: &mut Context<'_>, fields: Fields<'_>, publish: Option<Publish>) {
    if let (Some(place), None) = (fields.place("publish"), fields.entry("port")) {
        context.report.push(
            Diagnostic::error("`publish` without `port`", place)
                .label("there is nothing to publish")
                .hint("add `port = 8080`, the port inside a container"),
        );
    }
    if let (Some(place), None) = (fields.place("address"), fields.entry("publish")) {
        context.report.push(
            Diagnostic::warning("`address` without `publish` has no effect", place)
                .hint("add `publish = \"auto\"`"),
        );
    }
    if let (Some(Publish::Fixed(port)), Some(node)) = (publish, fields.node("publish")) {
        within(context, port, node, "publish");
    }
}

/// That the project's offset leads a port nowhere past the last one.
fn within(context: &mut Context<'_>, port: Port, node: &Node, key: &str) {
    let offset = context.config.port_offset;
    if port.offset(offset).is_none() {
        context.report.push(
            Diagnostic::error(
                format!("port {port} and the project's offset of {offset} are past 65535"),
                node.place.clone(),
            )
            .hint(format!("lower `{key}`, or `port_offset` in `hob.toml`")),
        );
    }
}

/// A stack's own door, of the file's table, and its port. `routed` is whether
/// anything of the stack is behind it.
pub(crate) fn door(
    context: &mut Context<'_>,
    root: Fields<'_>,
    routed: bool,
) -> (Option<Door>, Option<Published>) {
    let Some(fields) = root.fields("ingress") else {
        return (None, None);
    };
    let port = fields.integer("port").and_then(|it| u16::try_from(it).ok());
    let port = port.and_then(Port::new);
    let at = port.zip(fields.node("port"));
    let published = at.map(|(port, node)| {
        within(context, port, node, "port");
        if !routed {
            context.report.push(
                Diagnostic::warning("no service of this stack has `routes`", node.place.clone())
                    .label("the ingress answers 404 here, whatever is asked for")
                    .hint("add `routes = [\"/\"]` to one"),
            );
        }
        Published {
            by: Publisher::Ingress(context.stack.clone()),
            port,
            address: Ipv4Addr::LOCALHOST.into(),
            place: node.place.clone(),
        }
    });
    (Some(Door { port }), published)
}

/// Whether two listeners cannot be there at once.
fn collide(a: &Published, b: &Published) -> bool {
    let any = a.address.is_unspecified() || b.address.is_unspecified();
    a.port == b.port && (any || a.address == b.address)
}

/// Two listeners of one stack on one port are an error.
pub(crate) fn in_stack(published: &[Published], report: &mut Vec<Diagnostic>) {
    for (index, second) in published.iter().enumerate() {
        if let Some(first) = published[..index]
            .iter()
            .find(|first| collide(first, second))
        {
            let (a, b) = (first.by.words(false), second.by.words(false));
            report.push(
                Diagnostic::error(
                    format!("{a} and {b} publish the same port {}", second.port),
                    second.place.clone(),
                )
                .related(first.place.clone(), format!("{a} has it"))
                .hint("give one of them another port, or `publish = \"auto\"`"),
            );
        }
    }
}

/// Two stacks that share a port are fine until both run. The stacks are valid,
/// so each one's own ports differ.
pub(crate) fn between_stacks(published: &[Published], report: &mut Vec<Diagnostic>) {
    for (index, second) in published.iter().enumerate() {
        if let Some(first) = published[..index]
            .iter()
            .find(|first| collide(first, second))
        {
            let (a, b) = (first.by.words(true), second.by.words(true));
            report.push(
                Diagnostic::warning(
                    format!(
                        "{a} and {b} publish the same port {}: their stacks cannot run at once",
                        second.port
                    ),
                    second.place.clone(),
                )
                .related(first.place.clone(), format!("{a} has it")),
            );
        }
    }
}

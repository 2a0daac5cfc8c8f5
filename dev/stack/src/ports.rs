//! Published ports: what they ask of their service, and which of them cannot
//! be there at once.

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::lower::Context;
use crate::model::Publish;
use crate::names::{Port, ServiceId};

/// A published port and the place that says so.
pub(crate) struct Published {
    pub id: ServiceId,
    pub port: Port,
    pub address: IpAddr,
    pub place: Place,
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
        let offset = context.config.port_offset;
        if port.offset(offset).is_none() {
            context.report.push(
                Diagnostic::error(
                    format!("port {port} and the project's offset of {offset} are past 65535"),
                    node.place.clone(),
                )
                .hint("lower `publish`, or `port_offset` in `hob.toml`"),
            );
        }
    }
}

/// Whether two listeners cannot be there at once.
fn collide(a: &Published, b: &Published) -> bool {
    let any = a.address.is_unspecified() || b.address.is_unspecified();
    a.port == b.port && (any || a.address == b.address)
}

/// Two services of one stack on one port are an error.
pub(crate) fn in_stack(published: &[Published], report: &mut Vec<Diagnostic>) {
    for (index, second) in published.iter().enumerate() {
        if let Some(first) = published[..index]
            .iter()
            .find(|first| collide(first, second))
        {
            let (a, b) = (&first.id.service, &second.id.service);
            report.push(
                Diagnostic::error(
                    format!("`{a}` and `{b}` publish the same port {}", second.port),
                    second.place.clone(),
                )
                .related(first.place.clone(), format!("`{a}` has it"))
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
            report.push(
                Diagnostic::warning(
                    format!(
                        "`{}` and `{}` publish the same port {}: their stacks cannot run at once",
                        first.id, second.id, second.port
                    ),
                    second.place.clone(),
                )
                .related(first.place.clone(), format!("`{}` has it", first.id)),
            );
        }
    }
}

//! What a service answers at its stack's own door: which paths, and whether
//! the ingress can lead there.

use hob_ingress::{PathPrefix, PathPrefixError};
use hob_wire::Protocol;
use serde::Serializer;

use crate::diagnostic::{Diagnostic, Place};
use crate::fields::Fields;
use crate::lower::Context;
use crate::names::ServiceName;
use crate::shape::Wrong;

/// A path and the place that says so.
pub(crate) struct Routed {
    pub service: ServiceName,
    pub path: PathPrefix,
    pub place: Place,
}

/// What is wrong with a text as the beginning of paths.
pub(crate) fn check(text: &str) -> Result<(), Wrong> {
    let error = match text.parse::<PathPrefix>() {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let written = |near: String| {
        let fits = near.parse::<PathPrefix>().is_ok();
        fits.then(|| format!("write `\"{near}\"`"))
    };
    let hint = match &error {
        PathPrefixError::Relative(text) => written(format!("/{text}")),
        PathPrefixError::Empty(text) => {
            let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
            written(format!("/{}", parts.join("/")))
        }
        PathPrefixError::Character('*') => {
            Some("a path stands for all below it, so `\"/\"` is for every path".to_owned())
        }
        PathPrefixError::Long(_) | PathPrefixError::Dots(_) | PathPrefixError::Character(_) => None,
    };
    Err((error.to_string(), hint))
}

/// The paths of a service, each once, and where each stands.
pub(crate) fn lower(
    context: &mut Context<'_>,
    fields: Fields<'_>,
    service: &ServiceName,
    protocol: Protocol,
) -> Vec<Routed> {
    let mut routed: Vec<Routed> = Vec::new();
    for node in fields.items("routes") {
        let path = node.text().and_then(|text| text.parse::<PathPrefix>().ok());
        let Some(path) = path else { continue };
        if routed.iter().any(|it| it.path == path) {
            let message = format!("`routes` has the path {path} twice");
            let told = Diagnostic::warning(message, node.place.clone());
            context.report.push(told);
            continue;
        }
        routed.push(Routed {
            service: service.clone(),
            path,
            place: node.place.clone(),
        });
    }
    let place = fields.place("routes").filter(|_| !routed.is_empty());
    let Some(place) = place else {
        return routed;
    };
    if fields.entry("port").is_none() {
        context.report.push(
            Diagnostic::error("`routes` without `port`", place.clone())
                .label("there is nowhere to lead to")
                .hint("add `port = 8080`, the port inside a container"),
        );
    }
    if protocol == Protocol::Tcp {
        let told = Diagnostic::error("`routes` of a service that speaks `tcp`", place)
            .label("paths are those of HTTP and gRPC")
            .hint("take `protocol = \"tcp\"` away, or these routes");
        let protocol = fields.place("protocol");
        context.report.push(match protocol {
            Some(protocol) => told.related(protocol, "said here"),
            None => told,
        });
    }
    routed
}

/// Two services of one stack at one path are an error.
pub(crate) fn in_stack(routed: &[Routed], report: &mut Vec<Diagnostic>) {
    for (index, second) in routed.iter().enumerate() {
        let mut before = routed[..index].iter();
        if let Some(first) = before.find(|it| it.path == second.path) {
            let (a, b, path) = (&first.service, &second.service, &second.path);
            let message = format!("`{a}` and `{b}` both have the route {path}");
            report.push(
                Diagnostic::error(message, second.place.clone())
                    .related(first.place.clone(), format!("`{a}` has it"))
                    .hint(format!(
                        "give one of them another path; the longest that fits wins: `\"{}\"`",
                        longer(path, b)
                    )),
            );
        }
    }
}

/// A path below another one, called by a service.
fn longer(path: &PathPrefix, service: &ServiceName) -> String {
    match path.is_root() {
        true => format!("/{service}"),
        false => format!("{path}/{service}"),
    }
}

/// The paths as they are written.
pub(crate) fn serialize<S: Serializer>(paths: &[PathPrefix], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(PathPrefix::as_str))
}

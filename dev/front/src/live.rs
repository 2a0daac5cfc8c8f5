//! The paths under `/__hob/`: the script of live reload, its event stream,
//! and the state as JSON.
//!
//! Never held and never passed on. They carry no CORS fields, so another
//! site's page cannot read them.

use std::time::Duration;

use bytes::Bytes;
use hob_wire::FRONT_PREFIX;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ansi;
use crate::body::Body;
use crate::gate::{Failure, Gate, Look};
use crate::headers::stamp;
use crate::page;
use crate::serve::Config;

const SCRIPT: &str = include_str!("live.js");

/// A comment this often shows either side that the other one is gone.
const BEAT: Duration = Duration::from_secs(15);

/// Answers a request for a path under the prefix.
pub(crate) fn answer<B>(request: &Request<B>, gate: &Gate, config: &Config) -> Response<Body> {
    let path = request.uri().path();
    let name = path.strip_prefix(FRONT_PREFIX).unwrap_or_default();
    let look = gate.look();
    let live = config.live_reload;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match name {
        "status" | "live.js" | "events" if !reads => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            response
        }
        "status" => typed(
            "application/json",
            format!("{}\n", state(&look, &config.service)).into(),
        ),
        "live.js" if live => typed("text/javascript; charset=utf-8", SCRIPT.into()),
        "events" if live && request.method() == Method::HEAD => {
            typed("text/event-stream", Body::Whole(None))
        }
        "events" if live => typed("text/event-stream", events(gate, config)),
        _ => plain(StatusCode::NOT_FOUND, "hob has nothing here\n"),
    };
    stamp(response.headers_mut(), look.generation);
    response
}

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", text.into());
    *response.status_mut() = status;
    response
}

/// The gate's state for scripts.
fn state(look: &Look, service: &str) -> Value {
    json!({
        "service": service,
        "state": look.state,
        // Text: it is only ever compared.
        "boot": look.boot.to_string(),
        "generation": look.generation,
        "reason": look.reason.as_deref(),
        "failure": look.failure.as_deref().map(failure),
    })
}

fn failure(failure: &Failure) -> Value {
    let output: Vec<String> = failure
        .output
        .iter()
        .map(|line| ansi::plain(line))
        .collect();
    json!({
        "id": page::id(failure),
        "generation": failure.generation,
        "title": failure.title,
        "message": failure.message,
        "output": output,
    })
}

/// The state now and after each change, until the client goes or the front
/// ends.
fn events(gate: &Gate, config: &Config) -> Body {
    let (sender, receiver) = mpsc::channel(4);
    let gate = gate.clone();
    let service = config.service.clone();
    tokio::spawn(async move {
        let mut changes = gate.changes();
        let mut last = None;
        loop {
            changes.mark_unchanged();
            let look = gate.look();
            if look.state == "shut" {
                return;
            }
            if last.as_ref() != Some(&look) {
                let event = format!("data: {}\n\n", state(&look, &service));
                if sender.send(Bytes::from(event)).await.is_err() {
                    return;
                }
                last = Some(look);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
                () = tokio::time::sleep(BEAT) => {
                    if sender.send(Bytes::from_static(b": still here\n\n")).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    Body::Events(receiver)
}

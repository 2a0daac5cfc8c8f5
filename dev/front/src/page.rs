//! What the front says when the process cannot: an error page for a browser's
//! page load, JSON or text for everything else.
//!
//! Everything in it that is not from this file is escaped; a strict
//! Content-Security-Policy stands behind that.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::ansi;
use crate::body::Body;
use crate::gate::{Failure, Look};
use crate::headers::stamp;
use crate::inject;
use crate::visit::{Form, Visit};

const STYLE: &str = include_str!("page.css");

/// The front's own answer in place of the process's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The words; their generation is the one that failed, or 0.
    pub(crate) failure: Failure,
    /// Whether the page waits for the gate to open, and not only for a newer
    /// generation.
    pub(crate) waits: bool,
}

impl Refusal {
    /// The supervisor's word.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            failure,
            waits: true,
        }
    }

    /// Held for the whole limit. The reason's first line is why; more lines
    /// are what the process said last.
    pub(crate) fn expired(service: &str, limit: Duration, reason: &str) -> Self {
        let title = format!("{service} is not ready");
        let (why, said) = reason.split_once('\n').unwrap_or((reason, ""));
        let mut failure = words(title, format!("held for {limit:?}: {why}"));
        failure.output = said.lines().map(str::to_owned).collect();
        Self::failed(failure)
    }

    /// The front is ending.
    pub(crate) fn shut(service: &str) -> Self {
        let title = format!("{service} is being stopped");
        Self::failed(words(title, "its port is about to close".to_owned()))
    }

    /// Sent, and no answer came. `once` is the method of a request that must
    /// not be sent again.
    pub(crate) fn lost(service: &str, how: &str, once: Option<&Method>) -> Self {
        let message = match once {
            Some(method) => {
                format!("{how}; the {method} was not sent again because it may have had its effect")
            }
            None => how.to_owned(),
        };
        Self {
            status: StatusCode::BAD_GATEWAY,
            failure: words(format!("{service} did not answer"), message),
            waits: false,
        }
    }

    /// Somebody took the service for a proxy.
    pub(crate) fn connect(service: &str) -> Self {
        let message = format!("{service} is a service, not a proxy");
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            failure: words("CONNECT is not served".to_owned(), message),
            waits: false,
        }
    }
}

fn words(title: String, message: String) -> Failure {
    Failure {
        generation: 0,
        title,
        message,
        output: Vec::new(),
    }
}

/// Identifies a failure to the page that shows it.
pub(crate) fn id(failure: &Failure) -> String {
    let mut hasher = DefaultHasher::new();
    failure.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Answers in the form that the client reads.
pub(crate) fn answer(refusal: &Refusal, visit: Visit, live: bool, look: &Look) -> Response<Body> {
    let (kind, text) = match visit.form() {
        Form::Html => ("text/html; charset=utf-8", html(refusal, visit, live, look)),
        Form::Json => ("application/json", json(refusal)),
        Form::Text => ("text/plain; charset=utf-8", text(refusal)),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if visit.form() == Form::Html {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'";
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    // What failed, where the words are about it; else what served last.
    let about = match refusal.failure.generation {
        0 => look.generation,
        generation => generation,
    };
    stamp(headers, about);
    response
}

fn text(refusal: &Refusal) -> String {
    let Failure {
        title,
        message,
        output,
        ..
    } = &refusal.failure;
    let mut text = format!("{title}\n{message}\n");
    for line in output {
        text += &ansi::plain(line);
        text.push('\n');
    }
    text
}

fn json(refusal: &Refusal) -> String {
    let Failure {
        generation,
        title,
        message,
        output,
    } = &refusal.failure;
    let output: Vec<String> = output.iter().map(|line| ansi::plain(line)).collect();
    let mut value = json!({ "error": title, "message": message, "output": output });
    if *generation != 0 {
        value["generation"] = json!(generation);
    }
    format!("{value}\n")
}

/// What stands in backticks, which people type, set as code. The text is
/// escaped already.
fn code(escaped: &str) -> String {
    let mut html = String::new();
    let mut rest = escaped;
    while let Some((before, (inside, after))) = rest
        .split_once('`')
        .and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
    {
        html += &format!("{before}<code>{inside}</code>");
        rest = after;
    }
    html + rest
}

fn html(refusal: &Refusal, visit: Visit, live: bool, look: &Look) -> String {
    let Failure {
        generation,
        title,
        message,
        output,
    } = &refusal.failure;
    let title = ansi::escape(title);
    let message = code(&ansi::escape(message));
    let waits = refusal.waits && visit.reloadable;
    let mut head = String::new();
    let mut foot = String::new();
    if waits && live {
        head += r#"<noscript><meta http-equiv="refresh" content="2"></noscript>"#;
        let state = format!(r#" data-failure="{}""#, id(&refusal.failure));
        foot +=
            &inject::tag(look.boot, look.generation).replace(" defer", &format!("{state} defer"));
    } else if waits {
        head += r#"<meta http-equiv="refresh" content="2">"#;
    } else if live && visit.reloadable {
        foot += &inject::tag(look.boot, look.generation);
    }
    let said = if output.is_empty() {
        String::new()
    } else {
        format!("<pre>{}</pre>", ansi::html(output))
    };
    let which = match generation {
        0 => String::new(),
        generation => format!("Save {generation}. "),
    };
    let next = match (visit.reloadable, waits) {
        (true, true) => "This page loads again by itself as soon as the service answers.",
        (true, false) if live => "This page loads again by itself after the next good save.",
        (true, false) => "Load the page again after the next good save.",
        (false, _) => "What was sent here did not arrive; send it again when the service answers.",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"dark light\">\n{head}\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p class=\"message\">{message}</p>\n{said}\n\
         <p class=\"note\">{which}{next}</p>\n</main>\n{foot}\n</body>\n</html>\n"
    )
}

//! An image on its way from an engine to a registry. Start with [`push`].

use std::collections::BTreeMap;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::http::{self, Endpoint, Failure, Lines};

/// What an engine wants as `X-Registry-Auth` where nobody logs in: `{}` in
/// base64 (see the Engine API, Authentication).
const NOBODY: &str = "e30=";

/// How far a push is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushProgress {
    /// Layers that the registry has.
    pub done: usize,
    /// All layers of the image that the engine has spoken of.
    pub layers: usize,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that are to be sent, as far as the engine knows.
    pub total: u64,
    /// Layers that the registry did not take, which the engine sends again
    /// after a while.
    pub waiting: usize,
}

/// Why an image was not pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The engine does not answer, or refuses.
    #[error("{0}")]
    Engine(String),
    /// The registry does not answer, or refuses; the engine's words of it.
    #[error("the registry did not take it: {0}")]
    Registry(String),
    /// The registry wants to know who pushes, or does not let them; the engine's
    /// words of it.
    #[error("the registry wants a login that may push: {0}")]
    Login(String),
    /// The engine ended without saying what the registry has.
    #[error("the engine ended without saying what the registry has now")]
    Silent,
}

/// Pushes an image that the engine has under this name, which begins with the
/// registry's: `127.0.0.1:5000/shop/web`. `auth` is the value of
/// `X-Registry-Auth`, a secret. Layers that the registry has are not sent again, so a push that was interrupted
/// goes on where it was. The result is the digest of the manifest: `sha256:…`.
///
/// # Errors
/// The engine's words, or the registry's.
pub async fn push(
    endpoint: &Endpoint,
    name: &str,
    tag: &str,
    auth: Option<&str>,
    mut progress: impl FnMut(PushProgress),
) -> Result<String, PushError> {
    let query = http::query([("tag", tag.to_owned())]);
    let mut request = http::request(
        "POST",
        &format!("/images/{name}/push?{query}"),
        Empty::<Bytes>::new(),
    );
    let auth = HeaderValue::from_str(auth.unwrap_or(NOBODY));
    let mut auth = auth.map_err(|_| PushError::Engine("the credentials are none".to_owned()))?;
    auth.set_sensitive(true);
    let header = HeaderName::from_static("x-registry-auth");
    request.headers_mut().insert(header, auth);
    let engine = |failure: Failure| PushError::Engine(failure.to_string());
    // It answers once it has looked at the registry.
    let answer = http::send(endpoint, request, None).await.map_err(engine)?;
    let mut lines = Lines::of(answer);
    let mut heard = Heard::default();
    while let Some(line) = lines.next().await.map_err(engine)? {
        let Ok(said) = serde_json::from_slice::<Said>(&line) else {
            continue;
        };
        if let Some(error) = said.error {
            return Err(refusal(error.trim()));
        }
        heard.hear(said);
        progress(heard.progress());
    }
    heard.digest.ok_or(PushError::Silent)
}

/// What an engine says when a registry wants a login: nothing but words tells
/// that from other refusals.
const LOGIN: [&str; 4] = [
    "no basic auth credentials",
    "unauthorized",
    "authentication required",
    "requested access to the resource is denied",
];

fn refusal(words: &str) -> PushError {
    match LOGIN.iter().any(|it| words.contains(it)) {
        true => PushError::Login(words.to_owned()),
        false => PushError::Registry(words.to_owned()),
    }
}

/// One line of an engine about a push (see the Engine API, ImagePush).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    id: Option<String>,
    status: Option<String>,
    #[serde(rename = "progressDetail")]
    detail: Option<Detail>,
    error: Option<String>,
    aux: Option<Aux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    current: u64,
    total: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Aux {
    #[serde(rename = "Digest")]
    digest: Option<String>,
}

/// What an engine said of one push so far.
#[derive(Debug, Default)]
struct Heard {
    layers: BTreeMap<String, Layer>,
    digest: Option<String>,
}

#[derive(Debug, Default)]
struct Layer {
    done: bool,
    waiting: bool,
    sent: u64,
    total: u64,
}

impl Heard {
    fn hear(&mut self, said: Said) {
        if let Some(digest) = said.aux.and_then(|aux| aux.digest) {
            self.digest = Some(digest);
        }
        let (Some(id), Some(status)) = (said.id, said.status) else {
            return;
        };
        let layer = self.layers.entry(id).or_default();
        match status.as_str() {
            "Pushed" | "Layer already exists" => layer.done = true,
            mounted if mounted.starts_with("Mounted from") => layer.done = true,
            _ => {}
        }
        // `Retrying in 5 seconds`, and so on down to 1.
        layer.waiting = status.starts_with("Retrying in ");
        if let Some(detail) = said.detail {
            layer.sent = layer.sent.max(detail.current);
            layer.total = layer.total.max(detail.total).max(detail.current);
        }
    }

    fn progress(&self) -> PushProgress {
        let layers = self.layers.values();
        PushProgress {
            done: layers.clone().filter(|it| it.done).count(),
            layers: layers.len(),
            sent: layers.clone().map(|it| it.sent).sum(),
            total: layers.clone().map(|it| it.total).sum(),
            waiting: layers.filter(|it| it.waiting).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    async fn pushed(answer: fn(&str) -> (u16, String)) -> (String, Vec<PushProgress>) {
        let mut fake = Fake::new(answer);
        let mut seen = Vec::new();
        let name = "127.0.0.1:5000/shop/web";
        let ended = push(&fake.endpoint, name, "0a1b", None, |it| seen.push(it)).await;
        let asked = fake.heard().await.path;
        assert_eq!(asked, "/images/127.0.0.1:5000/shop/web/push?tag=0a1b");
        (ended.unwrap_or_else(|error| error.to_string()), seen)
    }

    #[tokio::test]
    async fn layers_are_counted_by_their_names_and_the_digest_comes_last() {
        let (digest, seen) = pushed(|_| {
            let lines = [
                r#"{"status":"The push refers to repository [127.0.0.1:5000/shop/web]"}"#,
                r#"{"status":"Preparing","progressDetail":{},"id":"aa"}"#,
                r#"{"status":"Preparing","progressDetail":{},"id":"bb"}"#,
                r#"{"status":"Layer already exists","progressDetail":{},"id":"aa"}"#,
                r#"{"status":"Pushing","progressDetail":{"current":70,"total":100},"id":"bb"}"#,
                r#"{"status":"Pushed","progressDetail":{},"id":"bb"}"#,
                r#"{"status":"0a1b: digest: sha256:77 size: 528"}"#,
                r#"{"progressDetail":{},"aux":{"Tag":"0a1b","Digest":"sha256:77","Size":528}}"#,
            ];
            (200, lines.join("\n"))
        })
        .await;
        assert_eq!(digest, "sha256:77");
        let (done, layers, sent, total, waiting) = (2, 2, 70, 100, 0);
        let last = PushProgress {
            done,
            layers,
            sent,
            total,
            waiting,
        };
        assert_eq!(seen.last(), Some(&last));
    }

    #[tokio::test]
    async fn a_layer_that_was_not_taken_waits_until_it_is_sent_again() {
        let (_, seen) = pushed(|_| {
            let lines = [
                r#"{"status":"Pushing","progressDetail":{"current":70,"total":100},"id":"bb"}"#,
                r#"{"status":"Retrying in 5 seconds","progressDetail":{},"id":"bb"}"#,
                r#"{"status":"Pushing","progressDetail":{"current":10,"total":100},"id":"bb"}"#,
            ];
            (200, lines.join("\n"))
        })
        .await;
        let waiting: Vec<usize> = seen.iter().map(|it| it.waiting).collect();
        assert_eq!(waiting, [0, 1, 0]);
    }

    #[tokio::test]
    async fn what_registry_and_engine_say_is_told_apart() {
        let (refused, _) = pushed(|_| {
            let line = r#"{"errorDetail":{"message":"no space"},"error":"no space"}"#;
            (200, line.to_owned())
        })
        .await;
        assert_eq!(refused, "the registry did not take it: no space");
        for words in [
            "no basic auth credentials",
            "unauthorized: authentication required",
            "denied: requested access to the resource is denied",
        ] {
            let login = refusal(words).to_string();
            let told = format!("the registry wants a login that may push: {words}");
            assert_eq!(login, told);
        }
        let (unknown, _) = pushed(|_| (404, r#"{"message":"no such image"}"#.to_owned())).await;
        assert_eq!(unknown, "no such image");
        let (silent, _) = pushed(|_| (200, String::new())).await;
        assert_eq!(silent, PushError::Silent.to_string());
    }
}

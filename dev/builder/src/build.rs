//! One build: the request, the context that is streamed with it, what the
//! engine tells, the image's id or why there is none.
//!
//! BuildKit takes a context as the request's body and needs no session then.
//! Dropping the future closes the connection and asks the engine to cancel.

use std::hash::{BuildHasher as _, Hasher as _};
use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::archive;
use crate::context::Context;
use crate::dockerfile::Dockerfile;
use crate::engine::{Builder, Engine, QUICK};
use crate::error::{BuildError, Kind};
use crate::explain::{Explain, connection};
use crate::http::{self, Endpoint, Lines, Pieces};
use crate::narration::Narration;
use crate::recipe::Recipe;
use crate::words::exit_code;

/// One line of progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The step that wrote it, as the builder names it; `None` when the line
    /// is about the build itself, like the name of a step that begins.
    pub step: Option<String>,
    /// The line without its end.
    pub text: String,
}

/// Builds `recipe`, tags the image `tag` and returns its id, `sha256:…`.
///
/// # Errors
/// See [`BuildError`]. Nothing is sent when the Dockerfile is wrong already.
pub async fn build(
    endpoint: &Endpoint,
    recipe: &Recipe,
    tag: &str,
    progress: impl FnMut(Output) + Send,
) -> Result<String, BuildError> {
    build_with(endpoint, recipe, tag, None, progress).await
}

/// [`build`] with a builder of choice; `None` is the engine's own choice.
///
/// # Errors
/// As [`build`].
#[doc(hidden)]
pub async fn build_with(
    endpoint: &Endpoint,
    recipe: &Recipe,
    tag: &str,
    builder: Option<Builder>,
    mut progress: impl FnMut(Output) + Send,
) -> Result<String, BuildError> {
    match once(endpoint, recipe, tag, builder, &mut progress).await {
        Err(ended) if ended.untold => {
            let again = once(endpoint, recipe, tag, builder, &mut progress).await;
            again.map_err(|ended| ended.error)
        }
        built => built.map_err(|ended| ended.error),
    }
}

/// A build that failed.
struct Ended {
    error: BuildError,
    /// Whether a command failed and the engine did not tell what it had said:
    /// under load its narration can be cut short by its answer.
    untold: bool,
}

impl From<BuildError> for Ended {
    fn from(error: BuildError) -> Self {
        Self {
            error,
            untold: false,
        }
    }
}

async fn once(
    endpoint: &Endpoint,
    recipe: &Recipe,
    tag: &str,
    builder: Option<Builder>,
    progress: &mut (impl FnMut(Output) + Send),
) -> Result<String, Ended> {
    let dockerfile = blocking(recipe, dockerfile).await?;
    let engine = Engine::at(endpoint)
        .await
        .map_err(|failure| connection(recipe, &failure))?;
    let builder = builder.unwrap_or(engine.builder);
    engine.can_build(&dockerfile, builder)?;
    let read = dockerfile.clone();
    let context = blocking(recipe, move |recipe| context(recipe, &read, builder)).await?;

    let mut cancel = Cancel {
        endpoint,
        id: fresh_id(),
        armed: true,
    };
    let explain = Explain {
        recipe,
        dockerfile: &dockerfile,
    };
    let path = format!(
        "/build?{}",
        parameters(recipe, &dockerfile, &context, tag, builder, &cancel.id)
    );
    let (pieces, body) = mpsc::channel(archive::WAITING);
    let packing = tokio::task::spawn_blocking(move || archive::write(&context, pieces));
    let mut request = http::request("POST", &path, Pieces(body));
    request.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/x-tar"),
    );
    let answer = match http::send(endpoint, request, None).await {
        Ok(answer) => answer,
        Err(failure) => {
            cancel.armed = false;
            let error = packed(recipe, packing).await;
            return Err(error.unwrap_or_else(|| explain.refused(&failure)).into());
        }
    };
    let mut narration = Narration::default();
    let mut lines = Lines::of(answer);
    let broken = loop {
        match lines.next().await {
            Ok(Some(line)) => narration.take(&line, progress),
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    cancel.armed = false;
    drop(lines);
    if narration.error.is_none()
        && broken.is_none()
        && let Some(image) = narration.image
    {
        return Ok(image);
    }
    // What could not be sent explains what the engine then said.
    if let Some(error) = packed(recipe, packing).await {
        return Err(error.into());
    }
    let ran = |words: &String| exit_code(words).is_some();
    let untold = narration.error.as_ref().is_some_and(ran) && narration.failed().is_none();
    let error = match (&narration.error, broken) {
        (None, Some(failure)) => explain.refused(&failure),
        (None, None) => explain.failed(&narration, "the engine built no image and gave no reason"),
        (Some(error), _) => explain.failed(&narration, error),
    };
    Err(Ended { error, untold })
}

fn dockerfile(recipe: &Recipe) -> Result<Dockerfile, BuildError> {
    let dockerfile = Dockerfile::read(&recipe.dockerfile)?;
    dockerfile.target(recipe.target.as_deref())?;
    Ok(dockerfile)
}

fn context(
    recipe: &Recipe,
    dockerfile: &Dockerfile,
    builder: Builder,
) -> Result<Context, BuildError> {
    let args = recipe.arguments();
    let stages = match builder {
        Builder::BuildKit => dockerfile.needed(recipe.target.as_deref(), &args)?,
        // It builds all that stands before the target, too.
        Builder::Classic => (0..=dockerfile.target(recipe.target.as_deref())?).collect(),
    };
    Context::of(recipe, dockerfile.takes(&stages, &args))
}

/// Reads on a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(
    recipe: &Recipe,
    read: impl FnOnce(&Recipe) -> Result<T, BuildError> + Send + 'static,
) -> Result<T, BuildError> {
    let path = recipe.dockerfile.clone();
    let recipe = recipe.clone();
    let reading = tokio::task::spawn_blocking(move || read(&recipe));
    reading.await.unwrap_or_else(|stopped| {
        let message = format!("reading the context stopped: {stopped}");
        Err(BuildError::new(Kind::Operation, path, message))
    })
}

/// Why the context could not be sent, if that was the reason.
async fn packed(recipe: &Recipe, packing: JoinHandle<io::Result<()>>) -> Option<BuildError> {
    let error = packing.await.ok()?.err()?;
    // The engine stopped reading: it has its reasons and says them.
    if error.kind() == io::ErrorKind::BrokenPipe {
        return None;
    }
    let message = format!("the build context cannot be sent: {error}");
    Some(BuildError::new(Kind::Recipe, &recipe.dockerfile, message))
}

/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild>
fn parameters(
    recipe: &Recipe,
    dockerfile: &Dockerfile,
    context: &Context,
    tag: &str,
    builder: Builder,
    id: &str,
) -> String {
    let mut args = recipe.arguments();
    if !recipe.args.contains_key("BASE") && !dockerfile.declares("BASE") {
        args.remove("BASE");
    }
    let json = |map| serde_json::to_string(map).unwrap_or_default();
    let version = match builder {
        Builder::BuildKit => "2",
        Builder::Classic => "1",
    };
    let mut pairs = vec![
        ("version", version.to_owned()),
        ("t", tag.to_owned()),
        (
            "dockerfile",
            context.dockerfile.to_string_lossy().into_owned(),
        ),
        ("buildargs", json(&args)),
        ("labels", json(&recipe.labels)),
        ("buildid", id.to_owned()),
        // The classic builder keeps the containers of its steps otherwise.
        ("rm", "1".to_owned()),
        ("forcerm", "1".to_owned()),
    ];
    pairs.extend(recipe.target.clone().map(|target| ("target", target)));
    http::query(pairs)
}

fn fresh_id() -> String {
    let random = || std::hash::RandomState::new().build_hasher().finish();
    format!("hob-{:016x}{:016x}", random(), random())
}

/// Ends the build in the engine unless it ended by itself. The closed
/// connection does so too, but only once the engine notices.
struct Cancel<'a> {
    endpoint: &'a Endpoint,
    id: String,
    armed: bool,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if !self.armed {
            return;
        }
        let endpoint = self.endpoint.clone();
        let path = format!("/build/cancel?{}", http::query([("id", self.id.clone())]));
        runtime.spawn(async move {
            let request = http::request("POST", &path, http_body_util::Empty::new());
            let _ = http::send(&endpoint, request, Some(QUICK)).await;
        });
    }
}
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make contexts")]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::fake::Fake;

    fn recipe(root: &Path) -> Recipe {
        std::fs::write(
            root.join("Dockerfile"),
            "ARG BASE\nFROM $BASE AS dev\nCOPY . /x\nRUN x\n",
        )
        .expect("written");
        Recipe {
            dockerfile: root.join("Dockerfile"),
            context: root.to_owned(),
            target: Some("dev".into()),
            args: BTreeMap::new(),
            base: "me/base:1".into(),
            labels: BTreeMap::from([("a".to_owned(), "b&c".to_owned())]),
        }
    }

    fn answer(path: &str) -> (u16, String) {
        match path {
            "/_ping" => (200, "OK".into()),
            _ => (200, r#"{"aux":{"ID":"sha256:1"}}"#.into()),
        }
    }

    #[tokio::test]
    async fn a_request_says_all_that_the_recipe_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = Fake::new(answer);
        let built = build(&engine.endpoint, &recipe(folder.path()), "me/it:1", |_| ()).await;
        assert_eq!(built.expect("built"), "sha256:1");
        engine.heard().await;
        let path = engine.heard().await.path;
        for part in [
            "version=1&",
            "&t=me%2Fit%3A1&",
            "&dockerfile=Dockerfile&",
            "&buildargs=%7B%22BASE%22%3A%22me%2Fbase%3A1%22%7D&",
            "&labels=%7B%22a%22%3A%22b%26c%22%7D&",
            "&target=dev",
        ] {
            assert!(path.contains(part), "{part} in {path}");
        }
    }

    #[tokio::test]
    async fn an_engine_that_refuses_while_the_context_is_sent_is_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let recipe = recipe(folder.path());
        let big = std::fs::File::create(folder.path().join("big")).expect("made");
        big.set_len(64 << 20).expect("sized");
        let engine = Fake::new(|path| match path {
            "/_ping" => (200, "OK".into()),
            _ => (
                500,
                r#"{"message":"write /var/lib/x: no space left on device"}"#.into(),
            ),
        });
        let error = build(&engine.endpoint, &recipe, "t", |_| ())
            .await
            .expect_err("refused");
        assert_eq!(error.message, "the disk of the engine is full");
        assert_eq!(error.kind, Kind::Operation);
    }

    #[tokio::test]
    async fn an_answer_without_an_image_is_a_failure() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Fake::new(|_| (200, String::new()));
        let built = build(&engine.endpoint, &recipe(folder.path()), "t", |_| ()).await;
        assert_eq!(
            built.expect_err("refused").message,
            "the engine built no image and gave no reason"
        );
    }

    #[tokio::test]
    async fn an_engine_that_does_not_answer_is_a_prerequisite() {
        let folder = tempfile::tempdir().expect("a folder");
        let endpoint = Endpoint::Unix("/no/engine.sock".into());
        let error = build(&endpoint, &recipe(folder.path()), "t", |_| ())
            .await
            .expect_err("refused");
        assert_eq!(
            error.message,
            "no engine answers at /no/engine.sock: No such file or directory (os error 2)"
        );
        assert_eq!(error.kind, Kind::Prerequisite);
    }

    #[tokio::test]
    async fn a_wrong_dockerfile_asks_no_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut recipe = recipe(folder.path());
        recipe.target = Some("def".into());
        let error = build(
            &Endpoint::Unix("/no/engine.sock".into()),
            &recipe,
            "t",
            |_| (),
        )
        .await
        .expect_err("refused");
        assert!(error.message.ends_with("did you mean `dev`?"), "{error}");
    }
}

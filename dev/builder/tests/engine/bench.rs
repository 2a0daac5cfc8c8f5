//! A context and an image for one test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hob_builder::{BuildError, Builder, Endpoint, Output, Recipe, base, build_with};
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) const BASE: &str = "debian:trixie-slim";

/// Longer than any of these builds takes on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A context, and an image that goes when this does.
pub(crate) struct Bench {
    pub(crate) endpoint: Endpoint,
    pub(crate) folder: TempDir,
    pub(crate) tag: String,
    /// What was built: an image outlives the move of its tag.
    made: Mutex<BTreeSet<String>>,
}

impl Bench {
    pub(crate) async fn new(dockerfile: &str, files: &[(&str, &str)]) -> Self {
        static READY: OnceCell<()> = OnceCell::const_new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let endpoint = endpoint();
        let ready = || async {
            if let Err(error) = base::ensure(&endpoint, BASE, &[], |_| ()).await {
                panic!(
                    "these tests need a Docker engine with {BASE}: {error} {:?}",
                    error.hints
                );
            }
        };
        READY.get_or_init(ready).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let bench = Self {
            endpoint,
            folder: tempfile::tempdir().expect("a folder"),
            made: Mutex::default(),
            tag: format!("hob-builder-test:{}-{number}", std::process::id()),
        };
        bench.write("Dockerfile", dockerfile);
        for (path, text) in files {
            bench.write(path, text);
        }
        bench
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn recipe(&self) -> Recipe {
        Recipe {
            dockerfile: self.root().join("Dockerfile"),
            context: self.root().to_owned(),
            target: None,
            // Nothing is taken from the cache of an earlier run.
            args: BTreeMap::from([("RUN_ID".to_owned(), self.unique())]),
            base: BASE.to_owned(),
            labels: BTreeMap::new(),
        }
    }

    /// A word that no other run of these tests has.
    pub(crate) fn unique(&self) -> String {
        let folder = self
            .root()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        folder.trim_start_matches('.').to_owned()
    }

    pub(crate) async fn build(&self, recipe: &Recipe) -> (Result<String, BuildError>, Vec<Output>) {
        self.build_on(recipe, None).await
    }

    pub(crate) async fn build_on(
        &self,
        recipe: &Recipe,
        builder: Option<Builder>,
    ) -> (Result<String, BuildError>, Vec<Output>) {
        let mut told = Vec::new();
        let building = build_with(&self.endpoint, recipe, &self.tag, builder, |line| {
            told.push(line)
        });
        let built = tokio::time::timeout(LIMIT, building)
            .await
            .expect("a build that ends");
        if let Ok(image) = &built {
            self.remove_later(image);
        }
        (built, told)
    }

    pub(crate) fn remove_later(&self, image: &str) {
        self.made.lock().expect("no panic").insert(image.to_owned());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let made = self.made.get_mut().expect("no panic");
        for image in std::iter::once(&self.tag).chain(&*made) {
            let path = format!("/images/{image}?force=1");
            if let Err(error) = call(&self.endpoint, "DELETE", &path) {
                eprintln!("{image} is left over: {error}");
            }
        }
    }
}

pub(crate) fn endpoint() -> Endpoint {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    match host.split_once("://") {
        Some(("tcp", address)) => Endpoint::Tcp(address.into()),
        Some(("unix", path)) => Endpoint::Unix(path.into()),
        Some(_) => panic!("DOCKER_HOST={host} is neither unix:// nor tcp://"),
        None => Endpoint::Unix("/var/run/docker.sock".into()),
    }
}

/// One request, by hand: what is tested must not clean up after itself.
pub(crate) fn call(endpoint: &Endpoint, method: &str, path: &str) -> std::io::Result<String> {
    let request = format!("{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
    let mut answer = String::new();
    match endpoint {
        Endpoint::Unix(path) => {
            let mut stream = std::os::unix::net::UnixStream::connect(path)?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)?;
        }
        Endpoint::Tcp(address) => {
            let mut stream = std::net::TcpStream::connect(address.as_str())?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)?;
        }
    }
    Ok(answer)
}

/// What steps wrote, without their names.
pub(crate) fn lines(told: &[Output]) -> Vec<&str> {
    told.iter()
        .filter(|line| line.step.is_some())
        .map(|line| line.text.as_str())
        .collect()
}

/// The beginnings of steps.
pub(crate) fn steps(told: &[Output]) -> Vec<&str> {
    told.iter()
        .filter(|line| line.step.is_none())
        .map(|line| line.text.as_str())
        .collect()
}

pub(crate) const LIST: &str = "\
ARG BASE
FROM ${BASE}
ARG RUN_ID
COPY . /ctx
RUN echo $RUN_ID >/dev/null; cd /ctx; find . ! -type d -printf 'LIST %P %m %l\\n' | sort
";

pub(crate) fn listed(lines: &[&str]) -> Vec<String> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("LIST "))
        .map(|line| line.trim().to_owned())
        .collect()
}

//! [`World`]: a project of one test, with its own state and sockets.

mod checkout;
mod files;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub use self::checkout::Checkout;
use crate::containers::{Client, Container};
use crate::engine::{Engine, project_id};
use crate::ports::Port;
use crate::processes::Marked;
use crate::programs::hob_program;
use crate::run::{Run, finish};
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wait::until;
use crate::words::Words;

/// A temporary project and everything around it. Dropping it takes down what
/// was started in it, and fails when anything is left.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    root: PathBuf,
    engine: Engine,
    client: Client,
    environment: BTreeMap<String, String>,
    ports: Vec<Port>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty project in a folder with a short name: a socket's path has
    /// at most 108 bytes.
    ///
    /// # Panics
    /// `/tmp` cannot be written, or there is no `hob` to test.
    #[must_use]
    pub fn new() -> Self {
        let world = Self::bare();
        if let Some(text) = world.engine.project_file() {
            world.write("hob.toml", &text);
        }
        world
    }

    /// The same without what the tests' own services need in containers.
    pub(crate) fn bare() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("h")
            .rand_bytes(5)
            .tempdir_in("/tmp")
            .unwrap();
        let world = Self::inside(folder, "p");
        fs::create_dir_all(world.root.join("stacks")).unwrap();
        world
    }

    /// The project of this name in a folder.
    fn inside(folder: TempDir, name: &str) -> Self {
        let base = folder.path().canonicalize().unwrap();
        for part in ["s", "r", "h"] {
            fs::create_dir_all(base.join(part)).unwrap();
        }
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
        let engine = Engine::of_this_run();
        let mut environment = BTreeMap::from([
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), text(base.join("h"))),
            ("XDG_STATE_HOME".to_owned(), text(base.join("s"))),
            ("XDG_RUNTIME_DIR".to_owned(), text(base.join("r"))),
            ("XDG_DATA_HOME".to_owned(), text(base.join("d"))),
            ("HOB_ENGINE".to_owned(), engine.name().to_owned()),
        ]);
        if let (Engine::Docker, Ok(host)) = (engine, std::env::var("DOCKER_HOST")) {
            environment.insert("DOCKER_HOST".to_owned(), host);
        }
        Self {
            root: base.join(name),
            folder,
            engine,
            client: Client::new(),
            environment,
            ports: Vec::new(),
        }
    }

    /// A project with one stack of this name.
    #[must_use]
    pub fn with_stack(name: &str, text: &str) -> Self {
        let world = Self::new();
        world.stack(name, text);
        world
    }

    /// Sets a variable of every `hob` to come.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable from every `hob` to come.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Where its services run.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Takes another Docker engine for every `hob` to come.
    pub fn move_to(&mut self, client: Client) {
        self.set("DOCKER_HOST", &client.host());
        self.client = client;
    }

    /// The Docker engine that it uses, where it uses one.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The id of its project, as the engine's labels have it.
    #[must_use]
    pub fn project(&self) -> String {
        project_id(&self.root)
    }

    /// The container of a service, `stack/service`.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn container(&self, service: &str) -> Container {
        self.client.container(&self.project(), service)
    }

    /// The container of one of those services that surround all projects.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn platform_container(&self, service: &str) -> Container {
        let project = self.platform_project();
        self.client.container(&project, &format!("hob/{service}"))
    }

    /// The process that answers for one of them.
    #[must_use]
    pub fn platform_serving(&self, service: &str) -> Option<u32> {
        let platform = self.platform();
        let project = platform.to_str()?;
        let run = self.hob(["--project", project, "status", "--json", service]);
        let status: serde_json::Value = serde_json::from_str(run.out.lines().next()?).ok()?;
        let pid = status["status"]["serving"]["pid"].as_u64()?;
        let (pid, name) = (u32::try_from(pid).ok()?, format!("hob/{service}"));
        self.engine.process(&self.client, &platform, &name, pid)
    }

    /// The id of the project that they are of.
    #[must_use]
    pub fn platform_project(&self) -> String {
        project_id(&self.platform())
    }

    /// Keeps the caller's home folder: for tools that keep a cache there.
    pub fn keep_home(&mut self) {
        if let Ok(home) = std::env::var("HOME") {
            self.set("HOME", &home);
        }
    }

    /// The project's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder around the project, for what is not part of it.
    #[must_use]
    pub fn outside(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// The project of what surrounds the services, which is there once one of it
    /// was asked for.
    #[must_use]
    pub fn platform(&self) -> PathBuf {
        self.outside().join("d/hob/platform")
    }

    /// Says where on loopback ingress and resolver are to be, once somebody
    /// brings them up.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn platform_on(&self, http: u16, dns: u16) {
        let folder = self.platform();
        fs::create_dir_all(&folder).unwrap();
        let text = format!("{{\"http_port\": {http}, \"dns_port\": {dns}}}");
        fs::write(folder.join("settings.json"), text).unwrap();
    }

    /// The folder that stands for `~/.local/state`.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.outside().join("s")
    }

    /// The folder that stands for `/run/user/…`.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.outside().join("r")
    }

    /// A port that only this test uses.
    pub fn port(&mut self) -> u16 {
        let port = Port::reserve();
        let number = port.number();
        self.ports.push(port);
        number
    }

    /// `hob` with these arguments, in the project's folder.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        self.command_in(&self.root, args)
    }

    /// `hob` with these arguments, in another folder.
    pub fn command_in<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(hob_program());
        command
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(&self.environment);
        command
    }

    /// Runs `hob` to its end.
    ///
    /// # Panics
    /// It did not end within the limit.
    #[track_caller]
    pub fn hob<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        finish(self.command(args))
    }

    /// Starts `hob dev` with these arguments.
    #[must_use]
    pub fn dev(&self, args: &[&str]) -> Session {
        self.background(["dev"].iter().chain(args))
    }

    /// Starts `hob dev --json` with these arguments and waits until
    /// everything is ready.
    #[track_caller]
    #[must_use]
    pub fn dev_ready(&self, args: &[&str]) -> Session {
        let session = self.dev(&[&["--json"], args].concat());
        session.word(0, "ready");
        session
    }

    /// Starts `hob` in the background.
    pub fn background<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Session {
        Session::start(self.command(args))
    }

    /// Starts `hob` at a terminal.
    pub fn terminal<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Terminal {
        Terminal::start(&self.command(args))
    }

    /// The processes of this project's services and of their agents.
    #[must_use]
    pub fn marked(&self) -> Vec<Marked> {
        self.engine.marked(&self.client, &self.root)
    }

    /// The agent of a service, `stack/service`.
    #[must_use]
    pub fn agent(&self, service: &str) -> Option<u32> {
        self.engine.agent(&self.client, &self.root, service)
    }

    /// What `status --json` says of a service, if it is up.
    #[must_use]
    pub fn status(&self, service: &str) -> Option<serde_json::Value> {
        let run = self.hob(["status", "--json", service]);
        run.out.lines().find_map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).ok()?;
            value
                .get("status")
                .is_some()
                .then(|| value["status"].take())
        })
    }

    /// The process that answers for a service.
    #[must_use]
    pub fn serving(&self, service: &str) -> Option<u32> {
        let status = self.status(service)?;
        let pid = u32::try_from(status["serving"]["pid"].as_u64()?).ok()?;
        let name = status["service"].as_str().unwrap_or(service);
        self.engine.process(&self.client, &self.root, name, pid)
    }

    /// Text for a snapshot: the folders, the ports and all that is different
    /// each time are replaced by names.
    #[must_use]
    pub fn words(&self, text: &str) -> String {
        let mut words = Words::default();
        words.replace(self.root.to_str().unwrap_or_default(), "[ROOT]");
        words.replace(self.outside().to_str().unwrap_or_default(), "[OUTSIDE]");
        let program = self.engine.service_program();
        words.replace(program.to_str().unwrap_or_default(), "[SERVICE]");
        for (at, port) in self.ports.iter().enumerate() {
            words.replace(port.number().to_string(), &format!("[PORT{}]", at + 1));
        }
        words.redact(text)
    }
}

impl World {
    /// Waits until a service answers with this body.
    ///
    /// # Panics
    /// It did not within the limit.
    #[track_caller]
    pub fn answers(port: u16, body: &str) {
        until(&format!("{body:?} on port {port}"), || {
            crate::http::get(port, "/")
                .is_ok_and(|answer| answer.status == 200 && answer.body == body)
        });
    }
}

//! [`Place`]: a project of its own in a temporary folder, with its own state,
//! so that a benchmark never meets the user's services; proved empty at its
//! end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::stop;

/// The stack that every place has.
pub const STACK: &str = "bench";

/// Where a place's services run.
#[derive(Debug, Clone)]
pub enum Engine {
    /// As processes of this machine.
    Host,
    /// As containers of the Docker engine at this place, as `DOCKER_HOST`
    /// has it.
    Docker(String),
}

/// A project with one stack.
pub struct Place {
    folder: Option<TempDir>,
    hob: PathBuf,
    engine: Engine,
}

impl Place {
    /// A project on the host engine whose stack holds these services (the
    /// text below `version` and `name`).
    pub fn new(hob: &Path, services: &str) -> Result<Self> {
        Self::on(hob, Engine::Host, services)
    }

    /// The same on any engine.
    pub fn on(hob: &Path, engine: Engine, services: &str) -> Result<Self> {
        // Short: a socket's path has 107 bytes.
        let folder = TempDir::with_prefix("hob-")?;
        let (program, at, path) = (hob.to_owned(), engine.clone(), folder.path().to_owned());
        stop::register(folder.path(), move || take_down(&program, &at, &path));
        let place = Self {
            folder: Some(folder),
            hob: hob.to_owned(),
            engine,
        };
        fs::create_dir_all(place.stack())?;
        for private in ["state", "run", "data"] {
            let path = place.path().join(private);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        }
        place.write(
            "stack.toml",
            &format!("version = 1\nname = \"{STACK}\"\n\n{services}"),
        )?;
        Ok(place)
    }

    /// The temporary folder.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new("/"), TempDir::path)
    }

    /// The stack's folder.
    pub fn stack(&self) -> PathBuf {
        self.path().join("project/stacks").join(STACK)
    }

    /// Writes a file below the stack's folder.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.stack().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// hob in this project, silent.
    pub fn hob(&self) -> Command {
        let mut command = command(&self.hob, &self.engine, self.path());
        command.arg("--project").arg(self.path().join("project"));
        command
    }

    /// Runs hob and expects that all goes well.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = self.hob();
        let output = stop::output(command.args(args).stderr(Stdio::piped()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`hob {}` {}: {}",
                args.join(" "),
                output.status,
                said.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Takes everything down and proves that nothing is left.
    pub fn end(mut self) -> Result<()> {
        stop::go_on();
        let result = take_down(&self.hob, &self.engine, self.path());
        self.remove();
        result
    }

    fn remove(&mut self) {
        if let Some(folder) = self.folder.take() {
            stop::forget(folder.path());
            // The system clears its temporary folder otherwise.
            let _ = folder.close();
        }
    }
}

impl Drop for Place {
    /// After an error, which is told by whoever had it.
    fn drop(&mut self) {
        if self.folder.is_some() {
            stop::go_on();
            if let Err(error) = take_down(&self.hob, &self.engine, self.path()) {
                eprintln!("error: {error:#}");
            }
            self.remove();
        }
    }
}

/// `hob down --prove` of the project in a place's folder, and of what
/// surrounds its services.
fn take_down(hob: &Path, engine: &Engine, folder: &Path) -> Result<()> {
    let platform = folder.join("data/hob/platform");
    let platform = platform.is_dir().then_some(platform);
    for project in platform.into_iter().chain([folder.join("project")]) {
        let output = command(hob, engine, folder)
            .arg("--project")
            .arg(&project)
            .args(["down", "--volumes", "--prove"])
            // A second Ctrl-C must not reach it.
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| hob.display().to_string())?;
        if !output.status.success() {
            bail!(
                "`hob down --prove` {}: something of {} is left\n{}{}",
                output.status,
                project.display(),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        }
    }
    Ok(())
}

fn command(hob: &Path, engine: &Engine, folder: &Path) -> Command {
    let mut command = Command::new(hob);
    match engine {
        Engine::Host => command.env("HOB_ENGINE", "host"),
        Engine::Docker(host) => command.env("HOB_ENGINE", "docker").env("DOCKER_HOST", host),
    };
    command
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

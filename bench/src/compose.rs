//! [`Compose`]: Docker Compose v2, which the rows of containers are held
//! against where it is there; and [`Stack`], a project of it that goes in
//! every case.
//!
//! It is looked for on `PATH`, as a plugin of the docker CLI, and where
//! `--with-compose` unpacks it: below the user's cache, from Debian's package.
//! Nothing is installed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::dev::LIMIT;
use crate::docker::Docker;
use crate::stop::{self, Group};

/// Says in a row that there is nothing beside it.
pub const MISSING: &str = "docker compose v2: not installed; `cargo xtask bench --with-compose` \
     unpacks Debian's package of it into the cache";
/// The release of Debian whose package is v2.
const RELEASE: &str = "trixie";

/// A Docker Compose of version 2 or newer.
#[derive(Debug, Clone)]
pub struct Compose {
    argv: Vec<PathBuf>,
    /// Its version, as it says it.
    pub version: String,
}

impl Compose {
    /// The one of this machine; none where none is.
    pub fn find() -> Option<Self> {
        let program = |path: PathBuf| Self::asked(vec![path]);
        let own = which::which("docker-compose").ok().and_then(program);
        let plugin = || Self::asked(vec!["docker".into(), "compose".into()]);
        let cached = || program(folder()?.join("docker-compose"));
        own.or_else(plugin).or_else(cached)
    }

    /// The command, if it answers as v2: v1 knows no `watch`.
    fn asked(argv: Vec<PathBuf>) -> Option<Self> {
        let mut compose = Self {
            argv,
            version: String::new(),
        };
        let asked = compose.command().args(["version", "--short"]).output();
        let said = asked.ok().filter(|it| it.status.success())?.stdout;
        compose.version = String::from_utf8_lossy(&said).trim().to_owned();
        knows_watch(&compose.version).then_some(compose)
    }

    /// Unpacks Debian's package below the user's cache, from the mirror that
    /// this machine's own sources name and with the keys that it trusts.
    pub fn fetch() -> Result<()> {
        let folder = folder().context("neither XDG_CACHE_HOME nor HOME is set")?;
        let mirror = mirror()?;
        eprintln!("fetching docker-compose of Debian {RELEASE} from {mirror} …");
        let apt = folder.join("apt");
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(part))?;
        }
        let list = apt.join("sources.list");
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        fs::write(
            &list,
            format!("deb [signed-by={keys}] {mirror} {RELEASE} main\n"),
        )?;
        let options = [
            format!("Dir::Etc::sourcelist={}", list.display()),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            format!("Dir::State::lists={}", apt.join("lists").display()),
            format!("Dir::Cache={}", apt.join("cache").display()),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            // The folder is the user's, whom apt's own user may not look into.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let options = || options.iter().flat_map(|it| ["-o", it.as_str()]);
        let get = |what: &[&str]| -> Result<()> {
            let mut command = Command::new("apt-get");
            command.args(options()).args(what).current_dir(&apt);
            said(&mut command).map(drop)
        };
        get(&["--quiet", "update"])?;
        get(&["--quiet", "download", "docker-compose"])?;
        let entries = fs::read_dir(&apt)?.filter_map(Result::ok);
        let mut packages = entries.map(|it| it.path());
        let package = packages
            .find(|path| path.extension().is_some_and(|it| it == "deb"))
            .context("apt-get left no package")?;
        let unpacked = apt.join("unpacked");
        said(
            Command::new("dpkg-deb")
                .arg("--extract")
                .args([&package, &unpacked]),
        )?;
        let program = unpacked.join("usr/libexec/docker/cli-plugins/docker-compose");
        fs::rename(&program, folder.join("docker-compose"))
            .with_context(|| program.display().to_string())?;
        fs::remove_dir_all(&apt)?;
        Ok(())
    }

    fn command(&self) -> Command {
        let mut words = self.argv.iter();
        let mut command = Command::new(words.next().map_or(Path::new("docker"), PathBuf::as_path));
        command.args(words).stdin(Stdio::null());
        command
    }
}

/// Whether a version is one of v2, like `2.26.1-4` or `v2.40.3`.
fn knows_watch(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major.is_some_and(|it| it.parse::<u32>().is_ok_and(|it| it >= 2))
}

/// Where things of the benchmarks are kept.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty());
    let home = || Some(PathBuf::from(set("HOME")?).join(".cache"));
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    Some(cache.join("hob-bench"))
}

/// The Debian mirror of this machine's own sources.
fn mirror() -> Result<String> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(LABEL) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    ]);
    let listed = said(&mut command)?;
    let mirror = debian(&listed);
    mirror.context("apt's sources name no Debian mirror, or `apt-get update` was never run")
}

/// The first mirror of Debian's own archive in lines of label, component and
/// address. Security updates have a label of their own.
fn debian(listed: &str) -> Option<String> {
    let mut mirrors = listed
        .lines()
        .filter_map(|line| line.strip_prefix("Debian main "));
    mirrors.next().map(str::to_owned)
}

/// What a command says that goes well.
fn said(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output();
    good(command, output)
}

fn good(command: &Command, output: std::io::Result<Output>) -> Result<String> {
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} {}: {}", output.status, error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A project of Docker Compose, taken down when this is dropped.
pub struct Stack {
    project: Project,
    over: bool,
}

#[derive(Debug, Clone)]
struct Project {
    compose: Compose,
    folder: PathBuf,
    host: String,
}

impl Stack {
    /// A project in this folder of a place, whose name it gets, with these
    /// services (their part of `compose.yaml`). Nothing of it is up yet.
    pub fn new(compose: &Compose, docker: &Docker, folder: &Path, services: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        // `hob-` and random letters, of which Compose takes small ones only.
        let place = folder.parent().and_then(Path::file_name);
        let name = place.unwrap_or_default().to_string_lossy().to_lowercase();
        fs::write(
            folder.join("compose.yaml"),
            format!("name: {name}\nservices:\n{services}"),
        )?;
        let project = Project {
            compose: compose.clone(),
            folder: folder.to_owned(),
            host: docker.host(),
        };
        let registered = project.clone();
        stop::register(folder, move || registered.take_down());
        let over = false;
        Ok(Self { project, over })
    }

    /// Runs a command and expects that all goes well.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = self.project.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = stop::output(&mut command);
        good(&command, output)
    }

    /// A command that says nothing.
    pub fn silent(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// `compose watch` of what is up, from the moment that it watches.
    pub fn watch(&self) -> Result<Group> {
        let log = self.project.folder.with_extension("log");
        let mut command = self.project.command(&["watch", "--no-up"]);
        let out = File::create(&log)?;
        command.stderr(out.try_clone()?).stdout(out);
        let mut watch = stop::spawn(&mut command)?;
        let end = Instant::now() + LIMIT;
        loop {
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.contains("Watch enabled") {
                return Ok(watch);
            }
            if watch.0.try_wait()?.is_some() || Instant::now() > end {
                bail!("`compose watch` does not watch: {text}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Takes everything down.
    pub fn end(mut self) -> Result<()> {
        self.close()
    }

    fn close(&mut self) -> Result<()> {
        stop::go_on();
        self.over = true;
        let result = self.project.take_down();
        stop::forget(&self.project.folder);
        result
    }
}

impl Drop for Stack {
    /// After an error, which is told by whoever had it.
    fn drop(&mut self) {
        if !self.over {
            if let Err(error) = self.close() {
                eprintln!("error: {error:#}");
            }
        }
    }
}

impl Project {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.compose.command();
        command
            .args(["--progress", "plain"])
            .args(args)
            .env("DOCKER_HOST", &self.host)
            .current_dir(&self.folder);
        command
    }

    fn take_down(&self) -> Result<()> {
        let down = ["down", "--volumes", "--rmi", "local", "--timeout", "5"];
        // A second Ctrl-C must not reach it.
        said(self.command(&down).process_group(0)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_2_and_newer_is_taken() {
        let taken = ["2.26.1-4", "v2.40.3", "5.0.0", "1.29.2", "", "dev"].map(knows_watch);
        assert_eq!(taken, [true, true, true, false, false, false]);
    }

    #[test]
    fn the_mirror_is_the_one_of_debians_own_archive() {
        let listed = "Debian-Security main http://one.test/security/\n\
                      nodistro main http://two.test/\n\
                      Debian contrib http://three.test/debian/\n\
                      Debian main http://four.test/debian/\n";
        assert_eq!(debian(listed).as_deref(), Some("http://four.test/debian/"));
        assert_eq!(debian("Ubuntu main http://five.test/ubuntu/\n"), None);
    }
}

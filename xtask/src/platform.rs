//! [`Platform`]: what surrounds the services of all projects, as a project of
//! hob's own that the verbs work on like on any other.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs beside a service is started by `hob exec`, as a person would"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hob_engine::Engine;
use hob_platform::{Home, HomeError, INGRESS, Locked, Read, Settings, Shadowed};
use rustix::io::FdFlags;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::cli::{AllArgs, DownArgs, NameArgs, PortArgs, StatusArgs, UpArgs};
use crate::context::{Context, Whose};
use crate::error::{Error, Result};
use crate::verbs::{down, status, up};
use taken::to_begin_without;

mod announcer;
mod beside;
mod datagrams;
mod door;
mod locked;
mod moving;
mod port;
mod taken;
mod twice;

pub use announcer::{Announcer, announce_all};
pub use beside::{Beside, Found};
pub use door::{Door, Urls, addresses};
pub use locked::locked;
pub use moving::Moving;
pub use port::{HTTP, HTTPS};
pub use taken::{Closed, Has, closed, closed_doors, holder};
pub use twice::on_two_engines;

/// The project, its files written.
pub struct Platform {
    pub settings: Settings,
    /// Where it lies.
    pub home: Home,
    /// The caller, as if called in the project.
    pub context: Context,
}

impl Platform {
    /// Writes the project as its settings have it, changed by `change`.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn written(context: &Context, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        let home = home(&context.environment)?;
        let locked = locked(&home).await?;
        let mut settings = home.settings().map_err(home_error)?;
        change(&mut settings);
        home.write(&locked, &settings).map_err(home_error)?;
        Ok(Self::of(context, home, settings))
    }

    fn of(context: &Context, home: Home, settings: Settings) -> Self {
        let mut global = context.global.clone();
        global.project = Some(home.root().to_owned());
        Self {
            settings,
            home,
            context: Context {
                output: context.output,
                global,
                environment: context.environment.clone(),
                whose: Whose::Hobs,
            },
        }
    }

    /// The project as it is there; none while nobody asked for any of it.
    ///
    /// # Errors
    /// Its settings cannot be read.
    pub fn there(context: &Context) -> Result<Option<Self>> {
        let home = home(&context.environment)?;
        if !home.is_there() {
            return Ok(None);
        }
        let settings = home.settings().map_err(home_error)?;
        Ok(Some(Self::of(context, home, settings)))
    }

    /// Has the resolver answer for what is up alone, as nobody sends it anything
    /// any more. Root, who may do that for another user, only notes it: the
    /// user's next change has the resolver read it.
    ///
    /// # Errors
    /// It cannot be written, or the resolver does not read it.
    pub async fn forget_domains(&self) -> Result {
        let engine = self.context.load(&[])?.engine(&self.context)?;
        let locked = locked(&self.home).await?;
        let mut settings = self.home.settings().map_err(home_error)?;
        settings.domains.clear();
        if !self.home.is_of(engine.uid()) {
            return self.home.choose(&locked, &settings).map_err(home_error);
        }
        let changes = self.home.write(&locked, &settings).map_err(home_error)?;
        drop(locked);
        announcer::read_anew(&engine, &self.home, changes).await
    }

    /// The same with a port for the ingress, none of `taken` unless it had that
    /// before.
    ///
    /// # Errors
    /// It cannot be written, or no port is free.
    pub async fn with_port(context: &Context, taken: &BTreeSet<u16>) -> Result<Self> {
        let before = Self::written(context, |_| {}).await?;
        let port = match before.settings.http_port {
            Some(port) => port,
            None => HTTP.free(before.in_containers()?, taken)?,
        };
        Self::written(context, |settings| settings.http_port = Some(port)).await
    }

    /// Whether its services are containers.
    ///
    /// # Errors
    /// The engine that is asked for is none.
    pub fn in_containers(&self) -> Result<bool> {
        let loading = self.context.load(&[])?;
        let engine = loading.engine(&self.context)?;
        Ok(engine.containers().is_some())
    }

    /// Looks for one of its services, on whatever engine it is.
    ///
    /// # Errors
    /// The engine that is asked for is none.
    pub async fn find(&self, service: &'static str) -> Result<Found> {
        let loading = self.context.load(&[])?;
        let engine = loading.engine(&self.context)?;
        Ok(Beside::find(&engine, &self.home, service).await)
    }

    /// The engine that one of its services is up on.
    ///
    /// # Errors
    /// The engine that is asked for is none.
    pub async fn engine_of(&self, service: &'static str) -> Result<Option<&'static str>> {
        Ok(match self.find(service).await? {
            Found::Up(beside) => Some(beside.engine),
            Found::Down | Found::Left(_) | Found::Fails | Found::Unknown => None,
        })
    }

    /// Brings one of its services up, where it can be reached from here and is
    /// not up already on another engine.
    ///
    /// # Errors
    /// As `up`.
    pub async fn up(&self, service: &'static str) -> Result {
        self.up_or_say(service, Some("everything is up already"))
            .await
    }

    /// The same, and what to say where there is nothing to do.
    ///
    /// # Errors
    /// As `up`.
    pub async fn up_or_say(&self, service: &'static str, idle: Option<&str>) -> Result {
        let loading = self.context.load(&[])?;
        let engine = loading.engine(&self.context)?;
        if let Some(docker) = engine.containers().filter(|it| it.is_elsewhere()) {
            let place = docker.endpoint();
            let message = format!(
                "the Docker engine at {place} is another machine, and its loopback is not this one's"
            );
            let host = format!("`hob {service} up --engine host` runs it on this machine");
            return Err(Error::usage(message).hint(host));
        }
        if let Found::Up(there) = Beside::find(&engine, &self.home, service).await
            && there.engine != engine.name()
        {
            let (other, own) = (there.engine, engine.name());
            let message = format!("{service} is up on the {other} engine, and was to be on {own}");
            let down = format!("`hob {service} down --engine {other}` takes it down there");
            return Err(Error::failed(message).hint(down));
        }
        self.begins(&engine, service).await?;
        let args = UpArgs {
            names: NameArgs {
                names: vec![service.to_owned()],
            },
            ports: PortArgs { port_offset: None },
            only: false,
        };
        up::up_or_say(&self.context, args, idle).await
    }

    /// That one of its services is about to come up. An ingress may begin with
    /// routes of before, where it refuses the newest: what it has begun with is
    /// known once it has been told of them. The doors that it begins without come
    /// back in words.
    async fn begins(&self, engine: &Engine, service: &'static str) -> Result<Vec<String>> {
        let found = Beside::find(engine, &self.home, service).await;
        found.is_not_left_beside(engine, service)?;
        if service != INGRESS || !matches!(found, Found::Down | Found::Left(_)) {
            return Ok(Vec::new());
        }
        let locked = locked(&self.home).await?;
        self.home.began(Read::Routes, "").map_err(home_error)?;
        let closed = to_begin_without(engine, &self.home)?;
        let ports = closed.iter().map(Closed::port).collect();
        self.home.close(&locked, &ports).map_err(home_error)?;
        Ok(closed.iter().map(Closed::words).collect())
    }

    /// Shows how one of its services is.
    ///
    /// # Errors
    /// As `status`.
    pub async fn status(&self, service: &str) -> Result {
        let names = AllArgs {
            names: vec![service.to_owned()],
        };
        status::status(
            &self.context,
            StatusArgs {
                names,
                watch: false,
            },
        )
        .await
    }

    /// Takes one of its services down.
    ///
    /// # Errors
    /// As `down`.
    pub async fn down(&self, service: &str, volumes: bool) -> Result {
        let args = DownArgs {
            names: AllArgs {
                names: vec![service.to_owned()],
            },
            volumes,
            prove: false,
            all: false,
            yes: false,
        };
        down::down(&self.context, args).await
    }
}

/// The project's place, below where a user's programs keep data (see the XDG
/// base directory specification: a relative path counts as none).
///
/// # Errors
/// The environment does not say where that is.
pub fn home(environment: &BTreeMap<String, String>) -> Result<Home> {
    let variable = |name: &str| environment.get(name).map(PathBuf::from);
    let said = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let home = variable("HOME").map(|home| home.join(".local/share"));
    let data = said.or(home).ok_or_else(|| {
        Error::usage("neither `XDG_DATA_HOME` nor `HOME` says where your data is")
            .hint("`export HOME=…`")
    })?;
    Ok(Home::below(&data))
}

/// Says that one of its services was never asked for.
///
/// # Errors
/// Nobody reads it.
pub fn never(context: &Context, service: &str) -> Result {
    context.remark(format!(
        "nothing is up: hob's {service} was never asked for (`hob {service} up`)"
    ))
}

/// Says that one of its services, which was asked for once, is down.
///
/// # Errors
/// Nobody reads it.
pub fn not_up(context: &Context, service: &str) -> Result {
    context.remark(format!("not up: `hob {service} up`"))
}

/// That two projects have one name, and what gives each its own.
pub fn leads_elsewhere(it: &Shadowed) -> String {
    let (host, of, by) = (&it.host, it.of.display(), it.by.display());
    format!(
        "{host} leads to {by}, which was up before {of}: `domains = [\"…\"]` in the latter's \
         hob.toml, or another `name` of its stack, gives it names of its own"
    )
}

pub fn home_error(error: HomeError) -> Error {
    Error::from(anyhow::Error::from(error))
}

/// Where a script is run.
#[derive(Clone, Copy)]
pub struct Inside<'a> {
    /// hob.
    pub program: &'a Path,
    /// The platform's folder.
    pub project: &'a Path,
    /// Where the service is; looked for when absent.
    pub engine: Option<&'a str>,
    /// The service.
    pub service: &'a str,
    /// How long it may take.
    pub limit: Duration,
}

/// Runs a script beside a service's process and hears what it says. Its
/// standard input has nothing, and ends when nobody waits for it any more.
///
/// # Errors
/// It cannot be started, or does not end in time.
pub async fn inside(place: &Inside<'_>, script: &str) -> Result<std::process::Output> {
    inside_locked(place, script, None).await
}

/// The same with a lock that is held until the script has ended, whatever
/// becomes of this program.
///
/// # Errors
/// It cannot be started, or does not end in time.
pub async fn inside_locked(
    place: &Inside<'_>,
    script: &str,
    lock: Option<&Locked>,
) -> Result<std::process::Output> {
    let lock = lock.map(Locked::once_more).transpose()?;
    if let Some(lock) = &lock {
        // `hob exec` has it until the engine says that the script has ended, or
        // on the host is the script.
        rustix::io::fcntl_setfd(lock, FdFlags::empty()).map_err(std::io::Error::from)?;
    }
    let mut command = Command::new(place.program);
    command.arg("--project").arg(place.project);
    command.args(place.engine.into_iter().flat_map(|it| ["--engine", it]));
    command.args(["exec", place.service, "--", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    drop(lock);
    let (waiting, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = async {
        let ended = child.wait().await;
        // Killed, it may have left something that goes on.
        drop(waiting);
        ended
    };
    let running = async { tokio::try_join!(ended, read(out), read(err)) };
    let late = || {
        let (service, seconds) = (place.service, place.limit.as_secs());
        Error::failed(format!(
            "{service} does not do within {seconds} s what it is told"
        ))
    };
    let (status, stdout, stderr) = timeout(place.limit, running).await.map_err(|_| late())??;
    Ok(std::process::Output {
        status,
        stdout,
        stderr,
    })
}

/// All that comes to the end of it.
async fn read(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut from) = from {
        from.read_to_end(&mut all).await?;
    }
    Ok(all)
}

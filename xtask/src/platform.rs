//! [`Platform`]: what surrounds the services of all projects, as a project of
//! hob's own that the verbs work on like on any other.

#![expect(
    clippy::disallowed_methods,
    reason = "what runs beside a service is started by `hob exec`, as a person would"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hob_platform::{Home, HomeError, Settings};
use tokio::process::Command;

use crate::cli::{AllArgs, DownArgs, NameArgs, PortArgs, StatusArgs, UpArgs};
use crate::context::Context;
use crate::error::{Error, Result};

use crate::verbs::{down, status, up};

mod announcer;

pub use announcer::{Announcer, announce_all};

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
    pub fn prepare(context: &Context, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        let home = home(&context.environment)?;
        let mut settings = home.settings().map_err(home_error)?;
        change(&mut settings);
        home.write(&settings).map_err(home_error)?;
        let mut global = context.global.clone();
        global.project = Some(home.root().to_owned());
        Ok(Self {
            settings,
            home,
            context: Context {
                output: context.output,
                global,
                environment: context.environment.clone(),
            },
        })
    }

    /// Brings one of its services up.
    ///
    /// # Errors
    /// As `up`.
    pub async fn up(&self, service: &str) -> Result {
        let args = UpArgs {
            names: NameArgs {
                names: vec![service.to_owned()],
            },
            ports: PortArgs { port_offset: None },
            only: false,
        };
        up::up(&self.context, args).await
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

pub fn home_error(error: HomeError) -> Error {
    Error::from(anyhow::Error::from(error))
}

/// Runs a script beside a service's process and hears what it says.
///
/// # Errors
/// It cannot be started.
pub async fn inside(
    program: &Path,
    project: &Path,
    service: &str,
    script: &str,
) -> Result<std::process::Output> {
    let running = Command::new(program)
        .arg("--project")
        .arg(project)
        .args(["exec", service, "--", "sh", "-c", script])
        .kill_on_drop(true)
        .output();
    Ok(running.await?)
}

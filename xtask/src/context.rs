//! What every verb begins with: the project, its stacks, the engine.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, once"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum as _;
use hob_engine::Executable;
use hob_engine::{Engine, ProjectRef, Surroundings, owner};
use hob_stack::{
    Config, Diagnostic, EngineChoice, Loaded, Project, Publish, SelectError, ServiceId,
};

use crate::change::engine_error;
use crate::cli::{self, Global};
use crate::error::{Code, Error, Result};
use crate::output::{Output, complain};

/// The variable that says what `--engine` would.
const ENGINE: &str = "HOB_ENGINE";

/// The caller: options, environment, terminal.
pub struct Context {
    pub output: Output,
    pub global: Global,
    pub environment: BTreeMap<String, String>,
}

/// A project whose files were read.
pub struct Loading {
    pub project: Arc<Project>,
    pub loaded: Loaded,
}

impl Context {
    pub fn new(global: Global) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            output: Output::new(global.json, global.quiet),
            environment: std::env::vars_os().filter_map(text).collect(),
            global,
        }
    }

    /// The folder that the caller is in.
    pub fn folder(&self) -> Result<PathBuf> {
        std::env::current_dir().map_err(|error| {
            Error::failed(format!("cannot tell the current folder: {error}"))
                .hint("`cd` to one that is there, or name the project: `--project FOLDER`")
        })
    }

    /// The project's folder.
    pub fn root(&self) -> Result<PathBuf> {
        let start = match &self.global.project {
            Some(folder) => folder.clone(),
            None => self.folder()?,
        };
        if self.global.project.is_some() && !start.join("stacks").is_dir() {
            let error = format!("there is no folder `stacks` in {}", start.display());
            return Err(Error::usage(error).hint("create `stacks/NAME/stack.toml` there"));
        }
        Project::find(&start).map_err(|error| {
            let mut shown = Error::usage(error.to_string());
            shown.hints = error.hints();
            shown
        })
    }

    /// The project, its mistakes told. A stack in error stops only those who
    /// ask for it.
    pub fn load(&self, names: &[String]) -> Result<Loading> {
        let loaded = Project::load(&self.root()?, &self.environment);
        let concerned = |failed: &String| {
            names.is_empty()
                || names
                    .iter()
                    .any(|name| name == failed || name.starts_with(&format!("{failed}/")))
        };
        // A name that nothing has may be one of a stack that could not be read.
        let unknown =
            |project: &Project| !loaded.failed.is_empty() && project.select(names).is_err();
        let fatal =
            loaded.project.as_ref().is_none_or(unknown) || loaded.failed.iter().any(concerned);
        if fatal {
            self.diagnose(&loaded.diagnostics);
            return Err(Error::said(Code::Usage));
        }
        let warnings: Vec<Diagnostic> = loaded
            .diagnostics
            .iter()
            .filter(|it| !it.is_error())
            .cloned()
            .collect();
        self.diagnose(&warnings);
        match loaded.project.clone() {
            Some(project) => Ok(Loading {
                project: Arc::new(project),
                loaded,
            }),
            None => Err(Error::said(Code::Usage)),
        }
    }

    /// Tells diagnostics: in words on stderr, or as JSON lines on stdout.
    pub fn diagnose(&self, diagnostics: &[Diagnostic]) {
        if diagnostics.is_empty() {
            return;
        }
        if self.output.json {
            for diagnostic in diagnostics {
                // A closed pipe is found out at the end.
                let _ = self.output.value(&serde_json::json!({
                    "protocol": hob_wire::PROTOCOL, "diagnostic": diagnostic }));
            }
            return;
        }
        let colour = console::colors_enabled_stderr();
        let text = hob_stack::render(diagnostics, colour, self.output.width);
        // Diagnostics are no talk: `--quiet` leaves them.
        complain(text.trim_end());
    }

    /// The engine for a project, whose files say this of engines; nothing when
    /// it has none.
    pub fn engine(&self, project: ProjectRef, files: Option<&Project>) -> Result<Engine> {
        let choice = self.choice(files.map(|it| &it.config))?;
        self.engine_of(choice, project, files)
    }

    /// The engines that anything of a project is on; the chosen one when there
    /// is nothing on any, or it was named.
    pub async fn engines(
        &self,
        project: ProjectRef,
        files: Option<&Project>,
    ) -> Result<Vec<Engine>> {
        let chosen = self.engine(project.clone(), files)?;
        if self.choice(files.map(|it| &it.config))? != EngineChoice::Auto {
            return Ok(vec![chosen]);
        }
        let mut engines = Vec::new();
        for choice in [EngineChoice::Docker, EngineChoice::Host] {
            let Ok(engine) = self.engine_of(choice, project.clone(), files) else {
                continue;
            };
            // One that does not answer has what this machine knows of it.
            let left = engine.prove().await;
            let left = left.unwrap_or_else(|_| engine.prove_here());
            if left.iter().any(|it| engine.has(it)) {
                engines.push(engine);
            }
        }
        if engines.is_empty() {
            engines.push(chosen);
        }
        Ok(engines)
    }

    /// Which engine is asked for: by the command line, else by the
    /// environment, else by the project.
    pub fn choice(&self, config: Option<&Config>) -> Result<EngineChoice> {
        let said = self.environment.get(ENGINE).map(|text| text.trim());
        let engine = match (self.global.engine, said.filter(|text| !text.is_empty())) {
            (Some(engine), _) => engine,
            (None, Some(text)) => cli::Engine::from_str(text, false).map_err(|_| {
                let words: Vec<&str> = cli::Engine::value_variants()
                    .iter()
                    .map(|engine| engine.word())
                    .collect();
                Error::usage(format!("`{ENGINE}` is `{text}`, which is no engine"))
                    .hint(format!("it can be {}", words.join(", ")))
            })?,
            (None, None) => {
                return Ok(config.map_or(EngineChoice::Auto, |config| config.engine));
            }
        };
        Ok(match engine {
            cli::Engine::Auto => EngineChoice::Auto,
            cli::Engine::Host => EngineChoice::Host,
            cli::Engine::Docker => EngineChoice::Docker,
        })
    }

    fn engine_of(
        &self,
        choice: EngineChoice,
        project: ProjectRef,
        files: Option<&Project>,
    ) -> Result<Engine> {
        let mut surroundings = self.surroundings()?;
        surroundings.docker = files.and_then(|files| files.config.docker.clone());
        surroundings.images = files.is_some_and(has_images);
        Engine::choose(choice, project, surroundings).map_err(engine_error)
    }

    /// What an engine is told of the caller.
    pub fn surroundings(&self) -> Result<Surroundings> {
        let program = std::env::current_exe()
            .map_err(|error| Error::failed(format!("cannot tell my own path: {error}")))?;
        Ok(Surroundings {
            environment: self.environment.clone(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            images: false,
            docker: None,
            executable: Executable {
                program,
                args: Vec::new(),
                sources: sources(),
            },
        })
    }
}

/// The workspace that this program was compiled from, if it is still there.
fn sources() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().filter(|it| it.is_dir()).map(Path::to_owned)
}

impl Loading {
    /// The engine for this project.
    pub fn engine(&self, context: &Context) -> Result<Engine> {
        context.engine(ProjectRef::from(&*self.project), Some(&self.project))
    }

    /// The services that names mean.
    pub fn select(&self, names: &[String]) -> Result<Vec<ServiceId>> {
        let selected = self.project.select(names);
        selected.map_err(|error| unknown(&error, &self.loaded.failed))
    }

    /// The one service that a name means.
    pub fn one(&self, name: &str) -> Result<ServiceId> {
        only(self.select(&[name.to_owned()])?, name)
    }

    /// The services that names mean and all that these cannot do without.
    pub fn required(&self, names: &[String]) -> Result<BTreeSet<hob_engine::Owner>> {
        let mut required: BTreeSet<ServiceId> = BTreeSet::new();
        let mut open = self.select(names)?;
        while let Some(id) = open.pop() {
            if let Some(service) = self.project.service(&id) {
                open.extend(
                    service
                        .needs
                        .iter()
                        .filter(|it| !required.contains(it))
                        .cloned(),
                );
            }
            required.insert(id);
        }
        Ok(required.iter().map(owner).collect())
    }

    /// Whether every fixed port of these services is still one with this
    /// offset.
    pub fn fits(&self, services: &[ServiceId], offset: Option<u16>) -> Result {
        let own = self.project.config.port_offset;
        let past = services.iter().find_map(|id| {
            let service = self.project.service(id)?;
            let Some(Publish::Fixed(port)) = service.publish else {
                return None;
            };
            let moved = port
                .offset(own)
                .and_then(|it| it.offset(offset.unwrap_or(0)));
            moved.is_none().then_some((id, port))
        });
        let Some((id, port)) = past else {
            return Ok(());
        };
        let highest = (u16::MAX - port.get()).saturating_sub(own);
        let error = format!("the port {port} of {id} would be past 65535 with the offset");
        Err(Error::usage(error).hint(match offset {
            Some(_) => format!("`--port-offset {highest}` is the highest that it can have"),
            None => "lower `port_offset` in hob.toml".to_owned(),
        }))
    }

    /// The services that names mean with all that they need and want, in the
    /// order of their dependence; or alone.
    pub fn closure(&self, names: &[String], only: bool) -> Result<Vec<ServiceId>> {
        let chosen = self.select(names)?;
        Ok(if only {
            chosen
        } else {
            self.project.closure(&chosen)
        })
    }
}

/// Whether any service says what image it runs from.
fn has_images(files: &Project) -> bool {
    let mut services = files.services();
    services.any(|service| service.image.is_some() || service.dev_form.image.is_some())
}

/// Names that mean nothing; the stacks that `failed` may have had them.
pub fn unknown(error: &SelectError, failed: &[String]) -> Error {
    let mut shown = Error::usage(error.to_string());
    shown.hints = error.hints();
    if !failed.is_empty() {
        let failed = failed.join(", ");
        shown = shown.hint(format!("{failed} has mistakes: `hob check`"));
    }
    shown
}

/// The one service that a name means.
pub fn only(mut services: Vec<ServiceId>, name: &str) -> Result<ServiceId> {
    match (services.pop(), services.is_empty()) {
        (Some(service), true) => Ok(service),
        (last, _) => {
            services.extend(last);
            let names: Vec<String> = services.iter().map(ToString::to_string).collect();
            let error = format!("`{name}` is a stack of {} services", names.len());
            Err(Error::usage(error).hint(format!("name one: {}", names.join(", "))))
        }
    }
}

/// The owner of a service's resources, for comparing with the engine's words.
pub fn owners(services: &[ServiceId]) -> BTreeSet<hob_engine::Owner> {
    services.iter().map(owner).collect()
}

/// Runs a verb's future on one thread.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(future)
}

/// Resolves at the first Ctrl-C or TERM.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut term), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        // Without signals there is nothing to wait for.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = term.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(option: Option<cli::Engine>, variable: &str, expected: &str) {
        let context = Context {
            output: Output::new(false, true),
            global: Global {
                project: None,
                engine: option,
                json: false,
                quiet: true,
            },
            environment: BTreeMap::from([(ENGINE.to_owned(), variable.to_owned())]),
        };
        let config = Config {
            engine: EngineChoice::Host,
            ..Config::default()
        };
        let told = match context.choice(Some(&config)) {
            Ok(choice) => format!("{choice:?}"),
            Err(error) => error.render().trim_end().to_owned(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn the_environment_stands_between_the_command_line_and_the_project() {
        check(None, "", "Host");
        check(None, "docker", "Docker");
        check(Some(cli::Engine::Auto), "docker", "Auto");
        check(
            None,
            "dokcer",
            "error: `HOB_ENGINE` is `dokcer`, which is no engine\nhint: it can be auto, host, docker",
        );
    }
}

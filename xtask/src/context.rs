//! What every verb begins with: the project, its stacks, the engine.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, once"
)]

mod interrupts;
mod loading;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum as _;
use hob_engine::Executable;
use hob_engine::{Engine, ProjectRef, Surroundings};
use hob_stack::{Config, Diagnostic, EngineChoice, Project};

pub use self::interrupts::{Interrupts, interrupted};
pub use self::loading::{Loading, only, owners, unknown};
use crate::change::engine_error;
use crate::cli::{self, Global};
use crate::error::{Code, Error, Result};
use crate::output::{Output, complain};
use crate::render::data;

/// The variable that says what `--engine` would.
const ENGINE: &str = "HOB_ENGINE";

/// The caller: options, environment, terminal.
#[derive(Clone)]
pub struct Context {
    pub output: Output,
    pub global: Global,
    pub environment: BTreeMap<String, String>,
    pub whose: Whose,
}

/// Whose services a verb works on, and so by which words they are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A project's: `hob up shop/web`.
    Projects,
    /// Hob's own, which surround those of all projects: `hob registry up`.
    Hobs,
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
            whose: Whose::Projects,
        }
    }

    /// Says what a person should know beside an answer, and programs, too.
    pub fn remark(&self, words: impl Into<String>) -> Result {
        let words = words.into();
        if self.output.json {
            let note = data::line("note", words.into());
            return Ok(self.output.value(&note)?);
        }
        self.output.say(words);
        Ok(())
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
        for choice in EngineChoice::EACH {
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

/// Whether any service says what image it runs from.
fn has_images(files: &Project) -> bool {
    let mut services = files.services();
    services.any(|service| service.image.is_some() || service.dev_form.image.is_some())
}

/// Runs a verb's future on one thread.
pub fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(future)
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
            whose: Whose::Projects,
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

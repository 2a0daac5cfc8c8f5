//! What verbs stand on that are about what runs: it can be named, read and
//! asked although a stack file has a mistake, `stacks/` is gone, or the whole
//! project folder is.
//!
//! Verbs that bring something up read the files alone ([`Context::load`]) and
//! refuse what has a mistake. `running/files.rs` has the rules of what names
//! mean. Start with [`Context::running`].

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hob_engine::{ClientError, Engine, ProjectRef, Rollouts, Scope, ServiceState, Verdict};
use hob_stack::{Project, ProjectId, SelectError, ServiceId};
use hob_wire::Status;

use crate::change::engine_error;
use crate::context::{Context, only, unknown};
use crate::error::{Error, Result};
use crate::render::note;
use crate::versions;

mod files;

use files::Files;

/// How long an agent may take to answer before it counts as silent.
const ANSWER: Duration = Duration::from_secs(2);

/// What asking the agent of a service came to.
pub enum Asked {
    /// It answered.
    Up(Box<Status>),
    /// Nobody is there: what to say about it.
    Down(Error),
    /// Somebody is there and says nothing.
    Silent,
}

/// A project, as far as its files can be read, and what runs of it.
pub struct Running<'a> {
    pub engine: Engine,
    /// The stacks without a mistake, each service as the version that stands for
    /// it; none when there is nothing to read.
    pub project: Option<Arc<Project>>,
    /// The versions of services.
    pub rollouts: Rollouts,
    context: &'a Context,
    root: PathBuf,
    /// The stacks that have a mistake.
    failed: Vec<String>,
    /// Whether there is a folder `stacks`.
    there: bool,
    warned: Cell<bool>,
}

impl Context {
    /// What runs of the project here. A folder without `stacks` counts while
    /// hob has something of it: state, sockets, processes.
    ///
    /// # Errors
    /// There is no project here, and nothing of one.
    pub fn running(&self) -> Result<Running<'_>> {
        let (root, there) = self.place()?;
        let loaded = there.then(|| Project::load(&root, &self.environment));
        let (mut project, failed) = match loaded {
            Some(loaded) => {
                if !loaded.has_errors() {
                    self.diagnose(&loaded.diagnostics);
                }
                (loaded.project, loaded.failed)
            }
            None => (None, Vec::new()),
        };
        let reference = ProjectRef {
            id: ProjectId::of(&root).to_string(),
            root: root.clone(),
        };
        let engine = self.engine(reference, project.as_ref())?;
        let rollouts = match versions::known(&engine) {
            Ok(rollouts) => rollouts,
            // What runs can be seen and taken down all the same.
            Err(error) => {
                error.complain();
                Rollouts::default()
            }
        };
        if let Some(project) = &mut project
            && let Err(error) = versions::put_in_place(&rollouts, project)
        {
            error.complain();
        }
        Ok(Running {
            engine,
            project: project.map(Arc::new),
            rollouts,
            context: self,
            root,
            failed,
            there,
            warned: Cell::new(false),
        })
    }

    /// The project's folder, and whether it has stacks.
    fn place(&self) -> Result<(PathBuf, bool)> {
        let start = match &self.global.project {
            Some(folder) => folder.clone(),
            // A shell in a folder that was removed still knows where it was.
            None => self
                .folder()
                .ok()
                .or_else(|| Some(PathBuf::from(self.environment.get("PWD")?)))
                .unwrap_or_default(),
        };
        let start = canonical(&start);
        let above = match &self.global.project {
            Some(_) => 1,
            None => usize::MAX,
        };
        let mut left = None;
        for folder in start.ancestors().take(above) {
            if folder.join("stacks").is_dir() {
                return Ok((folder.to_owned(), true));
            }
            let id = ProjectId::of(folder).to_string();
            let left = left.get_or_insert_with(|| self.left().unwrap_or_default());
            if left.contains(&id) {
                return Ok((folder.to_owned(), false));
            }
        }
        // Says what is wrong with it.
        Ok((self.root()?, true))
    }

    /// The ids of all projects that hob has anything of.
    fn left(&self) -> Result<BTreeSet<String>> {
        let projects = Engine::all_projects(&self.surroundings()?);
        let projects = projects.map_err(|error| Error::failed(error.to_string()))?;
        Ok(projects.into_iter().map(|project| project.id).collect())
    }
}

impl Running<'_> {
    /// The project, as engines know it.
    pub fn reference(&self) -> ProjectRef {
        ProjectRef {
            id: ProjectId::of(&self.root).to_string(),
            root: self.root.clone(),
        }
    }

    /// The services that names mean: by the stack files, else by what runs.
    ///
    /// # Errors
    /// They mean nothing or too much, or the engine could not look.
    pub async fn select(&self, names: &[String]) -> Result<Vec<ServiceId>> {
        if let Some(answer) = self.files().select(names) {
            return answer.map_err(|error| self.unknown(&error));
        }
        let (known, _) = self.known().await?;
        match self.files().select_of(&known, names) {
            Ok(services) => {
                self.warn();
                Ok(services)
            }
            Err(SelectError::NoStack) if !self.there => {
                let root = self.root.display();
                Err(Error::failed(format!("nothing of {root} is up")))
            }
            Err(error) => Err(self.unknown(&error)),
        }
    }

    /// Like [`select`](Self::select), and also services of which only the last
    /// log is kept.
    ///
    /// # Errors
    /// Like [`select`](Self::select).
    pub async fn select_logged(&self, names: &[String]) -> Result<Vec<ServiceId>> {
        match self.select(names).await {
            Err(error) if !names.is_empty() => {
                let (mut known, _) = self.known().await?;
                known.extend(self.engine.last_logs());
                let selected = self.files().select_of(&known, names);
                selected.map_err(|_| error)
            }
            selected => selected,
        }
    }

    /// The one service that a name means.
    ///
    /// # Errors
    /// Like [`select`](Self::select), or it means several.
    pub async fn one(&self, name: &str) -> Result<ServiceId> {
        only(self.select(&[name.to_owned()]).await?, name)
    }

    /// What the agent of a service says. Only where nobody listens is the
    /// service down; an agent may be slow.
    ///
    /// # Errors
    /// The agent says something that is of no use.
    pub async fn ask(&self, id: &ServiceId) -> Result<Asked> {
        let agent = self.engine.agent(id).map_err(engine_error)?;
        match agent.status(ANSWER).await {
            Ok(status) => Ok(Asked::Up(Box::new(status))),
            Err(ClientError::Silent { .. }) => Ok(Asked::Silent),
            Err(ClientError::Gone { .. }) => {
                let states = self.engine.services(&BTreeSet::from([id.clone()])).await;
                let states = states.map_err(engine_error)?;
                let state = states.iter().find(|it| it.owner == hob_engine::owner(id));
                let error = match state.and_then(|it| note(it, self.context.whose)) {
                    Some(note) => Error::failed(note),
                    None => Error::failed(format!("{id} is not up"))
                        .hint(format!("`hob up {id}` or `hob dev {id}`")),
                };
                Ok(Asked::Down(error))
            }
            Err(error) => Err(Error::failed(format!("{id}: {error}"))
                .hint(format!("`hob up {id}` makes it anew"))),
        }
    }

    /// All that names may touch when they are taken down: without any the
    /// whole project, and of a stack also what its file no longer has.
    ///
    /// # Errors
    /// Like [`select`](Self::select).
    pub async fn scope(&self, names: &[String]) -> Result<Scope> {
        let all = match names {
            // All of it, whatever it is.
            [] => BTreeSet::new(),
            _ => self.known().await?.1,
        };
        let scope = self.files().scope(&all, names);
        scope.map_err(|error| self.unknown(&error))
    }

    fn files(&self) -> Files<'_> {
        Files {
            project: self.project.as_deref(),
            failed: &self.failed,
        }
    }

    /// The services of the files and those that run, and all that anything is
    /// known of.
    async fn known(&self) -> Result<(BTreeSet<ServiceId>, BTreeSet<ServiceId>)> {
        let states = self.engine.services(&BTreeSet::new()).await;
        let states = states.map_err(engine_error)?;
        let project = self.project.iter();
        let services = project.flat_map(|project| project.services());
        let mut known: BTreeSet<ServiceId> = services.map(|it| it.id.clone()).collect();
        let mut all = known.clone();
        let unread =
            |id: &ServiceId| self.project.is_none() || self.failed.contains(&id.stack.to_string());
        known.extend(self.engine.last_logs().into_iter().filter(unread));
        for state in &states {
            let Some(id) = id(state) else { continue };
            // What is down and in no file is nobody's service any more.
            if unread(&id) || !matches!(state.verdict, Verdict::Down) {
                known.insert(id.clone());
            }
            all.insert(id);
        }
        Ok((known, all))
    }

    /// All services of the files; says so when these do not tell all.
    pub fn services(&self) -> BTreeSet<ServiceId> {
        if self.files().doubts(&[]) {
            self.warn();
        }
        let project = self.project.iter();
        let services = project.flat_map(|project| project.services());
        services.map(|service| service.id.clone()).collect()
    }

    /// Says in one line that the files do not tell all; once.
    fn warn(&self) {
        if self.warned.replace(true) {
            return;
        }
        let what = match (self.there, &self.failed[..]) {
            (false, _) => format!("there is no folder `stacks` in {}", self.root.display()),
            (true, []) if self.project.is_some() => "no stack file names it any more".to_owned(),
            (true, [one]) => format!("the stack `{one}` has mistakes: `hob check {one}`"),
            (true, _) => "the stack files have mistakes: `hob check`".to_owned(),
        };
        let mark = console::style("warning:").for_stderr().yellow().bold();
        let output = self.context.output;
        output.say(format!("{mark} {what}; this is about what runs"));
    }

    fn unknown(&self, error: &SelectError) -> Error {
        unknown(error, &self.failed)
    }
}

/// The service of a state, if a stack file could name it so.
pub fn id(state: &ServiceState) -> Option<ServiceId> {
    state.owner.to_string().parse().ok()
}

/// The canonical path of a folder that may be gone: that of what is left above
/// it, and the rest of its name.
fn canonical(folder: &Path) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut rest: Vec<&OsStr> = Vec::new();
    for above in whole.ancestors() {
        if let Ok(there) = above.canonicalize() {
            return rest.iter().rev().fold(there, |path, name| path.join(name));
        }
        rest.extend(above.file_name());
    }
    whole
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_folder_that_is_gone_keeps_its_name_below_what_is_there() {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().canonicalize().unwrap();
        assert_eq!(canonical(&home.path().join("a/b")), there.join("a/b"));
        assert_eq!(canonical(home.path()), there);
    }
}

//! What a dev session stands on here: the stack files of one project and the
//! engine that was chosen; and how a change of them is performed and shown.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hob_engine::docker::image_files;
use hob_engine::{Engine, Obstacle, ObstacleKind, Plan, Scope, Verb, Want};
use hob_session::{Applied as How, Ground, Performed, Watched, Wire};
use hob_stack::{Loaded, Project, ServiceId};
use hob_wire::Mode;

use crate::change::{
    Changed, LOCK, Troubles, Words, change_within, engine_error, perform, prepare,
};
use crate::context::{Context, Loading};
use crate::error::{Code, Error, Result};
use crate::platform::Door;
use crate::stage::Stage;

mod watched;

use watched::watched;

/// How long a session that is leaving waits for another hob's change, and one
/// that is told twice.
const LEAVE: Duration = Duration::from_secs(10);
const LEAVE_AT_ONCE: Duration = Duration::from_millis(500);

/// The files and the engine of one dev session.
pub struct DevGround {
    engine: Engine,
    stage: Stage,
    names: Vec<String>,
    only: bool,
    port_offset: u16,
    context: Context,
    now: Mutex<Now>,
    outcome: Mutex<Option<Code>>,
    /// What the newest change met with.
    met: Mutex<Troubles>,
}

struct Now {
    project: Arc<Project>,
    services: Vec<ServiceId>,
    files: Vec<PathBuf>,
    /// What the session brought up before and has not seen gone: a service
    /// that a stack file no longer names goes down.
    before: BTreeSet<ServiceId>,
}

/// What a dev session is made of.
pub struct DevSetup {
    pub engine: Engine,
    pub stage: Stage,
    pub project: Arc<Project>,
    pub files: Vec<PathBuf>,
    pub services: Vec<ServiceId>,
    pub names: Vec<String>,
    pub only: bool,
    pub port_offset: u16,
    pub context: Context,
}

impl DevGround {
    pub fn new(setup: DevSetup) -> Self {
        Self {
            engine: setup.engine,
            stage: setup.stage,
            names: setup.names,
            only: setup.only,
            port_offset: setup.port_offset,
            context: setup.context,
            now: Mutex::new(Now {
                project: setup.project,
                services: setup.services,
                files: setup.files,
                before: BTreeSet::new(),
            }),
            outcome: Mutex::new(None),
            met: Mutex::default(),
        }
    }

    /// The code of the newest change that was not done, if that is how it is.
    pub fn outcome(&self) -> Option<Code> {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self) -> std::sync::MutexGuard<'_, Troubles> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn services(&self) -> (Arc<Project>, Vec<ServiceId>) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.project.clone(), now.services.clone())
    }

    /// All that this session answers for: these, and what it brought up
    /// before.
    fn scope(&self, services: &BTreeSet<ServiceId>) -> BTreeSet<hob_engine::Owner> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        services
            .iter()
            .chain(&now.before)
            .map(hob_engine::owner)
            .collect()
    }

    /// The others are down: whoever brings them up again may keep them.
    fn forget_all_but(&self, services: &BTreeSet<ServiceId>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.before.retain(|id| services.contains(id));
    }

    /// How a change ended for a session: when nothing of what was asked for by
    /// name can come by waiting, it has no reason to stay.
    fn how(&self, changed: &Changed) -> How {
        if changed.is_done() {
            return How::Wholly;
        }
        let (project, _) = self.services();
        let chosen = project.select(&self.names).unwrap_or_default();
        let never = |id: &ServiceId| !may_come(&project, &changed.obstacles, id);
        if !chosen.is_empty() && chosen.iter().all(never) {
            How::Blocked
        } else if !changed.obstacles.is_empty() || changed.may_mend_itself() {
            How::Obstructed
        } else {
            How::Partly
        }
    }

    /// Whether a mistake in the files is in a stack of this session.
    fn concerns(&self, loaded: &Loaded) -> bool {
        let (_, services) = self.services();
        loaded.failed.iter().any(|failed| {
            self.names.is_empty() || services.iter().any(|id| id.stack.as_str() == failed)
        })
    }

    /// `Err` is what is wrong, in one line; it was said in full.
    fn read(&self) -> std::result::Result<Now, String> {
        let (before, _) = self.services();
        let loaded: Loaded = Project::load(&before.root, &self.context.environment);
        let project = match &loaded.project {
            Some(project) if !self.concerns(&loaded) => Arc::new(project.clone()),
            _ => {
                let colour = console::colors_enabled_stderr();
                let width = self.stage.output().width;
                self.stage
                    .say(hob_stack::render(&loaded.diagnostics, colour, width).trim_end());
                let unchanged = "everything stays as it was";
                self.stage
                    .say(format!("the stack files have mistakes; {unchanged}"));
                let first = loaded.diagnostics.iter().find(|it| it.is_error());
                let first = first.map_or_else(String::new, hob_stack::Diagnostic::line);
                return Err(format!("{first}; {unchanged}"));
            }
        };
        let chosen = match project.select(&self.names) {
            Ok(chosen) => chosen,
            Err(error) => {
                let line = format!("{error}; everything stays as it was");
                self.stage.say(&line);
                return Err(line);
            }
        };
        let services = if self.only {
            chosen
        } else {
            project.closure(&chosen)
        };
        Ok(Now {
            project,
            services,
            files: loaded.files.clone(),
            before: BTreeSet::new(),
        })
    }
}

impl Ground for DevGround {
    fn watched(&self) -> Vec<Watched> {
        let (project, services) = self.services();
        let services = services.iter().filter_map(|id| project.service(id));
        let contained = self.engine.containers().is_some();
        services.map(|it| watched(it, contained)).collect()
    }

    /// What images are built from is much like a stack file: a change of it is
    /// planned anew.
    fn stack_files(&self) -> Vec<PathBuf> {
        let (project, services) = self.services();
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = now.files.clone();
        if self.engine.containers().is_some() {
            let services = services.iter().filter_map(|id| project.service(id));
            files.extend(services.flat_map(|service| image_files(&project, service, Mode::Dev)));
        }
        files
    }

    async fn reload(&self) -> std::result::Result<(), String> {
        let now = self.read()?;
        let (before, _) = self.services();
        self.stage.say(match *before == *now.project {
            true => "what an image is built from changed",
            false => "the stack files changed",
        });
        let mut held = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut held.before);
        before.extend(std::mem::take(&mut held.services));
        *held = Now { before, ..now };
        Ok(())
    }

    async fn apply(
        &self,
        own: &[ServiceId],
        quietly: bool,
        planned: impl FnOnce(Vec<ServiceId>) + Send,
    ) -> Performed {
        let (project, services) = self.services();
        let own: BTreeSet<ServiceId> = own.iter().cloned().collect();
        let services: BTreeSet<ServiceId> =
            services.into_iter().filter(|id| own.contains(id)).collect();
        let mut want = Want::up(project.clone(), services.clone(), Mode::Dev);
        want.scope = Scope::Services(self.scope(&services));
        want.port_offset = self.port_offset;
        want.session = Some(std::process::id());
        let known = if quietly {
            self.met().clone()
        } else {
            Troubles::default()
        };
        let words = Words::beside_agents(known);
        let never = std::future::pending();
        let (engine, stage) = (&self.engine, &self.stage);
        let door = Door {
            context: &self.context,
            engine,
            project: &project,
            services: &services,
            port_offset: self.port_offset,
            quietly,
        };
        let standing = door.stand(stage, &words, std::future::pending());
        let prepared = match standing.await {
            Ok(()) => prepare(engine, &want, stage, LOCK).await,
            Err(error) => Err(error),
        };
        let changed = match prepared {
            Ok(prepared) => {
                planned(made_anew(&prepared.plan, &services));
                Ok(perform(engine, &want, prepared, stage, &words, never).await)
            }
            Err(error) => Err(error),
        };
        let met = words.into_troubles();
        let mut troubles = met.lines();
        *self.met() = met;
        let (how, code) = match changed {
            Ok(changed) => {
                if changed.is_done() {
                    self.forget_all_but(&services);
                }
                (
                    self.how(&changed),
                    changed.result().err().map(|error| error.code),
                )
            }
            Err(error) => {
                troubles.push(error.message.clone());
                let text = error.render();
                // A try that nobody asked for is no news.
                if !quietly {
                    self.stage.say(text.trim_end());
                }
                (How::Obstructed, Some(error.code))
            }
        };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = code;
        Performed { how, troubles }
    }

    async fn take_down(&self, services: &[ServiceId], force: bool) {
        let before = {
            let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            now.before.clone()
        };
        let services: BTreeSet<ServiceId> = services.iter().cloned().chain(before).collect();
        if force {
            // Without a grace: what is killed needs no farewell.
            self.engine.kill(&services).await;
        }
        let mut want = Want::down(Scope::Services(
            services.iter().map(hob_engine::owner).collect(),
        ));
        // What another session has is not this one's to take down.
        want.force = false;
        want.session = Some(std::process::id());
        let lock = if force { LEAVE_AT_ONCE } else { LEAVE };
        let never = std::future::pending();
        let words = Words::default();
        match change_within(&self.engine, &want, &self.stage, lock, &words, never).await {
            Ok(_) => {}
            Err(error) => self.stage.say(error.render().trim_end()),
        }
    }

    async fn connect(&self, service: &ServiceId) -> std::io::Result<Wire> {
        let hob_engine::AgentWire { read, write } = self.engine.connect(service).await?;
        Ok(Wire { read, write })
    }
}

/// The services of which a plan does more than to wait for them.
fn made_anew(plan: &Plan<()>, services: &BTreeSet<ServiceId>) -> Vec<ServiceId> {
    let steps = plan.steps.iter().filter(|step| step.verb != Verb::Await);
    let owners: BTreeSet<_> = steps.map(|step| step.resource.owner()).collect();
    let touched = |id: &&ServiceId| owners.contains(&hob_engine::owner(id));
    services.iter().filter(touched).cloned().collect()
}

/// Whether what is in the way of a service may go away by itself: whoever has
/// a port may give it up, but nobody installs a program or mends a mistake.
fn may_come(project: &Project, obstacles: &[Obstacle], id: &ServiceId) -> bool {
    let owner = hob_engine::owner(id);
    let Some(obstacle) = obstacles.iter().find(|it| it.owner == owner) else {
        return true;
    };
    match obstacle.kind {
        ObstacleKind::Missing | ObstacleKind::Unsupported | ObstacleKind::Cycle => false,
        // A save of it is seen.
        ObstacleKind::Recipe => true,
        ObstacleKind::Taken | ObstacleKind::Busy | ObstacleKind::Blocked => {
            project.service(id).is_some_and(|service| {
                let mut needs = service.needs.iter();
                needs.all(|need| may_come(project, obstacles, need))
            })
        }
    }
}

/// What the agent of a service is told, or why it cannot run here.
pub async fn spec_of(
    engine: &Engine,
    loading: &Loading,
    id: &ServiceId,
    mode: Mode,
    port_offset: u16,
) -> Result<hob_wire::Spec> {
    let mut want = Want::up(loading.project.clone(), BTreeSet::from([id.clone()]), mode);
    want.port_offset = port_offset;
    match engine.spec(&want, id).await.map_err(engine_error)? {
        Ok(spec) => Ok(spec),
        Err(obstacle) => {
            let code = match obstacle.kind {
                ObstacleKind::Missing => Code::Missing,
                ObstacleKind::Recipe => Code::Service,
                _ => Code::Failed,
            };
            let mut error = Error::new(code, format!("{id}: {}", obstacle.reason));
            error.hints = obstacle.hints;
            Err(error)
        }
    }
}

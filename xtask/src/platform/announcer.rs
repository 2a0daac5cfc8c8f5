//! [`Announcer`]: tells resolver and ingress what of a project is up, while a
//! change of it is performed and when it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hob_engine::{Engine, ProjectRef, Rollouts, ServiceState, Verdict, Want};
use hob_platform::{
    Announced, AnnouncedService, AnnouncedStack, Changes, DNS, Home, INGRESS, Read, Shadowed,
    Speaks, shadowed,
};
use hob_stack::{Project, ServiceId, Stack};
use hob_wire::{Mode, Protocol};
use tokio::sync::Notify;

use super::beside::{Beside, Found};
use super::locked::locked;
use super::taken::{Closed, to_close};
use super::{home, home_error, leads_elsewhere};
use crate::change::engine_error;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::versions::known;

/// Tells of one project on one engine.
pub struct Announcer<'a> {
    engine: &'a Engine,
    home: Home,
    domains: BTreeSet<String>,
    stacks: BTreeMap<String, AnnouncedStack>,
    nudged: Notify,
    over: AtomicBool,
    shadowed: Mutex<BTreeSet<Shadowed>>,
    closed: Mutex<Vec<String>>,
}

impl<'a> Announcer<'a> {
    /// None while nobody has asked for resolver or ingress.
    pub fn find(engine: &'a Engine, project: Option<&Project>) -> Option<Self> {
        let home = home(engine.environment()).ok()?;
        let domains = project.map(|it| it.config.domains.clone());
        let stacks = project.map(|project| {
            let stacks = project.stacks.iter();
            stacks.map(|(name, stack)| (name.to_string(), said(project, stack)))
        });
        home.is_there().then(|| Self {
            engine,
            home,
            domains: domains.unwrap_or_default(),
            stacks: stacks.into_iter().flatten().collect(),
            nudged: Notify::new(),
            over: AtomicBool::new(false),
            shadowed: Mutex::default(),
            closed: Mutex::default(),
        })
    }

    /// The same for a change, which says by how much ports of stacks are moved.
    pub fn of_change(engine: &'a Engine, want: &Want) -> Option<Self> {
        let mut announcer = Self::find(engine, want.project.as_deref())?;
        for id in &want.services {
            if let Some(said) = announcer.stacks.get_mut(id.stack.as_str()) {
                said.offset = Some(want.port_offset);
            }
        }
        Some(announcer)
    }

    /// Something came up or went down.
    pub fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Nothing more is to come: what is up now is told once more.
    pub fn finish(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.nudged.notify_one();
    }

    /// The names of this project that lead to another one, and the doors of
    /// anybody that stay closed, as far as that is news; nothing while nobody has
    /// an ingress.
    pub fn news(&self) -> Vec<String> {
        let settings = self.home.settings().ok();
        if settings.and_then(|it| it.http_port).is_none() {
            return Vec::new();
        }
        let shadowed: Vec<String> = self.shadowed().iter().map(leads_elsewhere).collect();
        let closed = self.closed();
        shadowed.into_iter().chain(closed.iter().cloned()).collect()
    }

    fn shadowed(&self) -> MutexGuard<'_, BTreeSet<Shadowed>> {
        let shadowed = self.shadowed.lock();
        shadowed.unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> MutexGuard<'_, Vec<String>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shadowed_of(&self, root: &Path) -> Result<BTreeSet<Shadowed>> {
        let all = self.home.announced().map_err(home_error)?;
        let all = shadowed(&all).into_iter();
        Ok(all.filter(|it| it.of == root).collect())
    }

    /// Tells after each nudge, until the last one.
    ///
    /// # Errors
    /// Of the last time.
    pub async fn go_on(&self) -> Result {
        loop {
            self.nudged.notified().await;
            let last = self.over.load(Ordering::Relaxed);
            let told = self.tell().await;
            if last {
                return told;
            }
        }
    }

    /// Tells what is up now.
    ///
    /// # Errors
    /// The engine could not look, or a file cannot be written.
    pub async fn tell(&self) -> Result {
        let changes = self.write().await?;
        read_anew(self.engine, &self.home, changes).await
    }

    /// Writes what is up now, and says what has to be read anew.
    async fn write(&self) -> Result<Changes> {
        // Looked at and written as one: a look that is older than another's
        // does not come after it.
        let locked = locked(&self.home).await?;
        let states = self.engine.services(&BTreeSet::new()).await;
        let states = states.map_err(engine_error)?;
        let rollouts = known(self.engine)?;
        let announced = |state| announced(state, &rollouts);
        let mut services: Vec<AnnouncedService> = states.iter().filter_map(announced).collect();
        services.sort();
        let project = self.engine.project();
        let announced = Announced {
            root: project.root,
            domains: self.domains.clone(),
            services,
            stacks: self.stacks.clone(),
            turn: 0,
        };
        let whose = (project.id.as_str(), self.engine.name());
        let root = announced.root.clone();
        let before = self.shadowed_of(&root)?;
        let tellers = self.home.tellers();
        let kept = |id: &str| id == whose.0 || self.engine.keeps_beside(id);
        let kept = tellers.projects().filter(|it| kept(it));
        let kept = kept.map(str::to_owned).collect();
        let forgotten = self.home.forget_all_but(&locked, &tellers, &kept);
        forgotten.map_err(home_error)?;
        let told = self.home.announced_with(whose, &announced);
        let told = told.map_err(home_error)?;
        if let Some(closed) = to_close(self.engine, &self.home, &told).await? {
            let before = self.home.closed();
            let news = closed.iter().filter(|it| !before.contains(&it.port()));
            self.closed().extend(news.map(Closed::words));
            let ports = closed.iter().map(Closed::port).collect();
            self.home.close(&locked, &ports).map_err(home_error)?;
        }
        let changes = self.home.announce(&locked, whose, &announced);
        let changes = changes.map_err(home_error)?;
        let new = self.shadowed_of(&root)?;
        self.shadowed().extend(new.difference(&before).cloned());
        drop(locked);
        Ok(changes)
    }
}

/// Has those read anew whose configuration is another one. One that does not
/// keeps the other one from nothing.
pub(super) async fn read_anew(engine: &Engine, home: &Home, changes: Changes) -> Result {
    let names = match changes.names {
        true => names_anew(engine, home).await,
        false => Ok(()),
    };
    let routes = match changes.routes {
        true => routes_anew(engine, home).await,
        false => Ok(()),
    };
    match (names, routes) {
        (Err(names), Err(routes)) => Err(names.with(routes)),
        (names, routes) => names.and(routes),
    }
}

async fn names_anew(engine: &Engine, home: &Home) -> Result {
    let text = home.read(Read::Names).map_err(home_error)?;
    match Beside::settled(engine, home, DNS).await {
        Found::Up(resolver) => resolver.signal().await?,
        // It reads at its start.
        Found::Down | Found::Fails => {}
        Found::Left(_) => return Err(left(DNS)),
        Found::Unknown => return Ok(()),
    }
    home.began(Read::Names, &text).map_err(home_error)
}

async fn routes_anew(engine: &Engine, home: &Home) -> Result {
    let text = home.read(Read::Routes).map_err(home_error)?;
    match Beside::settled(engine, home, INGRESS).await {
        // It is about to listen elsewhere, as a new process.
        Found::Up(ingress) if !listens(home, &ingress)? => return Ok(()),
        Found::Up(ingress) => ingress.reload().await?,
        Found::Down => {}
        Found::Left(_) => return Err(left(INGRESS)),
        Found::Fails | Found::Unknown => return Ok(()),
    }
    home.began(Read::Routes, &text).map_err(home_error)
}

/// That nobody is there to have it read anything anew.
fn left(service: &str) -> Error {
    let error = format!("{service} goes on as it was: its agent is gone");
    Error::failed(error).hint(format!("`hob {service} up` starts it anew"))
}

/// Whether the ingress listens where the settings say.
fn listens(home: &Home, ingress: &Beside) -> Result<bool> {
    let settings = home.settings().map_err(home_error)?;
    let port = ingress.listen.map(|it| it.port());
    Ok(settings.http_port == port)
}

/// What a stack's files say of its own door.
fn said(project: &Project, stack: &Stack) -> AnnouncedStack {
    let port = stack.ingress.as_ref().and_then(|it| it.port);
    let port = port.and_then(|it| it.offset(project.config.port_offset));
    let routes = stack.services.values().flat_map(|service| {
        let paths = service.routes.iter();
        paths.map(|path| (path.to_string(), service.known_as.to_string()))
    });
    AnnouncedStack {
        port: port.map(|it| it.get()),
        offset: None,
        routes: routes.collect(),
    }
}

/// What is told of a service; nothing unless it answers somewhere.
fn announced(state: &ServiceState, rollouts: &Rollouts) -> Option<AnnouncedService> {
    let Verdict::Up(status) = &state.verdict else {
        return None;
    };
    let listen = status.listen.as_ref()?;
    let service = state.owner.service.clone()?;
    let id: ServiceId = state.owner.to_string().parse().ok()?;
    let version_of = rollouts.find(&id);
    let mut names = BTreeMap::new();
    if let Some((of, rollout, version)) = version_of {
        if of != &id {
            names.insert(service.clone(), 100);
        }
        let shares = rollout.shares().into_iter();
        let own = shares.filter(|(it, _)| *it == version);
        names.extend(own.map(|(_, percent)| (of.service.to_string(), percent)));
    } else {
        names.insert(service.clone(), 100);
    }
    let version = match (status.mode, version_of) {
        (Mode::Dev, _) => "dev",
        (Mode::Run, Some((_, _, version))) => version.as_str(),
        (Mode::Run, None) => "1",
    };
    Some(AnnouncedService {
        stack: state.owner.stack.clone(),
        version: version.to_owned(),
        service,
        names,
        addr: listen.addr,
        speaks: match listen.protocol {
            Protocol::Http => Speaks::Http,
            Protocol::Grpc => Speaks::Grpc,
            Protocol::Tcp => Speaks::Other,
        },
    })
}

/// Tells of all projects of this state home: what was up before anybody asked for names or routes
/// has them, too, and what is told of projects that are gone goes. A project
/// that cannot be looked at is named, and holds up nobody. What is news comes
/// back, line by line.
///
/// # Errors
/// It cannot be told which projects there are.
pub async fn announce_all(context: &Context) -> Result<Vec<String>> {
    let home = home(&context.environment)?;
    let tellers = home.tellers();
    let surroundings = context.surroundings()?;
    let failed = |error: hob_engine::PathsError| Error::failed(error.to_string());
    // Another state home's have an ingress of their own.
    let known = Engine::known_projects(&surroundings).await;
    let all = known.map_err(failed)?.own;
    let mut ids: BTreeSet<String> = all.iter().map(|it| it.id.clone()).collect();
    let mut news = Vec::new();
    for project in all {
        let files = Project::load(&project.root, &context.environment).project;
        let project = files.as_ref().map_or(project, ProjectRef::from);
        ids.insert(project.id.clone());
        let root = project.root.display().to_string();
        match announce(context, project, files.as_ref()).await {
            Ok(told) => news.extend(told),
            Err(error) => context.output.say(format!("{root}: {}", error.message)),
        }
    }
    let locked = locked(&home).await?;
    let changes = home.forget_all_but(&locked, &tellers, &ids);
    let changes = changes.map_err(home_error)?;
    drop(locked);
    let platform = Project::load(home.root(), &context.environment).project;
    if let Some(platform) = &platform {
        let engine = context.engine(ProjectRef::from(platform), Some(platform))?;
        read_anew(&engine, &home, changes).await?;
    }
    Ok(news)
}

async fn announce(
    context: &Context,
    project: ProjectRef,
    files: Option<&Project>,
) -> Result<Vec<String>> {
    let mut news = Vec::new();
    for engine in context.engines(project, files).await? {
        if let Some(announcer) = Announcer::find(&engine, files) {
            announcer.write().await?;
            news.append(&mut announcer.closed());
        }
    }
    Ok(news)
}

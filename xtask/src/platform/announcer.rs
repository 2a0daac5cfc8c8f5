//! [`Announcer`]: tells resolver and ingress what of a project is up, while a
//! change of it is performed and when it is done.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hob_engine::{AgentClient, Engine, ProjectRef, ServiceState, Verdict};
use hob_platform::{Announced, AnnouncedService, DNS, Home, INGRESS, Read, STACK};
use hob_stack::{Project, ServiceId};
use hob_wire::{Protocol, Request};
use tokio::sync::Notify;

use super::{home, home_error, inside};
use crate::change::engine_error;
use crate::context::Context;
use crate::error::{Error, Result};

/// How long a service of the platform may take to say how it is.
const ANSWER: Duration = Duration::from_secs(1);

/// Runs where the ingress is, in its folder or its container.
const RELOAD: &str = r#"
here=/usr/local/lib/hob
[ -f "$here/serve.sh" ] || here=.
exec sh "$here/serve.sh" reload
"#;

/// How long the resolver may take to begin anew.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells of one project on one engine.
pub struct Announcer<'a> {
    engine: &'a Engine,
    home: Home,
    domains: BTreeSet<String>,
    news: Notify,
    over: AtomicBool,
}

impl<'a> Announcer<'a> {
    /// None while nobody has asked for resolver or ingress.
    pub fn find(engine: &'a Engine, project: Option<&Project>) -> Option<Self> {
        let home = home(engine.environment()).ok()?;
        let domains = project.map(|it| it.config.domains.clone());
        home.is_there().then(|| Self {
            engine,
            home,
            domains: domains.unwrap_or_default(),
            news: Notify::new(),
            over: AtomicBool::new(false),
        })
    }

    /// Something came up or went down.
    pub fn nudge(&self) {
        self.news.notify_one();
    }

    /// Nothing more is to come: what is up now is told once more.
    pub fn finish(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Tells after each nudge, until the last one.
    ///
    /// # Errors
    /// Of the last time.
    pub async fn go_on(&self) -> Result {
        loop {
            self.news.notified().await;
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
        let states = self.engine.services(&BTreeSet::new()).await;
        let states = states.map_err(engine_error)?;
        let mut services: Vec<AnnouncedService> = states.iter().filter_map(announced).collect();
        services.sort();
        let project = self.engine.project();
        let announced = Announced {
            root: project.root,
            domains: self.domains.clone(),
            services,
        };
        let name = format!("{}-{}", project.id, self.engine.name());
        let changes = self.home.announce(&name, &announced).map_err(home_error)?;
        if changes.names {
            self.read_anew(Read::Names).await?;
        }
        if changes.routes {
            self.read_anew(Read::Routes).await?;
        }
        Ok(())
    }

    /// Has who reads a configuration read it as it is now; nothing where it is
    /// down.
    async fn read_anew(&self, read: Read) -> Result {
        let text = self.home.read(read).map_err(home_error)?;
        let service = match read {
            Read::Names => DNS,
            Read::Routes => INGRESS,
        };
        if let Some(beside) = Beside::find(self.engine, &self.home, service).await {
            match read {
                Read::Names => beside.begin_anew().await,
                Read::Routes => beside.reload().await?,
            }
        }
        self.home.began(read, &text).map_err(home_error)
    }
}

/// A service of the platform that is up.
struct Beside {
    agent: AgentClient,
    program: PathBuf,
    root: PathBuf,
    service: &'static str,
}

impl Beside {
    async fn find(engine: &Engine, home: &Home, service: &'static str) -> Option<Self> {
        let root = home.root();
        let platform = Project::load(root, engine.environment()).project?;
        let own = engine.beside(ProjectRef::from(&platform)).ok()?;
        let id: ServiceId = format!("{STACK}/{service}").parse().ok()?;
        let agent = own.agent(&id).ok()?;
        let status = agent.status(ANSWER).await.ok()?;
        status.serving.is_some().then(|| Self {
            agent,
            program: engine.program().to_owned(),
            root: root.to_owned(),
            service,
        })
    }

    /// A new process: it reads its configuration at its start alone.
    async fn begin_anew(&self) {
        if let Ok(mut connection) = self.agent.open(&Request::Restart, AGAIN).await {
            // It says itself what it does not manage.
            let _ = connection.receiver.next().await;
        }
    }

    /// The same process, which goes on with its old configuration where it
    /// refuses the new one.
    async fn reload(&self) -> Result {
        let ended = inside(&self.program, &self.root, self.service, RELOAD).await?;
        if ended.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        let words = words.lines().map(str::to_owned);
        Err(Error::failed("the ingress refuses its new routes; the old ones stay").details(words))
    }
}

/// What is told of a service; nothing unless it answers somewhere.
fn announced(state: &ServiceState) -> Option<AnnouncedService> {
    let Verdict::Up(status) = &state.verdict else {
        return None;
    };
    let listen = status.listen.as_ref()?;
    Some(AnnouncedService {
        stack: state.owner.stack.clone(),
        service: state.owner.service.clone()?,
        addr: listen.addr,
        http: listen.protocol == Protocol::Http,
        version: status.serving.as_ref()?.generation.to_string(),
    })
}

/// Tells of all projects: what was up before anybody asked for names or routes
/// has them, too.
///
/// # Errors
/// The engines could not look.
pub async fn announce_all(context: &Context) -> Result {
    let surroundings = context.surroundings()?;
    let failed = |error: hob_engine::PathsError| Error::failed(error.to_string());
    let all = Engine::all_projects_in_engines(&surroundings).await;
    for project in all.map_err(failed)? {
        let files = hob_stack::Project::load(&project.root, &context.environment).project;
        let project = files.as_ref().map_or(project, ProjectRef::from);
        for engine in context.engines(project, files.as_ref()).await? {
            if let Some(announcer) = Announcer::find(&engine, files.as_ref()) {
                announcer.tell().await?;
            }
        }
    }
    Ok(())
}

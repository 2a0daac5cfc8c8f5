//! [`Announcer`]: tells resolver and ingress what of a project is up, while a
//! change of it is performed and when it is done.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hob_engine::{Engine, ProjectRef, ServiceState, Verdict};
use hob_platform::{Announced, AnnouncedService, DNS, Home, STACK};
use hob_stack::{Project, ServiceId};
use hob_wire::{Protocol, Request};
use tokio::sync::Notify;

use super::{home, home_error};
use crate::change::engine_error;
use crate::error::Result;

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
            let names = self.home.names().map_err(home_error)?;
            self.begin_anew(DNS).await;
            self.home.names_began(&names).map_err(home_error)?;
        }
        Ok(())
    }

    /// A new process of a service that reads its configuration at its start
    /// alone; nothing where it is down.
    async fn begin_anew(&self, service: &str) {
        let root = self.home.root();
        let loaded = Project::load(root, self.engine.environment());
        let Some(platform) = loaded.project else {
            return;
        };
        let id: Option<ServiceId> = format!("{STACK}/{service}").parse().ok();
        let (Ok(engine), Some(id)) = (self.engine.beside(ProjectRef::from(&platform)), id) else {
            return;
        };
        let Ok(agent) = engine.agent(&id) else { return };
        if let Ok(mut connection) = agent.open(&Request::Restart, AGAIN).await {
            // It says itself what it does not manage.
            let _ = connection.receiver.next().await;
        }
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
    })
}

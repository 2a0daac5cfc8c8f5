//! [`Beside`]: a service of the platform that is up, wherever that is, and has
//! to read something anew.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_engine::{AgentClient, Engine, ProjectRef, Verdict};
use hob_platform::{DNS, Home, STACK};
use hob_stack::{EngineChoice, ProjectId, ServiceId};
use hob_wire::{Phase, Reply, Request, Status};
use tokio::time::{Instant, timeout};

use super::{Inside, inside};
use crate::error::{Error, Result};

/// How long an agent may take to say how it is.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How long it may take until a service is known to be up or not, and between
/// two looks at that.
const SETTLED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// How long an agent may take to send a signal.
const SIGNAL: Duration = Duration::from_secs(10);

/// How long the ingress may take to read its routes.
const RELOADING: Duration = Duration::from_secs(20);

/// Runs where the ingress is, in its folder or its container; what it is to do
/// follows.
const INGRESS: &str = r#"
here=/usr/local/lib/hob
[ -f "$here/serve.sh" ] || here=.
exec sh "$here/serve.sh""#;

/// How the ingress's script ends when there are still connections.
const OPEN: i32 = 3;

/// The service of a platform, and that as a project.
fn place(home: &Home, service: &str) -> Option<(ServiceId, ProjectRef)> {
    let id = format!("{STACK}/{service}").parse().ok()?;
    let root = home.root().canonicalize().ok()?;
    let project = ProjectRef {
        id: ProjectId::of(&root).to_string(),
        root,
    };
    Some((id, project))
}

/// The same where nginx did not look at its routes.
const SILENT: i32 = 4;

/// A service of the platform that is up.
pub struct Beside {
    agent: AgentClient,
    /// The engine that it is on.
    pub engine: &'static str,
    program: PathBuf,
    root: PathBuf,
    service: &'static str,
    /// Where it listens.
    pub listen: Option<SocketAddr>,
}

/// Whether it is.
pub enum Found {
    Up(Beside),
    Down,
    /// Its agent is gone, and what that left on this engine still runs: it goes
    /// on as it was, and hears of nothing.
    Left(&'static str),
    /// Its agent has no process now: the last one failed, and the next one, if
    /// it comes, reads everything at its start.
    Fails,
    /// It is on its way, or does not say.
    Unknown,
}

impl Found {
    /// That another engine than this one, where it is to come up, has nothing
    /// left of it: each ends what is its own.
    ///
    /// # Errors
    /// It has.
    pub fn is_not_left_beside(&self, engine: &Engine, service: &str) -> Result {
        match self {
            Self::Left(other) if *other != engine.name() => {
                let error = format!(
                    "the agent of {service} on the {other} engine is gone, and what it started \
                     is not"
                );
                let down = format!("`hob {service} down --engine {other}` ends that");
                Err(Error::failed(error).hint(down))
            }
            _ => Ok(()),
        }
    }
}

impl Beside {
    /// Looks on every engine: whoever brought it up may have named one. An agent
    /// that says that it serves needs no engine's word for it.
    pub async fn find(engine: &Engine, home: &Home, service: &'static str) -> Found {
        let Some((id, project)) = place(home, service) else {
            return Found::Unknown;
        };
        let engines = EngineChoice::EACH;
        let engines = engines.map(|choice| engine.beside(choice, project.clone()));
        let engines: Vec<Engine> = engines.into_iter().flatten().collect();
        let found = |own: &Engine, agent: AgentClient, status: &Status| {
            Found::Up(Self {
                agent,
                engine: own.name(),
                program: engine.program().to_owned(),
                root: project.root.clone(),
                service,
                listen: status.listen.as_ref().map(|it| it.addr),
            })
        };
        for own in &engines {
            let Ok(agent) = own.agent(&id) else { continue };
            if let Ok(status) = agent.status(AT_ONCE).await
                && status.serving.is_some()
            {
                return found(own, agent, &status);
            }
        }
        for own in &engines {
            // What is on an engine that does not answer is not up.
            let Ok(states) = own.services(&BTreeSet::from([id.clone()])).await else {
                continue;
            };
            let owner = hob_engine::owner(&id);
            let state = states.into_iter().find(|it| it.owner == owner);
            match state.map(|it| it.verdict) {
                None | Some(Verdict::Down) => {}
                Some(Verdict::Up(status)) if status.serving.is_some() => {
                    return match own.agent(&id) {
                        Ok(agent) => found(own, agent, &status),
                        Err(_) => Found::Unknown,
                    };
                }
                Some(Verdict::Up(status))
                    if matches!(status.phase, Phase::Backoff | Phase::Failed) =>
                {
                    return Found::Fails;
                }
                Some(Verdict::Remains(_)) => return Found::Left(own.name()),
                Some(_) => return Found::Unknown,
            }
        }
        Found::Down
    }

    /// The same once it is known whether it is up, within a limit. A resolver
    /// that fails is known to be: nobody waits for what it reads by itself. What
    /// an ingress makes of its routes is told once it is back.
    pub async fn settled(engine: &Engine, home: &Home, service: &'static str) -> Found {
        let end = Instant::now() + SETTLED;
        loop {
            match Self::find(engine, home, service).await {
                Found::Fails if service == DNS => return Found::Fails,
                Found::Unknown | Found::Fails if Instant::now() < end => {
                    tokio::time::sleep(LOOK).await;
                }
                found => return found,
            }
        }
    }

    /// The same process, which is told that there is something to read.
    ///
    /// # Errors
    /// Its agent does not take that.
    pub async fn signal(&self) -> Result {
        let failed = |why: String| {
            let service = self.service;
            let error = Error::failed(format!("{service} does not read its files anew: {why}"));
            error.hint(format!("`hob {service} up`"))
        };
        let asking = async {
            let opened = self.agent.open(&Request::Signal, SIGNAL).await;
            let mut connection = opened.map_err(|error| failed(error.to_string()))?;
            match connection.receiver.next().await {
                Ok(Some(Reply::Done)) => Ok(()),
                Ok(Some(Reply::Refused { reason, .. })) => Err(failed(reason)),
                Ok(_) => Err(failed("its agent went down".to_owned())),
                Err(error) => Err(failed(error.to_string())),
            }
        };
        let late = || failed(format!("no answer within {} s", SIGNAL.as_secs()));
        timeout(SIGNAL, asking).await.map_err(|_| late())?
    }

    /// The same process, which goes on with its old configuration where it
    /// refuses the new one.
    ///
    /// # Errors
    /// It refuses, or does not answer.
    pub async fn reload(&self) -> Result {
        let script = format!("{INGRESS} reload");
        let ended = inside(&self.inside(RELOADING), &script).await?;
        if ended.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        let words = words.lines().map(str::to_owned);
        if ended.status.code() == Some(SILENT) {
            let error = "the ingress does not answer; the old routes stay";
            let anew = "`hob ingress down`, then `hob ingress up`, starts it anew";
            return Err(Error::failed(error).details(words).hint(anew));
        }
        let error = Error::failed("the ingress refuses its new routes; the old ones stay");
        let error = error.details(words);
        Err(error.hint("`hob ingress up` tries them again, once that is mended"))
    }

    /// Waits until the ingress has no connection to this port any more, for as
    /// long as this; whether it came to that.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn drain(&self, port: u16, limit: Duration) -> Result<bool> {
        let seconds = limit.as_secs().max(1);
        let script = format!("{INGRESS} drain {seconds} {port}");
        let ended = inside(&self.inside(limit + RELOADING), &script).await?;
        match ended.status.code() {
            Some(0) => Ok(true),
            Some(OPEN) => Ok(false),
            _ => {
                let words = String::from_utf8_lossy(&ended.stderr).into_owned();
                let words = words.lines().map(str::to_owned);
                let error = "the ingress does not tell which requests go on";
                Err(Error::failed(error).details(words))
            }
        }
    }

    fn inside(&self, limit: Duration) -> Inside<'_> {
        Inside {
            program: &self.program,
            project: Path::new(&self.root),
            engine: Some(self.engine),
            service: self.service,
            limit,
        }
    }
}

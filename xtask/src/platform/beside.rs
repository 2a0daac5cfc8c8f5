//! [`Beside`]: a service of the platform that is up, wherever that is, and has
//! to read something anew.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hob_engine::{AgentClient, Engine, ProjectRef, Verdict};
use hob_platform::{Home, STACK};
use hob_stack::{EngineChoice, Project, ServiceId};
use hob_wire::{Reply, Request};
use tokio::time::timeout;

use super::{Inside, inside};
use crate::error::{Error, Result};

/// How long a new process may take to serve.
const AGAIN: Duration = Duration::from_secs(10);

/// How long the ingress may take to read its routes.
const RELOADING: Duration = Duration::from_secs(20);

/// Runs where the ingress is, in its folder or its container.
const RELOAD: &str = r#"
here=/usr/local/lib/hob
[ -f "$here/serve.sh" ] || here=.
exec sh "$here/serve.sh" reload
"#;

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
    /// It is on its way, or does not say.
    Unknown,
}

impl Beside {
    /// Looks on every engine: whoever brought it up may have named one.
    pub async fn find(engine: &Engine, home: &Home, service: &'static str) -> Found {
        let root = home.root();
        let id = format!("{STACK}/{service}").parse::<ServiceId>();
        let platform = Project::load(root, engine.environment()).project;
        let (Ok(id), Some(platform)) = (id, platform) else {
            return Found::Unknown;
        };
        for choice in [EngineChoice::Docker, EngineChoice::Host] {
            let own = engine.beside(choice, ProjectRef::from(&platform));
            let Ok(own) = own else { continue };
            // What is on an engine that does not answer is not up.
            let Ok(states) = own.services(&BTreeSet::from([id.clone()])).await else {
                continue;
            };
            let owner = hob_engine::owner(&id);
            let state = states.into_iter().find(|it| it.owner == owner);
            match state.map(|it| it.verdict) {
                None | Some(Verdict::Down) => {}
                Some(Verdict::Up(status)) if status.serving.is_some() => {
                    let Ok(agent) = own.agent(&id) else {
                        return Found::Unknown;
                    };
                    return Found::Up(Self {
                        agent,
                        engine: own.name(),
                        program: engine.program().to_owned(),
                        root: root.to_owned(),
                        service,
                        listen: status.listen.map(|it| it.addr),
                    });
                }
                Some(_) => return Found::Unknown,
            }
        }
        Found::Down
    }

    /// A new process: it reads its configuration at its start alone.
    ///
    /// # Errors
    /// It does not serve in time, or says why it does not.
    pub async fn begin_anew(&self) -> Result {
        let failed = |why: String| {
            let service = self.service;
            let error = Error::failed(format!("{service} does not begin anew: {why}"));
            error.hint(format!("`hob {service} up`"))
        };
        let asking = async {
            let opened = self.agent.open(&Request::Restart, AGAIN).await;
            let mut connection = opened.map_err(|error| failed(error.to_string()))?;
            loop {
                match connection.receiver.next().await {
                    Ok(Some(Reply::Done)) => return Ok(()),
                    Ok(Some(_)) => {}
                    Ok(None) => return Err(failed("its agent went down".to_owned())),
                    Err(error) => return Err(failed(error.to_string())),
                }
            }
        };
        let late = || failed(format!("it does not serve within {} s", AGAIN.as_secs()));
        timeout(AGAIN, asking).await.map_err(|_| late())?
    }

    /// The same process, which goes on with its old configuration where it
    /// refuses the new one.
    ///
    /// # Errors
    /// It refuses.
    pub async fn reload(&self) -> Result {
        let ended = inside(&self.inside(), RELOAD).await?;
        if ended.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        let words = words.lines().map(str::to_owned);
        let error = Error::failed("the ingress refuses its new routes; the old ones stay");
        let error = error.details(words);
        Err(error.hint("`hob ingress up` tries them again, once that is mended"))
    }

    fn inside(&self) -> Inside<'_> {
        Inside {
            program: &self.program,
            project: Path::new(&self.root),
            engine: Some(self.engine),
            service: self.service,
            limit: RELOADING,
        }
    }
}

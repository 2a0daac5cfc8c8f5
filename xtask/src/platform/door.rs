//! [`Door`]: what a stack with `[ingress]` stands on. hob's own resolver and
//! ingress come up before it, and the stack's port is nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};

use hob_authority::About;
use hob_engine::{Engine, Owner, Want, owner};
use hob_platform::{Announced, AnnouncedService, DNS, Home, INGRESS, STACK, Settings, Speaks};
use hob_stack::{Project, ServiceId, Stack};
use hob_wire::Mode;

use super::beside::{Beside, Found};
use super::taken::{ELSEWHERE, begun, but_of_left, not_taken};
use super::{HTTP, HTTPS, Platform, announce_all, home, home_error, locked::turn};
use crate::change::{Changed, LOCK, Words, change_within};
use crate::context::Context;
use crate::error::{Code, Error, Result};
use crate::stage::Stage;

/// The doors of the stacks that some services are of.
pub struct Door<'a> {
    /// The caller.
    pub context: &'a Context,
    /// Where the services are to run.
    pub engine: &'a Engine,
    /// What their files say.
    pub project: &'a Project,
    /// What is to be up.
    pub services: &'a BTreeSet<ServiceId>,
    /// What is added to fixed ports.
    pub port_offset: u16,
    /// Whether nobody asked for this try: what begins is no news.
    pub quietly: bool,
}

impl Door<'_> {
    /// Brings up what these services stand on, if it is not up yet, whatever
    /// engine it is on. Nothing is done for stacks without `[ingress]`.
    ///
    /// # Errors
    /// The ingress cannot come up, or somebody else has the port of a stack. A
    /// resolver that cannot is worth a warning: names are a convenience.
    pub async fn stand(
        &self,
        stage: &Stage,
        words: &Words,
        cancel: impl Future<Output = ()>,
    ) -> Result {
        let stacks = self.stacks();
        if stacks.is_empty() {
            return Ok(());
        }
        let home = home(&self.context.environment)?;
        let ports = self.ports(&stacks);
        let Standing { missing, ingress } = self.standing(&home).await;
        self.are_free(&home, &ports, ingress).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut cancel = std::pin::pin!(cancel);
        let turn = tokio::select! {
            turn = turn(&home) => turn?,
            () = &mut cancel => return Err(Error::said(Code::Interrupted)),
        };
        // Whoever had it may have brought them up, on any engine.
        let Standing { missing, .. } = self.standing(&home).await;
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = stacks.iter().map(|it| it.name.as_str()).collect();
        let (names, services) = (names.join(", "), missing.join(" and "));
        if !self.quietly {
            stage.say_folded(format!("{names} stands on hob's {services}: first that"));
        }
        let taken: BTreeSet<u16> = ports.keys().copied().collect();
        let platform = Platform::with_port(self.context, &taken).await?;
        let changed = bring(&platform, &missing, stage, words, cancel).await?;
        drop(turn);
        if let (true, Err(failure)) = (failed(&changed, INGRESS), changed.result()) {
            if changed.applied.was_interrupted() {
                return Err(failure);
            }
            let error = format!("the ingress did not come up, and {names} cannot do without it");
            return Err(Error::new(failure.code, error).hint("`hob ingress up` tries it alone"));
        }
        if failed(&changed, DNS) {
            let names = format!("names of {names} lead nowhere until it is up");
            stage.say_folded(format!("the resolver is not up: {names} (`hob dns up`)"));
        }
        let news = announce_all(self.context).await?;
        news.iter().for_each(|line| stage.say_folded(line));
        Ok(())
    }

    /// The stacks that have a door.
    fn stacks(&self) -> Vec<&Stack> {
        let names: BTreeSet<_> = self.services.iter().map(|it| &it.stack).collect();
        let stacks = names
            .into_iter()
            .filter_map(|it| self.project.stacks.get(it));
        stacks.filter(|it| it.ingress.is_some()).collect()
    }

    /// Their ports on loopback, and whose each is.
    fn ports(&self, stacks: &[&Stack]) -> BTreeMap<u16, String> {
        let offsets = [self.project.config.port_offset, self.port_offset];
        let port = |stack: &&Stack| {
            let mut port = stack.ingress.as_ref()?.port?;
            for offset in offsets {
                port = port.offset(offset)?;
            }
            Some((port.get(), stack.name.to_string()))
        };
        stacks.iter().filter_map(port).collect()
    }

    /// What is up, on whichever engine.
    async fn standing(&self, home: &Home) -> Standing {
        let mut standing = Standing {
            missing: vec![DNS, INGRESS],
            ingress: None,
        };
        if !home.is_there() {
            return standing;
        }
        for service in [DNS, INGRESS] {
            if let Found::Up(beside) = Beside::find(self.engine, home, service).await {
                standing.missing.retain(|it| *it != service);
                standing.ingress = beside.listen.filter(|_| service == INGRESS);
            }
        }
        standing
    }

    /// That the ingress may listen where it is to.
    async fn are_free(
        &self,
        home: &Home,
        ports: &BTreeMap<u16, String>,
        ingress: Option<SocketAddr>,
    ) -> Result {
        let settings = home.settings().map_err(home_error)?;
        if let Some((port, stack)) = ports.iter().find(|it| settings.http_port == Some(*it.0)) {
            let error =
                format!("the ingress answers for all stacks on port {port}, not only for {stack}");
            return Err(Error::failed(error)
                .hint("`hob ingress up --port PORT` moves it")
                .hint(ELSEWHERE));
        }
        if let Some(error) = self.of_another(home, ports)? {
            // It may have been told by somebody who is gone.
            announce_all(self.context).await?;
            if self.of_another(home, ports)?.is_some() {
                return Err(error);
            }
        }
        let on_loopback = |port: &u16| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        let mut wanted: BTreeSet<SocketAddr> = ports.keys().map(on_loopback).collect();
        if ingress.is_some() {
            let own = begun(home);
            wanted.retain(|it| !own.contains(it));
        } else if home.is_there()
            && let Some(platform) = Platform::there(self.context)?
        {
            let engine = platform.context.load(&[])?.engine(&platform.context)?;
            let found = Beside::find(&engine, home, INGRESS).await;
            found.is_not_left_beside(&engine, INGRESS)?;
            wanted = but_of_left(&engine, INGRESS, wanted);
        }
        not_taken(self.engine, ingress, &wanted)
    }

    /// The first of these ports that is another stack's.
    fn of_another(&self, home: &Home, ports: &BTreeMap<u16, String>) -> Result<Option<Error>> {
        let all = home.announced().map_err(home_error)?;
        let doors = all.iter().flat_map(|project| {
            project
                .doors()
                .map(move |(stack, said)| (project, stack, said))
        });
        let mut others = doors.filter_map(|(project, stack, said)| {
            let port = said.listens()?;
            let own = ports.get(&port)?;
            let same = project.root == self.project.root && stack == own;
            (!same).then(|| another(port, own, project, stack))
        });
        Ok(others.next())
    }
}

/// What of that is up.
struct Standing {
    /// What is not up on any engine.
    missing: Vec<&'static str>,
    /// Where the ingress listens.
    ingress: Option<SocketAddr>,
}

/// Brings these of the platform's services up, on the engine that the caller
/// takes.
async fn bring(
    platform: &Platform,
    services: &[&'static str],
    stage: &Stage,
    words: &Words,
    cancel: impl Future<Output = ()>,
) -> Result<Changed> {
    let names: Vec<String> = services.iter().map(|it| (*it).to_owned()).collect();
    let loading = platform.context.load(&names)?;
    let engine = loading.engine(&platform.context)?;
    for service in services {
        let news = platform.begins(&engine, service).await?;
        news.iter().for_each(|line| stage.say_folded(line));
    }
    let wanted = loading.closure(&names, false)?.into_iter().collect();
    let want = Want::up(loading.project.clone(), wanted, Mode::Run);
    change_within(&engine, &want, stage, LOCK, words, cancel).await
}

fn another(port: u16, stack: &str, project: &Announced, other: &str) -> Error {
    let root = project.root.display();
    let folder = hob_engine::typed(&project.root);
    Error::failed(format!(
        "the ingress answers on port {port} for {other} of {root}, so not for {stack}"
    ))
    .hint(ELSEWHERE)
    .hint(format!("`hob down --project {folder} {other}` gives it up"))
}

/// Whether one of the platform's services did not come up.
fn failed(changed: &Changed, service: &str) -> bool {
    let id = format!("{STACK}/{service}").parse::<ServiceId>();
    let owner: Option<Owner> = id.ok().map(|id| owner(&id));
    changed.concerns(&owner.into_iter().collect())
}

/// Where people reach the services of these stacks by the ingress, each with
/// its addresses: the stack's own port first, then names.
///
/// # Errors
/// What is announced cannot be read.
pub fn addresses(context: &Context, project: &Project) -> Result<BTreeMap<String, Vec<String>>> {
    let home = home(&context.environment)?;
    let mut addresses = BTreeMap::new();
    if !home.is_there() {
        return Ok(addresses);
    }
    let settings = home.settings().map_err(home_error)?;
    let urls = Urls::of(&home, &settings)?;
    for announced in home.announced().map_err(home_error)? {
        if announced.root != project.root {
            continue;
        }
        let services = announced.services.iter();
        for service in services.filter(|it| it.speaks == Speaks::Http) {
            let stack = project.stacks.get(service.stack.as_str());
            if stack.is_some_and(|it| it.ingress.is_some()) {
                let id = format!("{}/{}", service.stack, service.service);
                addresses.insert(id, urls.of_service(&announced, service));
            }
        }
    }
    Ok(addresses)
}

/// What the addresses of services are made of.
pub struct Urls {
    /// What stands after a host.
    http: String,
    /// The same by HTTPS, and who signs; none while that is not served.
    https: Option<(String, About)>,
    /// The ports of stacks where nobody answers.
    closed: BTreeSet<u16>,
}

impl Urls {
    /// Those that an ingress with these settings serves.
    ///
    /// # Errors
    /// Who signs cannot be read.
    pub fn of(home: &Home, settings: &Settings) -> Result<Self> {
        let about = home.authority().about();
        let about = about.map_err(|error| home_error(error.into()))?;
        let https = settings.https_port.map(|it| HTTPS.in_url(Some(it)));
        Ok(Self {
            http: HTTP.in_url(settings.http_port),
            https: https.zip(about),
            closed: home.closed(),
        })
    }

    /// The addresses of one service by HTTPS.
    pub fn by_https(&self, announced: &Announced, service: &AnnouncedService) -> Vec<String> {
        let Some((https, about)) = self.https.as_ref().filter(|_| service.speaks.is_led_to())
        else {
            return Vec::new();
        };
        let hosts = by_host(announced, service).into_iter();
        let signed = hosts.filter(|(host, _)| about.permits(host));
        let address = |(host, path): (String, &str)| format!("https://{host}{https}{path}");
        signed.map(address).collect()
    }

    /// The addresses of one service by HTTP.
    pub fn of_service(&self, announced: &Announced, service: &AnnouncedService) -> Vec<String> {
        let said = announced.stacks.get(&service.stack);
        let port = said.and_then(|it| it.listens());
        let port = port.filter(|it| !self.closed.contains(it));
        let own = |path| Some(format!("http://localhost:{}{path}", port?));
        let own = paths(announced, service).into_iter().filter_map(own);
        let http = &self.http;
        let hosts = by_host(announced, service).into_iter();
        let hosts = hosts.map(|(host, path)| format!("http://{host}{http}{path}"));
        own.chain(hosts).collect()
    }
}

/// The hosts that lead to a service, each with a path that does: by its stack's
/// name, then by its own ones.
fn by_host<'a>(announced: &'a Announced, service: &'a AnnouncedService) -> Vec<(String, &'a str)> {
    let (stack, names) = (&service.stack, &service.names);
    let paths = paths(announced, service);
    let hosts = announced.domains.iter().flat_map(|domain| {
        let by_path = paths.iter();
        let by_path = by_path.map(move |path| (format!("{stack}.{domain}"), *path));
        let by_name = names.keys();
        by_path.chain(by_name.map(move |name| (format!("{name}.{stack}.{domain}"), "/")))
    });
    hosts.collect()
}

/// The paths that lead to a service where its stack answers.
fn paths<'a>(announced: &'a Announced, service: &AnnouncedService) -> Vec<&'a str> {
    let said = announced.stacks.get(&service.stack).into_iter();
    let routes = said.flat_map(|it| &it.routes);
    let routes = routes.filter(|it| service.names.contains_key(it.1));
    routes.map(|it| it.0.as_str()).collect()
}

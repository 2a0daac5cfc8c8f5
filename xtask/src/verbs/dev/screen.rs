//! What a dev session looks like: log lines, saves with their waterfall,
//! where the services answer, the keys.

#![expect(clippy::disallowed_methods, reason = "it opens the desktop's browser")]

use std::collections::BTreeMap;
use std::time::Duration;

use console::style;
use hob_session::{Key, Shown, Told};
use hob_stack::{Project, ServiceId};
use hob_wire::{
    Event, EventKind, Listen, Micros, Problem, Protocol, Stage as Where, Status, Waterfall,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::context::Context;
use crate::keys::Keys;
use crate::platform::addresses;
use crate::render::{Look, Names, address, describe, waterfall};
use crate::stage::Stage;

/// A save's line waits this long for its first answer, so that both are one
/// line; without a client there is none.
const ANSWER: Duration = Duration::from_millis(60);

/// The terminal of one session.
pub struct Screen {
    context: Context,
    stage: Stage,
    names: Names,
    /// In the order in which they came.
    services: Vec<String>,
    status: BTreeMap<String, Status>,
    /// The failures that were shown: of which save, and where.
    failed: BTreeMap<String, (u64, Where)>,
    saves: BTreeMap<String, (Micros, Waterfall, Instant)>,
    urls: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    keys: bool,
}

impl Screen {
    pub fn new(context: Context, stage: Stage, services: &[ServiceId]) -> Self {
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        Self {
            context,
            stage,
            names: Names::new(services.iter().map(String::as_str)),
            services,
            status: BTreeMap::new(),
            failed: BTreeMap::new(),
            saves: BTreeMap::new(),
            urls: std::sync::Arc::default(),
            keys: false,
        }
    }

    /// Reads keys for as long as the result lives.
    pub fn read_keys(&mut self, keys: mpsc::UnboundedSender<Key>) -> Option<Keys> {
        if self.context.output.json {
            return None;
        }
        let (typed_in, mut typed) = mpsc::unbounded_channel();
        let reading = Keys::read(typed_in)?;
        self.keys = true;
        let (stage, urls) = (self.stage.clone(), self.urls.clone());
        tokio::spawn(async move {
            while let Some(char) = typed.recv().await {
                match char {
                    'o' => open(
                        &stage,
                        &urls.lock().map(|urls| urls.clone()).unwrap_or_default(),
                    ),
                    '?' | 'h' => stage.say(help()),
                    '\n' => stage.say(""),
                    char => {
                        if let Some(key) = super::key(char)
                            && keys.send(key).is_err()
                        {
                            return;
                        }
                    }
                }
            }
        });
        Some(reading)
    }

    /// Shows what the session tells until it is over.
    pub async fn show(mut self, mut shown: mpsc::UnboundedReceiver<Shown>) {
        loop {
            let due = self.saves.values().map(|(_, _, due)| *due).min();
            let waiting = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                one = shown.recv() => match one {
                    Some(one) => self.take(one),
                    None => break,
                },
                () = waiting => self.flush(Some(Instant::now())),
            }
        }
        self.flush(None);
    }

    fn take(&mut self, shown: Shown) {
        if self.context.output.json {
            return self.tell(&shown);
        }
        match shown {
            Shown::Event(event) => self.event(event),
            Shown::Status(status) => self.status(*status),
            Shown::Lost(service) => {
                self.status.remove(&service.to_string());
                self.know_urls();
            }
            Shown::Services(services) => self.services(&services),
            Shown::Told(told) => self.told(&told),
            Shown::Watch(service, text) => {
                let name = self.names.show(&service.to_string());
                self.stage
                    .say(format!("{name} {} {text}", style("!").yellow()));
            }
        }
    }

    fn status(&mut self, status: Status) {
        // What failed before this session heard of it.
        if let Some(problem) = &status.problem {
            let known = self.failed.get(&status.service);
            if known != Some(&(problem.generation, problem.stage)) {
                self.flush(None);
                let lines = problem_lines(&self.names.show(&status.service), problem);
                lines.iter().for_each(|line| self.stage.say(line));
            }
            let failure = (problem.generation, problem.stage);
            self.failed.insert(status.service.clone(), failure);
        }
        self.status.insert(status.service.clone(), status);
        self.know_urls();
    }

    /// Those that were known stay in their places, and in their colours.
    fn services(&mut self, services: &[ServiceId]) {
        let now: Vec<String> = services.iter().map(ToString::to_string).collect();
        self.services.retain(|known| now.contains(known));
        for service in now {
            if !self.services.contains(&service) {
                self.services.push(service);
            }
        }
        self.status
            .retain(|service, _| self.services.contains(service));
        self.names = Names::new(self.services.iter().map(String::as_str));
        self.know_urls();
    }

    fn event(&mut self, event: Event) {
        match &event.kind {
            EventKind::Failed {
                generation, stage, ..
            } => {
                let failure = (*generation, *stage);
                self.failed.insert(event.service.clone(), failure);
            }
            EventKind::Crashed { generation, .. } => {
                let failure = (*generation, Where::Crash);
                self.failed.insert(event.service.clone(), failure);
            }
            _ => {}
        }
        if let EventKind::FirstAnswer { waterfall: save } = &event.kind
            && let Some((at, shown, due)) = self.saves.get_mut(&event.service)
            && shown.generation == save.generation
        {
            (*at, *shown, *due) = (event.at, *save, Instant::now());
            return self.flush(Some(Instant::now()));
        }
        match describe(&self.names, &event) {
            Look::Lines(lines) => {
                // What a save says comes after what was said before it.
                self.flush(None);
                let is_log = matches!(event.kind, EventKind::Log(_));
                for line in lines {
                    if is_log {
                        self.stage.say(line);
                    } else {
                        self.stage.say_folded(line);
                    }
                }
            }
            Look::Save(save) => {
                let due = Instant::now() + ANSWER;
                self.saves.insert(event.service, (event.at, save, due));
            }
            Look::Nothing => {}
        }
    }

    /// Shows the saves whose wait is over, or all.
    fn flush(&mut self, now: Option<Instant>) {
        let over = |due: &Instant| now.is_none_or(|now| *due <= now);
        let due: Vec<String> = self
            .saves
            .iter()
            .filter(|(_, (_, _, due))| over(due))
            .map(|(service, _)| service.clone())
            .collect();
        for service in due {
            let width = self
                .context
                .output
                .watched
                .then_some(self.context.output.width);
            if let Some((at, save, _)) = self.saves.remove(&service) {
                self.stage
                    .say(waterfall(&self.names, &service, at, &save, width));
            }
        }
    }

    fn told(&mut self, told: &Told) {
        let yellow = style("!").yellow();
        let line = match told {
            Told::AllReady => return self.all_ready(),
            // Whoever watches has seen each save.
            Told::CaughtUp => return,
            Told::SomeReady { serves } => {
                self.addresses();
                let what = match serves {
                    true => "not everything is ready",
                    false => "nothing is ready yet",
                };
                format!(
                    "{what}; a save mends it, and what is in the way is looked for again; Ctrl-C ends"
                )
            }
            Told::Paused(true) => "paused: saves are kept back until you press p again".to_owned(),
            Told::Paused(false) => "going on".to_owned(),
            Told::AgentLost(service) => {
                format!("{yellow} the agent of {service} died; starting another one")
            }
            Told::TakenDown(service) => format!("{yellow} {service} was taken down from elsewhere"),
            Told::Taken { service, reason } => format!("{yellow} {service}: {reason}"),
            Told::TakenBack(service) => {
                format!("the session that had {service} is over; bringing it up here")
            }
            Told::SelfWritten(it) => {
                self.stage.say_folded(format!("{yellow} {}", it.fact()));
                format!("  {} {}", style("hint:").cyan(), it.advice())
            }
            Told::Leaving => "stopping; once more to stop at once".to_owned(),
        };
        self.stage.say_folded(line);
    }

    fn all_ready(&mut self) {
        self.addresses();
        if self.keys {
            self.stage.say(style(help()).dim().to_string());
        } else {
            self.stage
                .say("ready; every save is built and answered; Ctrl-C stops");
        }
    }

    /// Where the services answer.
    fn addresses(&mut self) {
        // Saves come before what they led to.
        self.flush(None);
        let doors = self.doors();
        for (service, listen) in self.serving() {
            let (name, place) = (self.names.show(service), address(&listen));
            self.stage.say(format!("  {name} {place}"));
            let doors = doors.get(service).into_iter().flatten();
            doors.for_each(|address| self.stage.say(format!("    {address}")));
        }
    }

    /// Where services answer by the ingress. What cannot be read is said by
    /// whoever changes it.
    fn doors(&self) -> BTreeMap<String, Vec<String>> {
        let Ok(root) = self.context.root() else {
            return BTreeMap::new();
        };
        let project = Project::load(&root, &self.context.environment).project;
        let doors = project.map(|project| addresses(&self.context, &project));
        doors.and_then(crate::error::Result::ok).unwrap_or_default()
    }

    /// The services that answer now, and where.
    fn serving(&self) -> impl Iterator<Item = (&String, Listen)> {
        self.services.iter().filter_map(|service| {
            let status = self.status.get(service);
            let serves = status.filter(|status| status.phase.serves())?;
            Some((service, serves.listen?))
        })
    }

    /// For the key that opens them.
    fn know_urls(&self) {
        let pages = self.serving().map(|(_, listen)| listen);
        let pages = pages.filter(|listen| listen.protocol == Protocol::Http);
        if let Ok(mut known) = self.urls.lock() {
            *known = pages.map(|listen| url(&listen)).collect();
        }
    }

    fn tell(&self, shown: &Shown) {
        let value = match shown {
            Shown::Event(event) => serde_json::json!({ "event": event }),
            Shown::Status(status) => serde_json::json!({ "status": status }),
            Shown::Told(told) => serde_json::json!({ "session": word(told) }),
            // Statuses and the words of the session say it.
            Shown::Lost(_) | Shown::Services(_) => return,
            Shown::Watch(service, text) => serde_json::json!({ "watch": text, "service": service }),
        };
        let mut value = value;
        if let Some(object) = value.as_object_mut() {
            object.insert("protocol".into(), hob_wire::PROTOCOL.into());
        }
        self.stage.value(value);
    }
}

fn word(told: &Told) -> serde_json::Value {
    match told {
        Told::AllReady => "ready".into(),
        Told::CaughtUp => "caught-up".into(),
        Told::SomeReady { .. } => "partly-ready".into(),
        Told::Paused(true) => "paused".into(),
        Told::Paused(false) => "resumed".into(),
        Told::Leaving => "leaving".into(),
        Told::AgentLost(service) => serde_json::json!({ "agent-lost": service }),
        Told::TakenDown(service) => serde_json::json!({ "taken-down": service }),
        Told::TakenBack(service) => serde_json::json!({ "taken-back": service }),
        Told::SelfWritten(it) => {
            serde_json::json!({ "self-written": { "service": it.service, "note": it.to_string() } })
        }
        Told::Taken { service, reason } => {
            serde_json::json!({ "taken": { "service": service, "reason": reason } })
        }
    }
}

/// Why a service does not answer, with its own words.
pub(super) fn problem_lines(name: &str, problem: &Problem) -> Vec<String> {
    let mark = style("✗").red().bold();
    let mut lines = vec![format!("{mark} {name}: {}", style(&problem.message).red())];
    let output = problem.output.iter();
    lines.extend(output.map(|line| format!("    {}", line.text)));
    lines
}

fn help() -> &'static str {
    "r restart · b rebuild · p pause · o open in a browser · q quit"
}

fn url(listen: &Listen) -> String {
    format!("http://{}/", listen.addr)
}

/// Opens each page with the desktop's own opener.
fn open(stage: &Stage, urls: &[String]) {
    let opener = ["xdg-open", "open"]
        .into_iter()
        .find_map(|name| which::which(name).ok());
    let Some(opener) = opener else {
        return stage.say(format!(
            "no browser opener is installed; open {}",
            urls.join(" ")
        ));
    };
    for url in urls {
        let started = std::process::Command::new(&opener)
            .arg(url)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        match started {
            Ok(mut child) => {
                // It is waited for so that it leaves no zombie.
                std::thread::spawn(move || child.wait());
            }
            Err(error) => stage.say(format!("cannot open {url}: {error}")),
        }
    }
}

//! [`Dev`]: a `hob dev --json` session and what it tells.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hob_wire::{Event, EventKind, Status};
use rustix::process::Signal;
use serde::Deserialize;

use crate::place::{Place, STACK};
use crate::stop::{self, Group};

/// How long anything but a huge tree may take.
pub const LIMIT: Duration = Duration::from_secs(120);

/// One line of `hob dev --json`.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// What an agent told.
    pub event: Option<Event>,
    /// An agent's state.
    pub status: Option<Box<Status>>,
    /// The session's own word.
    pub session: Option<serde_json::Value>,
}

/// A session with all services of a place.
pub struct Dev {
    process: Group,
    lines: Receiver<Line>,
    said: PathBuf,
    status: BTreeMap<String, Status>,
    /// The newest process of each service: its number and its port.
    processes: BTreeMap<String, (u32, u16)>,
}

impl Dev {
    /// Starts a session and waits until all its services are ready.
    pub fn start(place: &Place) -> Result<Self> {
        let said = place.path().join("dev.log");
        let mut command = place.hob();
        command
            .args(["dev", "--json"])
            .stderr(Stdio::from(File::create(&said)?));
        let mut process = stop::spawn(&mut command)?;
        let out = process.0.stdout.take().context("hob has no output")?;
        let (to, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    if to.send(line).is_err() {
                        break;
                    }
                }
            }
        });
        let (status, processes) = (BTreeMap::new(), BTreeMap::new());
        let mut dev = Self {
            process,
            lines,
            said,
            status,
            processes,
        };
        dev.until("all services are ready", |line| {
            line.session
                .as_ref()
                .filter(|told| *told == "ready")
                .map(|_| ())
        })?;
        Ok(dev)
    }

    /// Waits until a line is what is looked for. A service that fails is an
    /// error.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Line) -> Option<T>) -> Result<T> {
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let said = std::fs::read_to_string(&self.said).unwrap_or_default();
                bail!("`hob dev` did not tell that {what}; it said:\n{said}");
            };
            self.learn(&line)?;
            if let Some(found) = look(&line) {
                return Ok(found);
            }
        }
    }

    /// Waits for an event of a service.
    pub fn event<T>(
        &mut self,
        service: &str,
        what: &str,
        mut look: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let service = format!("{STACK}/{service}");
        self.until(what, |line| {
            line.event
                .as_ref()
                .filter(|event| event.service == service)
                .and_then(&mut look)
        })
    }

    fn learn(&mut self, line: &Line) -> Result<()> {
        if let Some(status) = &line.status {
            self.status
                .insert(status.service.clone(), (**status).clone());
        }
        match line
            .event
            .as_ref()
            .map(|event| (&event.service, &event.kind))
        {
            Some((service, EventKind::Started { pid, port, .. })) => {
                self.processes
                    .insert(service.clone(), (*pid, port.unwrap_or(0)));
            }
            Some((
                service,
                EventKind::Failed {
                    message, output, ..
                },
            )) => {
                let words: Vec<&str> = output.iter().map(|line| line.text.as_str()).collect();
                bail!("{service}: {message}\n{}", words.join("\n"));
            }
            Some((service, EventKind::Crashed { message, .. })) => bail!("{service}: {message}"),
            _ => {}
        }
        Ok(())
    }

    /// Where a service's clients reach it.
    pub fn address(&self, service: &str) -> Result<SocketAddr> {
        let listen = self.status(service)?.listen;
        Ok(listen
            .with_context(|| format!("{service} has no address"))?
            .addr)
    }

    /// What is known of a service.
    pub fn status(&self, service: &str) -> Result<&Status> {
        let status = self.status.get(&format!("{STACK}/{service}"));
        status.with_context(|| format!("`hob dev` told nothing of {service}"))
    }

    /// A service's newest process and the port it listens on itself.
    pub fn process(&self, service: &str) -> Result<(u32, u16)> {
        let process = self.processes.get(&format!("{STACK}/{service}")).copied();
        process.with_context(|| format!("`hob dev` told of no process of {service}"))
    }

    /// The session's own process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends the session with its services, as Ctrl-C does.
    pub fn end(mut self) -> Result<()> {
        self.process.signal(Signal::INT);
        self.process.wait()?;
        Ok(())
    }
}

//! `docker-fifty`: fifty small services in containers up, up again, and down,
//! against Docker Compose and against the engine's API alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

use super::skipped;
use crate::Bench;
use crate::compose::{self, Stack};
use crate::docker::{BASE, Docker};
use crate::place::Place;
use crate::report::{Row, Unit};
use crate::stats::Samples;
use crate::stop;

const NAME: &str = "docker-fifty";
const WHAT: &str = "fifty small services in containers: up, up again, down";
const SERVICES: usize = 50;
/// What the engine is asked for at once when it is measured alone.
const AT_ONCE: usize = 16;
/// The label of the containers that are measured alone.
const LABEL: &str = "hob-bench-alone";
/// How long `down` may take, in milliseconds.
const DOWN: f64 = 1000.0;

/// Answers every request and goes at TERM. Perl is in every Debian image and
/// is there at once, so that what is measured is not the services.
const SERVER: &str = r#"use strict;
use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(
    LocalAddr => $ENV{HOST} // "0.0.0.0",
    LocalPort => $ENV{PORT} // 80,
    Listen    => 64,
    ReuseAddr => 1,
) or die $!;
while (1) {
    my $client = $server->accept or next;
    while (my $line = <$client>) { last if $line eq "\r\n" }
    print $client "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    close $client;
}
"#;

pub fn fifty(bench: &Bench) -> Result<Row> {
    let Some(docker) = Docker::find() else {
        return Ok(skipped(NAME, WHAT));
    };
    docker.provide(bench)?;
    let place = Place::on(&bench.hob, docker.engine(), &services())?;
    place.write("one/server.pl", SERVER)?;
    let source = place.stack().join("one");
    let stack = match &bench.compose {
        Some(program) => {
            let folder = place.path().join("compose");
            let services = theirs(&source.display().to_string());
            Some(Stack::new(program, &docker, &folder, &services)?)
        }
        None => None,
    };
    let alone = Alone::new(&docker, &place)?;
    let (mut ours, mut composed) = (Times::default(), Times::default());
    for _ in 0..bench.runs(3, 1) {
        alone.measure(&mut composed.start, &mut composed.end)?;
        let hob = |verb: &'static str| place.run(&["--quiet", verb]).map(drop);
        timed(&mut ours.cold, || hob("up"))?;
        for _ in 0..bench.runs(5, 3) {
            timed(&mut ours.again, || hob("up"))?;
        }
        timed(&mut ours.down, || hob("down"))?;
        if let Some(stack) = &stack {
            let up = || stack.run(&["up", "--detach"]).map(drop);
            timed(&mut composed.cold, up)?;
            for _ in 0..bench.runs(5, 3) {
                timed(&mut composed.again, up)?;
            }
            timed(&mut composed.down, || stack.run(&["down"]).map(drop))?;
        }
    }
    if let Some(stack) = stack {
        stack.end()?;
    }
    place.end()?;
    Ok(tell(bench, &ours, &composed))
}

#[derive(Default)]
struct Times {
    cold: Samples,
    again: Samples,
    down: Samples,
    /// The engine alone.
    start: Samples,
    end: Samples,
}

fn tell(bench: &Bench, ours: &Times, others: &Times) -> Row {
    let mut row = Row::new(NAME, WHAT);
    row.spread("cold up", Unit::Ms, &ours.cold);
    row.spread("up when all are up", Unit::Ms, &ours.again);
    row.spread("down", Unit::Ms, &ours.down);
    row.spread("engine alone: create and start", Unit::Ms, &others.start);
    row.spread("engine alone: stop and remove", Unit::Ms, &others.end);
    let times = |ours: &Samples, floor: &Samples| ours.p50() / floor.p50();
    let (cold, down) = (
        times(&ours.cold, &others.start),
        times(&ours.down, &others.end),
    );
    row.single("cold up to the engine alone", Unit::Times, cold);
    row.single("down to the engine alone", Unit::Times, down);
    match &bench.compose {
        Some(program) => {
            row.spread("compose: cold up", Unit::Ms, &others.cold);
            row.spread("compose: up when all are up", Unit::Ms, &others.again);
            row.spread("compose: down", Unit::Ms, &others.down);
            row.target(
                "up when all are up, p50, to compose's",
                Unit::Ms,
                ours.again.p50(),
                others.again.p50(),
            );
            row.note(format!(
                "compose {} returns from `up` once all are started, hob once each accepts a \
                 connection",
                program.version
            ));
        }
        None => row.note(compose::MISSING),
    }
    row.target("down, p50", Unit::Ms, ours.down.p50(), DOWN);
    row.note(format!(
        "the engine alone: its API, {AT_ONCE} containers at a time, a port each, without mounts, \
         a network of their own and anything that is asked before"
    ));
    row
}

fn timed(samples: &mut Samples, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    work()?;
    samples.add_ms(began.elapsed());
    Ok(())
}

fn services() -> String {
    (0..SERVICES)
        .map(|number| {
            format!(
                "[services.s{number:02}]\nsource = \"one\"\nport = 80\npublish = \"auto\"\n\
                 image = {{ name = \"{BASE}\" }}\nrun = [\"perl\", \"server.pl\"]\n\n"
            )
        })
        .collect()
}

fn theirs(source: &str) -> String {
    (0..SERVICES)
        .map(|number| {
            format!(
                "  s{number:02}:\n    image: {BASE}\n    working_dir: /src\n    command: [perl, \
                 server.pl]\n    volumes: ['{source}:/src:ro']\n    ports: ['127.0.0.1::80']\n"
            )
        })
        .collect()
}

/// The containers that are made through the API alone; removed when this is
/// dropped.
struct Alone<'a> {
    docker: &'a Docker,
    label: String,
    folder: std::path::PathBuf,
    /// Held to read by whoever makes a container, so that nobody does any more
    /// while they are removed at Ctrl-C.
    making: Arc<RwLock<()>>,
}

impl<'a> Alone<'a> {
    fn new(docker: &'a Docker, place: &Place) -> Result<Self> {
        let folder = place.path().join("alone");
        std::fs::create_dir(&folder)?;
        let place = place.path().file_name().unwrap_or_default();
        let label = format!("{LABEL}-{}", place.to_string_lossy());
        let making = Arc::new(RwLock::new(()));
        let (engine, all, stopped) = (docker.clone(), label.clone(), making.clone());
        stop::register(&folder, move || {
            // For good: this program ends.
            std::mem::forget(stopped.write());
            engine.remove(&all)
        });
        Ok(Self {
            docker,
            label,
            folder,
            making,
        })
    }

    fn measure(&self, start: &mut Samples, end: &mut Samples) -> Result<()> {
        let ids = Mutex::new(Vec::new());
        timed(start, || {
            at_once(|_| {
                let command = ["perl", "-e", "$SIG{TERM} = sub { exit 0 }; sleep 1 while 1"];
                let _making = self.making.read();
                let id = self.docker.start(&command, &self.label)?;
                ids.lock().map(|mut ids| ids.push(id)).unwrap_or_default();
                Ok(())
            })
        })?;
        let ids = ids.into_inner().unwrap_or_default();
        if ids.len() != SERVICES {
            bail!("{} of fifty containers were started", ids.len());
        }
        timed(end, || at_once(|number| self.docker.end(&ids[number])))
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        stop::go_on();
        if let Err(error) = self.docker.remove(&self.label) {
            eprintln!("error: {error:#}");
        }
        stop::forget(&self.folder);
    }
}

/// The work for each of the fifty, so many at once.
fn at_once(work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let one = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= SERVICES {
                return Ok(());
            }
            work(number)?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        let mut ends = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ends.try_for_each(|it| it.unwrap_or_else(|_| bail!("a worker panicked")))
    })
}

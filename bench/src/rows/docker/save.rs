//! `docker-save`: from a save to the first answer of the new code in a dev
//! container, against the same on the host engine and by `compose watch`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::super::failed::number;
use super::super::save::{Found, save as save_by_hob};
use super::super::subject::{Edit, Subject};
use super::skipped;
use crate::Bench;
use crate::compose::{self, Stack};
use crate::dev::Dev;
use crate::docker::{BASE, Docker};
use crate::http::Client;
use crate::place::Place;
use crate::poll::{Poll, Seen};
use crate::process;
use crate::report::{Row, Unit};
use crate::stats::Samples;
use crate::stop::Group;

const NAME: &str = "docker-save";
const WHAT: &str = "from a save to the first answer of the new code in a dev container";
/// A save that Compose has not brought to an answer by then is lost.
const LOST: Duration = Duration::from_secs(10);
/// By how much a container may be later than the host engine, in
/// milliseconds.
const LATER: f64 = 30.0;

pub fn save(bench: &Bench) -> Result<Row> {
    let Some(docker) = Docker::find() else {
        return Ok(skipped(NAME, WHAT));
    };
    docker.provide(bench)?;
    let mut row = Row::new(NAME, WHAT);
    // The same program on both sides: what differs is the engine's.
    let inside = Subject {
        run: vec!["./hob-bench-service".into(), "$OUT/answer.txt".into()],
        ..Subject::copied(bench)
    };
    let beside = |folder: &Path| -> Result<()> {
        std::fs::copy(&bench.service, folder.join("hob-bench-service"))?;
        Ok(())
    };
    let pair = Pair {
        name: "one program",
        inside,
        outside: Subject::copied(bench),
        runs: bench.runs(40, 10),
    };
    pair.measure(bench, &docker, &mut row, beside, None)?;
    let Some(python) = interpreter() else {
        row.note("python skipped: `python3` is not on PATH; install it: `apt install python3`");
        return Ok(row);
    };
    let pair = Pair {
        name: "python",
        inside: Subject::python(),
        outside: Subject {
            run: vec![python, "server.py".into()],
            ..Subject::python()
        },
        runs: bench.runs(40, 8),
    };
    let every = bench.runs(2, 2);
    pair.measure(bench, &docker, &mut row, |_| Ok(()), Some(every))?;
    row.note("python is the image's in the container and this machine's own on the host");
    Ok(row)
}

/// The program that `python3` is in the end: a shim before it costs the host
/// alone.
fn interpreter() -> Option<String> {
    let mut python = Command::new("python3");
    let said = python.args(["-c", "import sys; print(sys.executable)"]);
    let said = said.output().ok().filter(|it| it.status.success())?;
    let path = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (!path.is_empty()).then_some(path)
}

/// One service in a container and on the host.
struct Pair {
    name: &'static str,
    inside: Subject,
    outside: Subject,
    runs: usize,
}

impl Pair {
    /// Saves in turn; `compose` says with how many saves one goes by Docker
    /// Compose.
    fn measure(
        self,
        bench: &Bench,
        docker: &Docker,
        row: &mut Row,
        beside: impl Fn(&Path) -> Result<()>,
        compose: Option<usize>,
    ) -> Result<()> {
        let image = format!("image = {{ name = \"{BASE}\" }}\n");
        let section = self.inside.section("web", &image)?;
        let there = Place::on(&bench.hob, docker.engine(), &section)?;
        let here = Place::new(&bench.hob, &self.outside.section("web", "")?)?;
        let folders = [&there, &here].map(|place| place.stack().join("web"));
        self.inside.place(&folders[0])?;
        beside(&folders[0])?;
        self.outside.place(&folders[1])?;
        let mut there_dev = Dev::start(&there)?;
        let mut here_dev = Dev::start(&here)?;
        let mut watch = match (&bench.compose, compose) {
            (Some(program), Some(_)) => {
                let stack = there.path().join("compose");
                Some(Watch::start(program, docker, &self.inside, &stack)?)
            }
            _ => None,
        };
        let (mut found, mut host) = (Found::default(), Found::default());
        let (mut ours, mut theirs, mut later) = Default::default();
        for run in 0..=self.runs {
            let mut container = || {
                let quiet = quiet(&ours);
                let web = &self.inside;
                save_by_hob(&mut there_dev, "web", web, &folders[0], quiet, &mut found)
            };
            let mut process = || {
                let quiet = quiet(&theirs);
                let web = &self.outside;
                save_by_hob(&mut here_dev, "web", web, &folders[1], quiet, &mut host)
            };
            // Now one and now the other goes first.
            let (took, other) = if run % 2 == 0 {
                (container()?, process()?)
            } else {
                let other = process()?;
                (container()?, other)
            };
            if run == 0 {
                // Caches are warm from here on.
                found.steps = Default::default();
                continue;
            }
            Samples::add_ms(&mut ours, took);
            Samples::add_ms(&mut theirs, other);
            Samples::add(&mut later, (took.as_secs_f64() - other.as_secs_f64()) * 1e3);
            if let (Some(watch), Some(every)) = (&mut watch, compose) {
                if run % every == 0 {
                    watch.save(&self.inside)?;
                }
            }
        }
        there_dev.end()?;
        here_dev.end()?;
        let name = self.name;
        row.spread(format!("{name}: in a container"), Unit::Ms, &ours);
        row.spread("  on the host engine", Unit::Ms, &theirs);
        row.single("  differs from the save beside by", Unit::Ms, later.p50());
        let names = ["noticed", "built", "started", "ready", "answered"];
        for (name, samples) in names.iter().zip(&found.steps) {
            row.spread(format!("  hob's own account: {name}"), Unit::Ms, samples);
        }
        match (watch, compose) {
            (Some(watch), _) => watch.tell(row, &ours)?,
            (None, Some(_)) => row.note(compose::MISSING),
            (None, None) => {}
        }
        there.end()?;
        here.end()?;
        let (what, value) = (format!("{name}: later than on the host"), later.p50());
        row.target(what, Unit::Ms, value, LATER);
        let failed = number(found.failed);
        row.target(format!("{name}: failed requests"), Unit::Count, failed, 0.0);
        Ok(())
    }
}

/// A little less than the shortest time so far.
fn quiet(samples: &Samples) -> Duration {
    Duration::from_secs_f64(samples.quantile(0.0) / 1e3 * 0.95)
}

/// The same service by `compose watch`, with `sync+restart`.
struct Watch {
    stack: Stack,
    _watching: Group,
    folder: PathBuf,
    addr: std::net::SocketAddr,
    poll: Poll,
    version: String,
    took: Samples,
    saves: usize,
}

impl Watch {
    fn start(
        program: &compose::Compose,
        docker: &Docker,
        subject: &Subject,
        folder: &Path,
    ) -> Result<Self> {
        let source = folder.join("web");
        subject.place(&source)?;
        let run = serde_json::to_string(&subject.run)?;
        std::fs::write(
            source.join("Dockerfile"),
            format!("FROM {BASE}\nWORKDIR /app\nCOPY . .\nCMD {run}\n"),
        )?;
        // A port that Compose chose would be another one after each restart.
        let addr = process::free_address()?;
        // Its own init hands TERM on, so that no restart waits for KILL.
        let services = format!(
            "  web:\n    build: web\n    init: true\n    environment: {{ HOST: 0.0.0.0, PORT: \
             '80' }}\n    ports: ['{addr}:80']\n    develop:\n      watch:\n        - action: \
             sync+restart\n          path: web\n          target: /app\n"
        );
        let stack = Stack::new(program, docker, folder, &services)?;
        stack.run(&["up", "--detach", "--build"])?;
        process::first_answer(addr, "save")?;
        let watching = stack.watch()?;
        Ok(Self {
            stack,
            _watching: watching,
            folder: source,
            addr,
            poll: Poll::start(addr),
            version: program.version.clone(),
            took: Samples::default(),
            saves: 0,
        })
    }

    /// One save, lost or not. The next one may follow at once, as with hob.
    fn save(&mut self, subject: &Subject) -> Result<()> {
        let edit = Edit::new(subject, &self.folder);
        let began = Instant::now();
        edit.save()?;
        self.saves += 1;
        while began.elapsed() < LOST {
            let answer = Client::connect(self.addr, "/").and_then(|mut client| client.get());
            if answer.is_ok_and(|it| it.body.contains(&edit.mark)) {
                self.took.add_ms(began.elapsed());
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    fn tell(self, row: &mut Row, ours: &Samples) -> Result<()> {
        let Seen {
            requests, failed, ..
        } = self.poll.end();
        row.spread("  compose watch, sync+restart", Unit::Ms, &self.took);
        let times = self.took.p50() / ours.p50();
        row.single("    compose to hob, at p50", Unit::Times, times);
        let lost = self.saves - self.took.count();
        row.single("    lost saves", Unit::Count, number(lost));
        row.single("      of", Unit::Count, number(self.saves));
        row.single("    failed requests", Unit::Count, number(failed));
        row.single("      of", Unit::Count, number(requests));
        row.note(format!(
            "compose {}; a save without an answer within {} s is lost; its requests are those of \
             two clients that ask every 5 ms",
            self.version,
            LOST.as_secs()
        ));
        drop(self._watching);
        self.stack.end().context("compose down")
    }
}

//! `go`, `python`, `node`: from a save to the first answer of the new code,
//! against the bare build and the bare start of the same program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hob_wire::{EventKind, Waterfall};

use super::subject::{Edit, Subject};
use crate::Bench;
use crate::dev::{Dev, LIMIT};
use crate::http::Client;
use crate::place::Place;
use crate::process;
use crate::report::{Row, Unit};
use crate::stats::Samples;
use crate::stop;

mod air;

pub fn go(bench: &Bench) -> Result<Row> {
    let what = "from the write of a Go file to the first answer of the new code";
    match which::which("go") {
        Ok(_) => measure(bench, "go", what, &Subject::go()?, bench.runs(100, 10)),
        Err(_) => Ok(missing("go", what, "go", "golang-go")),
    }
}

pub fn python(bench: &Bench) -> Result<Row> {
    let what = "from the write of a Python file to the first answer of the new code";
    match which::which("python3") {
        Ok(_) => measure(
            bench,
            "python",
            what,
            &Subject::python(),
            bench.runs(100, 10),
        ),
        Err(_) => Ok(missing("python", what, "python3", "python3")),
    }
}

pub fn node(bench: &Bench) -> Result<Row> {
    let what = "from the write of a JavaScript file to the first answer of the new code";
    match which::which("node") {
        Ok(_) => measure(bench, "node", what, &Subject::node(), bench.runs(100, 10)),
        Err(_) => Ok(missing("node", what, "node", "nodejs")),
    }
}

fn missing(name: &'static str, what: &str, program: &str, package: &str) -> Row {
    let mut row = Row::new(name, what);
    row.note(format!(
        "skipped: `{program}` is not on PATH; install it: `apt install {package}`"
    ));
    row
}

/// What is found in one row.
#[derive(Default)]
pub(super) struct Found {
    ours: Samples,
    held: Samples,
    bare: Samples,
    /// By how much each save took longer than the bare one beside it.
    longer: Samples,
    bare_build: Samples,
    pub(super) steps: [Samples; 5],
    pub(super) failed: usize,
}

fn measure(
    bench: &Bench,
    name: &'static str,
    what: &str,
    subject: &Subject,
    runs: usize,
) -> Result<Row> {
    let stack = subject.section("web", "")? + &subject.section("held", "swap = \"exclusive\"\n")?;
    let place = Place::new(&bench.hob, &stack)?;
    let folders = ["web", "held"].map(|service| place.stack().join(service));
    for folder in &folders {
        subject.place(folder)?;
    }
    let mut dev = Dev::start(&place)?;
    let mut bare = Bare::new(subject, place.path().join("bare"))?;
    let mut air = air::Air::start(subject, &place.path().join("air"))?;
    let mut found = Found::default();
    // One of each beforehand: caches are warm then.
    bare.save(subject, &mut Found::default())?;
    for run in 0..runs {
        let shortest = found.bare.quantile(0.0).min(found.ours.quantile(0.0));
        let quiet = Duration::from_secs_f64(shortest / 1e3 * 0.95);
        let ours = |dev: &mut Dev, found: &mut Found| {
            let took = save(dev, "web", subject, &folders[0], quiet, found)?;
            found.ours.add_ms(took);
            anyhow::Ok(took)
        };
        // Now one and now the other goes first: what is warm helps both.
        let (took, theirs) = if run % 2 == 0 {
            let theirs = bare.save(subject, &mut found)?;
            (ours(&mut dev, &mut found)?, theirs)
        } else {
            let took = ours(&mut dev, &mut found)?;
            (took, bare.save(subject, &mut found)?)
        };
        found
            .longer
            .add((took.as_secs_f64() - theirs.as_secs_f64()) * 1e3);
        if run % 4 == 0 {
            let took = save(&mut dev, "held", subject, &folders[1], quiet, &mut found)?;
            found.held.add_ms(took);
        }
        if run % 5 == 0 {
            if let Some(air) = &mut air {
                air.save(subject)?;
            }
        }
    }
    dev.end()?;
    let mut row = Row::new(name, what);
    tell(&mut row, subject, &found);
    if let Some(air) = air {
        air.tell(&mut row);
    } else if name == "go" {
        row.note(air::MISSING);
    }
    place.end()?;
    Ok(row)
}

fn tell(row: &mut Row, subject: &Subject, found: &Found) {
    row.spread("hob", Unit::Ms, &found.ours);
    let bare = if subject.build.is_some() {
        "bare build + bare start"
    } else {
        "bare start"
    };
    row.spread(bare, Unit::Ms, &found.bare);
    row.difference("difference of the two", Unit::Ms, &found.ours, &found.bare);
    row.single(
        "difference of a save and the bare one beside",
        Unit::Ms,
        found.longer.p50(),
    );
    let names = ["noticed", "built", "started", "ready", "answered"];
    for (name, samples) in names.iter().zip(&found.steps) {
        row.spread(format!("  hob's own account: {name}"), Unit::Ms, samples);
    }
    if subject.build.is_some() {
        row.spread("  bare: the build alone", Unit::Ms, &found.bare_build);
    }
    row.spread(
        "hob with swap = \"exclusive\", held request",
        Unit::Ms,
        &found.held,
    );
    let times = found.ours.p50() / found.bare.p50();
    row.single("hob to bare, at p50", Unit::Times, times);
    row.target("difference at p50", Unit::Ms, found.longer.p50(), 20.0);
    row.target(
        "difference at p99",
        Unit::Ms,
        found.ours.p99() - found.bare.p99(),
        50.0,
    );
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    row.target("failed requests", Unit::Count, found.failed as f64, 0.0);
}

/// Saves and asks on one connection, each millisecond, until the new code
/// answers. It begins to ask after `quiet`, a little less than the shortest
/// time so far: asking costs processor time, which the build would miss.
pub(super) fn save(
    dev: &mut Dev,
    service: &str,
    subject: &Subject,
    folder: &Path,
    quiet: Duration,
    found: &mut Found,
) -> Result<Duration> {
    let addr = dev.address(service)?;
    let edit = Edit::new(subject, folder);
    let mut client = Client::connect(addr, "/")?;
    let began = Instant::now();
    edit.save()?;
    std::thread::sleep(quiet);
    let took = loop {
        match client.get() {
            Ok(answer) if answer.status < 500 => {
                if answer.body.contains(&edit.mark) {
                    break began.elapsed();
                }
                if !answer.keep {
                    client = Client::connect(addr, "/")?;
                }
            }
            Ok(_) | Err(_) => {
                found.failed += 1;
                client = Client::connect(addr, "/")?;
            }
        }
        if began.elapsed() > LIMIT {
            bail!("the new code did not answer within {} s", LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let waterfall = settled(dev, service)?;
    if service == "web" {
        account(found, &waterfall);
    }
    Ok(took)
}

/// hob's account of the save that has just answered, once the old process is
/// gone, so that nothing runs beside what is measured next.
fn settled(dev: &mut Dev, service: &str) -> Result<Waterfall> {
    let (mut swapped, mut answered, mut retired) = (None, None, false);
    loop {
        dev.event(service, "the old process is gone", |event| {
            match &event.kind {
                EventKind::Swapped { waterfall } => {
                    swapped = Some(waterfall.generation);
                    Some(())
                }
                EventKind::FirstAnswer { waterfall } if swapped == Some(waterfall.generation) => {
                    answered = Some(*waterfall);
                    Some(())
                }
                EventKind::Retired { .. } => {
                    retired = true;
                    Some(())
                }
                _ => None,
            }
        })?;
        if let Some(waterfall) = answered.filter(|_| retired) {
            return Ok(waterfall);
        }
    }
}

fn account(found: &mut Found, waterfall: &Waterfall) {
    let answered = waterfall.answered.unwrap_or(0);
    let Waterfall {
        noticed,
        built,
        started,
        ready,
        ..
    } = *waterfall;
    let steps = [noticed, built, started, ready, answered];
    for (samples, step) in found.steps.iter_mut().zip(steps) {
        samples.add_ms(Duration::from_micros(step));
    }
}

/// The same program without hob.
struct Bare {
    folder: PathBuf,
    addr: SocketAddr,
    number: usize,
}

impl Bare {
    fn new(subject: &Subject, folder: PathBuf) -> Result<Self> {
        subject.place(&folder)?;
        Ok(Self {
            folder,
            addr: process::free_address()?,
            number: 0,
        })
    }

    /// Builds, starts, asks until it answers, and ends it.
    fn save(&mut self, subject: &Subject, found: &mut Found) -> Result<Duration> {
        self.number += 1;
        let out = self.folder.with_extension(format!("{}", self.number));
        std::fs::create_dir(&out)?;
        let edit = Edit::new(subject, &self.folder);
        let began = Instant::now();
        edit.save()?;
        if let Some(build) = &subject.build {
            let mut build = stop::spawn(&mut process::bare(build, &self.folder, &out)?)?;
            let status = build.wait()?;
            if !status.success() {
                bail!("the bare build {status}");
            }
            found.bare_build.add_ms(began.elapsed());
        }
        let run = process::bare(&subject.run, &self.folder, &out)?;
        let server = process::serve(run, self.addr)?;
        process::first_answer(self.addr, &edit.mark)?;
        let took = began.elapsed();
        found.bare.add_ms(took);
        drop(server);
        std::fs::remove_dir_all(&out)?;
        Ok(took)
    }
}

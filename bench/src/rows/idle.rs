//! `idle`: a tree of 100,000 files: how long until it is watched, and what
//! watching it costs while nothing happens.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use hob_wire::EventKind;

use super::subject::{Edit, Subject};
use crate::Bench;
use crate::dev::Dev;
use crate::place::Place;
use crate::process;
use crate::report::{Row, Unit};

const FOLDERS: usize = 1000;
const FILES: usize = 100;

pub fn idle(bench: &Bench) -> Result<Row> {
    let subject = Subject::copied(bench);
    let place = Place::new(&bench.hob, &subject.section("web", "")?)?;
    let folder = place.stack().join("web");
    subject.place(&folder)?;
    generate(&folder)?;
    let (files, bare) = read(&folder)?;
    let began = Instant::now();
    let mut dev = Dev::start(&place)?;
    let ready = began.elapsed();
    // The digest of all sources is told once every file was read.
    let digest = |status: &hob_wire::Status| {
        status
            .built
            .as_ref()
            .is_some_and(|build| build.digest.is_some())
    };
    if !digest(dev.status("web")?) {
        dev.until("all files are known", |line| {
            line.status
                .as_ref()
                .filter(|status| digest(status))
                .map(|_| ())
        })?;
    }
    let watching = began.elapsed();
    let (_, again) = read(&folder)?;
    let saved = Instant::now();
    Edit::new(&subject, &folder).save()?;
    dev.event("web", "the save serves", |event| {
        matches!(event.kind, EventKind::Swapped { .. }).then_some(())
    })?;
    let served = saved.elapsed();
    let (session, agent) = (dev.pid(), dev.status("web")?.agent_pid);
    dev.event("web", "the old process is gone", |event| {
        matches!(event.kind, EventKind::Retired { .. }).then_some(())
    })?;
    let window = Duration::from_secs(if bench.quick { 5 } else { 30 });
    let before = (process::ran(session)?, process::ran(agent)?);
    std::thread::sleep(window);
    let after = (process::ran(session)?, process::ran(agent)?);
    let share = |before: (Duration, u64), after: (Duration, u64)| {
        after.0.saturating_sub(before.0).as_secs_f64() / window.as_secs_f64() * 100.0
    };
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    // A thread that ended takes its count with it.
    let woken = |before: (Duration, u64), after: (Duration, u64)| {
        after.1.saturating_sub(before.1) as f64 / window.as_secs_f64()
    };
    let cpu = [share(before.0, after.0), share(before.1, after.1)];
    let mut row = Row::new("idle", format!("a dev session that watches {files} files"));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    row.single("start to the service being ready", Unit::Ms, ms(ready));
    row.single("start to every file being known", Unit::Ms, ms(watching));
    row.single("bare: read every file, before", Unit::Ms, ms(bare));
    row.single("bare: read every file, after", Unit::Ms, ms(again));
    row.single("a save to the swap", Unit::Ms, ms(served));
    row.single("session: memory", Unit::MiB, process::memory(session)?);
    row.single("agent: memory", Unit::MiB, process::memory(agent)?);
    row.single("session: processor", Unit::Percent, cpu[0]);
    row.single("  wake-ups a second", Unit::Rate, woken(before.0, after.0));
    row.single("agent: processor", Unit::Percent, cpu[1]);
    row.single("  wake-ups a second", Unit::Rate, woken(before.1, after.1));
    row.target(
        "processor, session and agent",
        Unit::Percent,
        cpu[0] + cpu[1],
        1.0,
    );
    dev.end()?;
    place.end()?;
    Ok(row)
}

fn generate(folder: &Path) -> Result<()> {
    for number in 0..FOLDERS {
        let folder = folder.join(format!("part{:02}/d{number:04}", number / 50));
        std::fs::create_dir_all(&folder)?;
        for file in 0..FILES {
            let text = format!("package d{number}\n\n// file {file} of folder {number}\n");
            std::fs::write(folder.join(format!("f{file:02}.txt")), text.repeat(20))?;
        }
    }
    Ok(())
}

/// Reads every file below a folder: the least that knowing them all takes.
fn read(folder: &Path) -> Result<(usize, Duration)> {
    let began = Instant::now();
    let (mut folders, mut files) = (vec![folder.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                std::fs::read(entry.path())?;
                files += 1;
            }
        }
    }
    Ok((files, began.elapsed()))
}

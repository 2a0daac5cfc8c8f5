//! `noticed`: from a save to the start of the build, against a bare inotify
//! watch that wakes one thread.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hob_wire::EventKind;
use rustix::fs::inotify;
use tempfile::TempDir;

use super::subject::{Edit, Subject, now};
use crate::Bench;
use crate::dev::Dev;
use crate::place::Place;
use crate::report::{Row, Unit};
use crate::stats::Samples;

pub fn noticed(bench: &Bench) -> Result<Row> {
    let subject = Subject::go()?;
    let place = Place::new(&bench.hob, &subject.section("web", "")?)?;
    let folder = place.stack().join("web");
    subject.place(&folder)?;
    let mut dev = Dev::start(&place)?;
    let bare = Bare::start()?;
    let (mut ours, mut inside, mut theirs) =
        (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..bench.runs(150, 30) {
        theirs.add_ms(bare.save()?);
        let edit = Edit::new(&subject, &folder);
        let saved = now();
        edit.save()?;
        let (started, noticed) = dev.event("web", "a build started", |event| match event.kind {
            EventKind::BuildStarted { noticed, .. } => Some((event.at, noticed)),
            _ => None,
        })?;
        ours.add_ms(Duration::from_micros(started.saturating_sub(saved)));
        inside.add_ms(Duration::from_micros(started.saturating_sub(noticed)));
        dev.event("web", "the old process is gone", |event| {
            matches!(event.kind, EventKind::Retired { .. }).then_some(())
        })?;
    }
    dev.end()?;
    place.end()?;
    let mut row = Row::new(
        "noticed",
        "from the write of a Go file to the start of the build",
    );
    row.spread("hob, by the writer's clock", Unit::Ms, &ours);
    row.spread("  of it after the first file event", Unit::Ms, &inside);
    row.spread(
        "bare inotify: write to the reader's waking",
        Unit::Ms,
        &theirs,
    );
    row.difference("difference", Unit::Ms, &ours, &theirs);
    row.target("p50", Unit::Ms, ours.p50(), 5.0);
    row.target("p99", Unit::Ms, ours.p99(), 50.0);
    Ok(row)
}

/// The least that any watcher needs.
struct Bare {
    folder: TempDir,
    woken: std::sync::mpsc::Receiver<Instant>,
}

impl Bare {
    fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("hob-")?;
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC).context("no inotify")?;
        let flags = inotify::WatchFlags::CLOSE_WRITE;
        inotify::add_watch(&watch, folder.path(), flags).context("no inotify watch")?;
        let (to, woken) = channel();
        thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = inotify::Reader::new(watch, &mut buffer);
            // It ends with the program.
            while reader.next().is_ok() {
                if to.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { folder, woken })
    }

    fn save(&self) -> Result<Duration> {
        let path = self.folder.path().join(OsString::from("file"));
        let saved = Instant::now();
        std::fs::write(path, "text")?;
        let woken = self.woken.recv_timeout(Duration::from_secs(10))?;
        Ok(woken.saturating_duration_since(saved))
    }
}

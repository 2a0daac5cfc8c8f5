//! `failed`: what a steady poll sees fail while a service is rebuilt again
//! and again, against a bare stop and start.

use std::path::Path;

use anyhow::{Result, bail};
use hob_wire::EventKind;
use rustix::process::Signal;

use super::subject::{Edit, Subject};
use crate::Bench;
use crate::dev::Dev;
use crate::place::Place;
use crate::poll::{Poll, Seen};
use crate::process;
use crate::report::{Row, Unit};

pub fn failed(bench: &Bench) -> Result<Row> {
    let (many, few) = (bench.runs(100, 20), bench.runs(20, 5));
    let copied = Subject::copied(bench);
    let go = which::which("go").is_ok().then(Subject::go).transpose()?;
    let exclusive = "swap = \"exclusive\"\n";
    let mut stack = copied.section("overlap", "")? + &copied.section("exclusive", exclusive)?;
    let mut cases = vec![("overlap", &copied, many), ("exclusive", &copied, many)];
    if let Some(go) = &go {
        stack += &go.section("go-overlap", "")?;
        stack += &go.section("go-exclusive", exclusive)?;
        cases.extend([("go-overlap", go, few), ("go-exclusive", go, few)]);
    }
    let place = Place::new(&bench.hob, &stack)?;
    for (name, subject, _) in &cases {
        subject.place(&place.stack().join(name))?;
    }
    let mut dev = Dev::start(&place)?;
    let mut row = Row::new(
        "failed",
        "requests that fail while a service is rebuilt: two clients ask every 5 ms, one on a \
         kept connection, one on new ones",
    );
    let (mut failures, mut words) = (0, Vec::new());
    for (name, subject, runs) in cases {
        let seen = rebuild(&mut dev, name, subject, &place.stack().join(name), runs)?;
        failures += seen.failed;
        words.extend(seen.words.iter().map(|word| format!("{name}: {word}")));
        tell(&mut row, &format!("{name}, {runs} rebuilds"), &seen);
    }
    dev.end()?;
    let seen = bare(&copied, &place.path().join("bare"), few)?;
    tell(
        &mut row,
        &format!("bare stop and start, {few} times"),
        &seen,
    );
    place.end()?;
    row.target("failed requests", Unit::Count, number(failures), 0.0);
    words.into_iter().for_each(|word| row.note(word));
    Ok(row)
}

pub(super) fn tell(row: &mut Row, name: &str, seen: &Seen) {
    row.single(format!("{name}: failed"), Unit::Count, number(seen.failed));
    row.single("  of requests", Unit::Count, number(seen.requests));
    row.single(
        "  the longest one",
        Unit::Ms,
        seen.longest.as_secs_f64() * 1e3,
    );
}

#[expect(clippy::cast_precision_loss, reason = "numbers of requests")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// Saves as soon as the last save serves.
pub(super) fn rebuild(
    dev: &mut Dev,
    name: &str,
    subject: &Subject,
    folder: &Path,
    runs: usize,
) -> Result<Seen> {
    let poll = Poll::start(dev.address(name)?);
    for _ in 0..runs {
        Edit::new(subject, folder).save()?;
        dev.event(name, "the new process serves", |event| {
            matches!(event.kind, EventKind::Swapped { .. }).then_some(())
        })?;
    }
    Ok(poll.end())
}

/// What anybody gets who stops and starts the same program on its port.
fn bare(subject: &Subject, folder: &Path, runs: usize) -> Result<Seen> {
    subject.place(folder)?;
    let out = folder.with_extension("out");
    std::fs::create_dir(&out)?;
    let addr = process::free_address()?;
    let mut server = None;
    let mut poll = None;
    for _ in 0..=runs {
        let edit = Edit::new(subject, folder);
        edit.save()?;
        if let Some(build) = &subject.build {
            let status = process::bare(build, folder, &out)?.status()?;
            if !status.success() {
                bail!("the bare build {status}");
            }
        }
        if let Some(old) = server.take() {
            let mut old: crate::stop::Group = old;
            old.signal(Signal::TERM);
            old.wait()?;
        }
        server = Some(process::serve(
            process::bare(&subject.run, folder, &out)?,
            addr,
        )?);
        process::first_answer(addr, &edit.mark)?;
        // The first one is no restart.
        poll.get_or_insert_with(|| Poll::start(addr));
    }
    Ok(poll.map(Poll::end).unwrap_or_default())
}

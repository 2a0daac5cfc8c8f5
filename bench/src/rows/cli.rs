//! `cli`: what a command costs that changes nothing, against the start of a
//! program that does nothing.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};

use super::subject::Subject;
use crate::Bench;
use crate::place::Place;
use crate::report::{Row, Unit};
use crate::stats::Samples;
use crate::stop;

pub fn cli(bench: &Bench) -> Result<Row> {
    let subject = Subject::copied(bench);
    let names = ["one", "two", "three"];
    let mut stack = String::new();
    for name in names {
        stack += &subject.section(name, "")?;
    }
    let place = Place::new(&bench.hob, &stack)?;
    for name in names {
        subject.place(&place.stack().join(name))?;
    }
    place.run(&["up"])?;
    let commands: [(&str, &[&str]); 3] = [
        ("hob --help", &["--help"]),
        ("hob status, three services up", &["status"]),
        ("hob plan --for up, nothing to do", &["plan", "--for", "up"]),
    ];
    let mut bare = Samples::default();
    let mut samples = [Samples::default(), Samples::default(), Samples::default()];
    for _ in 0..bench.runs(100, 20) {
        let mut nothing = Command::new("true");
        time(nothing.stdin(Stdio::null()), &mut bare)?;
        for ((_, args), samples) in commands.iter().zip(&mut samples) {
            time(place.hob().args(*args).stdout(Stdio::null()), samples)?;
        }
    }
    place.end()?;
    let mut row = Row::new("cli", "the whole time of a command that changes nothing");
    row.spread("bare: `true`", Unit::Ms, &bare);
    for ((name, _), samples) in commands.iter().zip(&samples) {
        row.spread(*name, Unit::Ms, samples);
        row.difference("  more than bare", Unit::Ms, samples, &bare);
    }
    row.note("no target is set for this row");
    Ok(row)
}

pub(super) fn time(command: &mut Command, samples: &mut Samples) -> Result<()> {
    let began = Instant::now();
    let mut process = stop::spawn(command)?;
    let status = process.wait()?;
    samples.add_ms(began.elapsed());
    if !status.success() {
        bail!("{command:?} {status}");
    }
    Ok(())
}

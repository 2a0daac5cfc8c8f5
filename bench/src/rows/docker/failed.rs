//! `docker-failed`: what a steady poll sees fail while a service in a dev
//! container is rebuilt again and again.

use anyhow::Result;

use super::super::failed::{number, rebuild, tell};
use super::super::subject::Subject;
use super::skipped;
use crate::Bench;
use crate::dev::Dev;
use crate::docker::{BASE, Docker};
use crate::place::Place;
use crate::report::{Row, Unit};

const NAME: &str = "docker-failed";
const WHAT: &str = "requests that fail while a service in a container is rebuilt: two clients ask \
                    every 5 ms, one on a kept connection, one on new ones";

pub fn failed(bench: &Bench) -> Result<Row> {
    let Some(docker) = Docker::find() else {
        return Ok(skipped(NAME, WHAT));
    };
    docker.provide(bench)?;
    let runs = bench.runs(100, 15);
    let subject = Subject::python();
    let image = format!("image = {{ name = \"{BASE}\" }}\n");
    let held = format!("{image}swap = \"exclusive\"\n");
    let cases = [("overlap", image), ("exclusive", held)];
    let mut stack = String::new();
    for (name, more) in &cases {
        stack += &subject.section(name, more)?;
    }
    let place = Place::on(&bench.hob, docker.engine(), &stack)?;
    for (name, _) in &cases {
        subject.place(&place.stack().join(name))?;
    }
    let mut dev = Dev::start(&place)?;
    let mut row = Row::new(NAME, WHAT);
    let mut failures = 0;
    for (name, _) in &cases {
        let seen = rebuild(&mut dev, name, &subject, &place.stack().join(name), runs)?;
        failures += seen.failed;
        tell(&mut row, &format!("{name}, {runs} rebuilds"), &seen);
        seen.words
            .iter()
            .for_each(|word| row.note(format!("{name}: {word}")));
    }
    dev.end()?;
    place.end()?;
    row.target("failed requests", Unit::Count, number(failures), 0.0);
    Ok(row)
}

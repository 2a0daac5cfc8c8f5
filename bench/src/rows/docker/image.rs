//! `docker-image`: what it costs to find that an image need not be built,
//! against Docker Compose.

use std::process::Stdio;

use anyhow::Result;

use super::super::cli::time;
use super::skipped;
use crate::Bench;
use crate::compose::{self, Stack};
use crate::docker::{BASE, Docker};
use crate::place::Place;
use crate::report::{Row, Unit};
use crate::stats::Samples;

const NAME: &str = "docker-image";
const WHAT: &str = "an image of 200 files in which nothing changed";
const FILES: usize = 200;

pub fn image(bench: &Bench) -> Result<Row> {
    let Some(docker) = Docker::find() else {
        return Ok(skipped(NAME, WHAT));
    };
    docker.provide(bench)?;
    let service = "[services.web]\nsource = \"web\"\nport = 80\npublish = \"auto\"\nimage = {}\n";
    let place = Place::on(&bench.hob, docker.engine(), service)?;
    let serve = "[\"python3\", \"-m\", \"http.server\", \"80\"]";
    let dockerfile = format!("FROM {BASE}\nWORKDIR /app\nCOPY . .\nUSER 65532\nCMD {serve}\n");
    place.write("web/Dockerfile", &dockerfile)?;
    for number in 0..FILES {
        let text = format!("{number}\n").repeat(1024);
        place.write(&format!("web/part/{number}.txt"), &text)?;
    }
    // The same in which no image is looked at: what is left is the check.
    let named = service.replace(
        "image = {}",
        &format!("image = {{ name = \"{BASE}\" }}\nrun = {serve}"),
    );
    let without = Place::on(&bench.hob, docker.engine(), &named)?;
    without.write("web/one.txt", "one\n")?;
    let stack = match &bench.compose {
        Some(program) => {
            let source = place.stack().join("web");
            let services = format!(
                "  web:\n    build: {}\n    init: true\n    ports: ['127.0.0.1::80']\n",
                source.display()
            );
            let folder = place.path().join("compose");
            Some(Stack::new(program, &docker, &folder, &services)?)
        }
        None => None,
    };
    place.run(&["up"])?;
    without.run(&["up"])?;
    if let Some(stack) = &stack {
        stack.run(&["up", "--detach", "--build"])?;
    }
    let plan = ["plan", "--for", "up"];
    let [mut planned, mut bare, mut up, mut build, mut theirs] =
        std::array::from_fn::<Samples, 5, _>(|_| Samples::default());
    for _ in 0..bench.runs(30, 8) {
        time(place.hob().args(plan).stdout(Stdio::null()), &mut planned)?;
        time(without.hob().args(plan).stdout(Stdio::null()), &mut bare)?;
        time(place.hob().arg("up").stdout(Stdio::null()), &mut up)?;
        if let Some(stack) = &stack {
            time(&mut stack.silent(&["build"]), &mut build)?;
            let again = ["up", "--detach", "--build"];
            time(&mut stack.silent(&again), &mut theirs)?;
        }
    }
    let composed = stack.is_some();
    if let Some(stack) = stack {
        stack.end()?;
    }
    without.end()?;
    place.end()?;
    let mut row = Row::new(NAME, WHAT);
    row.spread("hob plan --for up", Unit::Ms, &planned);
    row.spread("  of a service by the image's name", Unit::Ms, &bare);
    row.difference("  the check of the image", Unit::Ms, &planned, &bare);
    row.spread("hob up", Unit::Ms, &up);
    if composed {
        row.spread("compose build", Unit::Ms, &build);
        row.spread("compose up --build", Unit::Ms, &theirs);
        let times = theirs.p50() / up.p50();
        row.single("compose up --build to hob up", Unit::Times, times);
    } else {
        row.note(compose::MISSING);
    }
    row.note("no target is set for this row");
    Ok(row)
}

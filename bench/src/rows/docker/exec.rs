//! `docker-exec`: a command inside a service's container, by hob, by the
//! docker CLI and by the engine's API; and a question to its agent.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use hob_wire::{Hello, Request};

use super::super::cli::time;
use super::super::subject::Subject;
use super::skipped;
use crate::Bench;
use crate::dev::Dev;
use crate::docker::{BASE, Docker};
use crate::place::{Place, STACK};
use crate::report::{Row, Unit};
use crate::stats::Samples;

const NAME: &str = "docker-exec";
const WHAT: &str = "`true` in a service's container, the whole time of a command";

pub fn exec(bench: &Bench) -> Result<Row> {
    let Some(docker) = Docker::find() else {
        return Ok(skipped(NAME, WHAT));
    };
    docker.provide(bench)?;
    let subject = Subject::python();
    let image = format!("image = {{ name = \"{BASE}\" }}\n");
    let place = Place::on(
        &bench.hob,
        docker.engine(),
        &subject.section("web", &image)?,
    )?;
    subject.place(&place.stack().join("web"))?;
    let dev = Dev::start(&place)?;
    let socket = socket(&place.path().join("state/hob"))?;
    let project = socket
        .ancestors()
        .nth(4)
        .and_then(Path::file_name)
        .unwrap_or_default();
    let ours = docker.labelled(&format!("hob.project={}", project.to_string_lossy()))?;
    let container = ours.first().context("the service has no container")?;
    let cli = which::which("docker").is_ok();
    let [mut hob, mut command, mut api, mut agent, mut bare] =
        std::array::from_fn::<Samples, 5, _>(|_| Samples::default());
    for _ in 0..bench.runs(40, 10) {
        let mut nothing = Command::new("true");
        time(nothing.stdin(Stdio::null()), &mut bare)?;
        let by_hob = ["exec", "web", "--", "true"];
        time(place.hob().args(by_hob).stdout(Stdio::null()), &mut hob)?;
        if cli {
            let mut docker_cli = Command::new("docker");
            docker_cli.env("DOCKER_HOST", docker.host());
            time(docker_cli.args(["exec", container, "true"]), &mut command)?;
        }
        let began = Instant::now();
        docker.exec(container, &["true"])?;
        api.add_ms(began.elapsed());
        let began = Instant::now();
        ask(&socket)?;
        agent.add_us(began.elapsed());
    }
    dev.end()?;
    place.end()?;
    let mut row = Row::new(NAME, WHAT);
    row.spread("hob exec", Unit::Ms, &hob);
    if cli {
        row.spread("docker exec", Unit::Ms, &command);
    } else {
        row.note("docker exec: the docker CLI is not installed");
    }
    row.spread("the engine's API: create, start, inspect", Unit::Ms, &api);
    row.difference("hob exec, more than the API", Unit::Ms, &hob, &api);
    row.spread("bare: `true`", Unit::Ms, &bare);
    row.spread("the agent's status, over its socket", Unit::Us, &agent);
    row.note("no target is set for this row");
    Ok(row)
}

/// The socket of the place's only agent.
fn socket(state: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(state).with_context(|| state.display().to_string())?;
    let socket = entries.filter_map(Result::ok).map(|project| {
        let stack = project.path().join("containers").join(STACK);
        stack.join("web/agent.sock")
    });
    let mut sockets = socket.filter(|it| it.exists());
    sockets.next().context("the service's agent has no socket")
}

/// One question on a connection of its own.
fn ask(socket: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    let mut asked = hob_wire::encode(&Hello::current());
    asked.extend(hob_wire::encode(&Request::Status));
    stream.write_all(&asked)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    anyhow::ensure!(line.contains("status"), "the agent answers `{line}`");
    Ok(())
}

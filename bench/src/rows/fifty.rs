//! `fifty`: fifty small services up, up again, and down, against starting and
//! ending the same fifty processes bare.

use std::time::Instant;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::Bench;
use crate::place::Place;
use crate::process;
use crate::report::{Row, Unit};
use crate::stats::Samples;

const SERVICES: usize = 50;
/// What Docker Compose takes for a no-op `up` of fifty containers, in
/// milliseconds: measured on a machine of two cores.
const COMPOSE_AGAIN: f64 = 130.0;

pub fn fifty(bench: &Bench) -> Result<Row> {
    let run = serde_json::to_string(&[bench.service.display().to_string()])?;
    let stack: String = (0..SERVICES)
        .map(|number| {
            format!("[services.s{number:02}]\nport = 80\npublish = \"auto\"\nrun = {run}\n\n")
        })
        .collect();
    let place = Place::new(&bench.hob, &stack)?;
    let [mut cold, mut again, mut down, mut start, mut end] =
        std::array::from_fn::<Samples, 5, _>(|_| Samples::default());
    let (mut agents, mut services) = (Samples::default(), Samples::default());
    for round in 0..bench.runs(7, 2) {
        bare(bench, &place, &mut start, &mut end)?;
        time(&place, "up", &mut cold)?;
        for _ in 0..bench.runs(5, 3) {
            time(&place, "up", &mut again)?;
        }
        if round == 0 {
            memory(&place, &mut agents, &mut services)?;
        }
        time(&place, "down", &mut down)?;
    }
    place.end()?;
    let mut row = Row::new("fifty", "fifty small services: up, up again, down");
    row.spread("cold up", Unit::Ms, &cold);
    row.spread("bare: start fifty, each answers", Unit::Ms, &start);
    row.single("cold up to bare", Unit::Times, cold.p50() / start.p50());
    row.spread("up when all are up", Unit::Ms, &again);
    row.spread("down", Unit::Ms, &down);
    row.spread("bare: end fifty, each is gone", Unit::Ms, &end);
    row.spread("memory of an agent", Unit::MiB, &agents);
    row.spread("  of the service's process", Unit::MiB, &services);
    row.target(
        "up when all are up, p50",
        Unit::Ms,
        again.p50(),
        COMPOSE_AGAIN,
    );
    row.note(format!(
        "the limit is Docker Compose's no-op up of fifty containers, measured elsewhere on two \
         cores ({COMPOSE_AGAIN} ms; its cold up took 9500 ms)"
    ));
    Ok(row)
}

fn time(place: &Place, verb: &str, samples: &mut Samples) -> Result<()> {
    let began = Instant::now();
    place.run(&["--quiet", verb])?;
    samples.add_ms(began.elapsed());
    Ok(())
}

fn bare(bench: &Bench, place: &Place, start: &mut Samples, end: &mut Samples) -> Result<()> {
    let argv = [bench.service.display().to_string()];
    let addresses: Vec<_> = (0..SERVICES)
        .map(|_| process::free_address())
        .collect::<std::io::Result<_>>()?;
    let began = Instant::now();
    let mut servers = Vec::new();
    for addr in &addresses {
        servers.push(process::serve(
            process::bare(&argv, place.path(), place.path())?,
            *addr,
        )?);
    }
    for addr in &addresses {
        process::first_answer(*addr, "hello")?;
    }
    start.add_ms(began.elapsed());
    let began = Instant::now();
    for server in &servers {
        server.signal(Signal::TERM);
    }
    for server in &mut servers {
        server.wait()?;
    }
    end.add_ms(began.elapsed());
    Ok(())
}

fn memory(place: &Place, agents: &mut Samples, services: &mut Samples) -> Result<()> {
    for line in place.run(&["status", "--json"])?.lines() {
        let value: serde_json::Value = serde_json::from_str(line)?;
        let Some(status) = value.get("status") else {
            continue;
        };
        let pid = |at: &serde_json::Value| at.as_u64().and_then(|pid| u32::try_from(pid).ok());
        let agent = pid(&status["agent_pid"]).context("a status names no agent")?;
        agents.add(process::memory(agent)?);
        if let Some(service) = pid(&status["serving"]["pid"]) {
            services.add(process::memory(service)?);
        }
    }
    anyhow::ensure!(
        agents.count() == SERVICES,
        "{} of fifty are up",
        agents.count()
    );
    Ok(())
}

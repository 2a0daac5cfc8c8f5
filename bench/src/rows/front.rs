//! `front`: what the front adds to a request, against the same process asked
//! directly.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::subject::Subject;
use crate::Bench;
use crate::dev::Dev;
use crate::http::Client;
use crate::place::Place;
use crate::report::{Row, Unit};
use crate::stats::Samples;

/// Requests of one turn, so that both sides see the same moments.
const TURN: usize = 50;
/// Connections that ask at once.
const CLIENTS: usize = 16;
/// How long they ask in one turn.
const BURST: Duration = Duration::from_millis(400);

pub fn front(bench: &Bench) -> Result<Row> {
    let subject = Subject::copied(bench);
    let place = Place::new(&bench.hob, &subject.section("web", "")?)?;
    subject.place(&place.stack().join("web"))?;
    let dev = Dev::start(&place)?;
    let through = dev.address("web")?;
    let direct = SocketAddr::new(through.ip(), dev.process("web")?.1);
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let mut clients = [
        Client::connect(through, "/")?,
        Client::connect(direct, "/")?,
    ];
    // Both are warm then.
    for client in &mut clients {
        ask(client, &mut Samples::default())?;
    }
    for _ in 0..bench.runs(200, 20) {
        ask(&mut clients[0], &mut ours)?;
        ask(&mut clients[1], &mut theirs)?;
    }
    let (mut our_rate, mut their_rate) = (Samples::default(), Samples::default());
    for _ in 0..bench.runs(9, 3) {
        our_rate.add(rate(through)?);
        their_rate.add(rate(direct)?);
    }
    dev.end()?;
    place.end()?;
    let mut row = Row::new(
        "front",
        "a small answer through the front and from the same process",
    );
    row.spread("through the front, one after the other", Unit::Us, &ours);
    row.spread("directly", Unit::Us, &theirs);
    row.difference("added", Unit::Us, &ours, &theirs);
    row.single(
        format!("through the front, {CLIENTS} connections"),
        Unit::Rate,
        our_rate.p50(),
    );
    row.single(
        format!("directly, {CLIENTS} connections"),
        Unit::Rate,
        their_rate.p50(),
    );
    row.single(
        "directly to through the front",
        Unit::Times,
        their_rate.p50() / our_rate.p50(),
    );
    row.note("no target is set for this row");
    Ok(row)
}

fn ask(client: &mut Client, samples: &mut Samples) -> Result<()> {
    for _ in 0..TURN {
        let began = Instant::now();
        client.get()?;
        samples.add_us(began.elapsed());
    }
    Ok(())
}

/// Requests a second of many connections at once.
fn rate(addr: SocketAddr) -> Result<f64> {
    let end = Instant::now() + BURST;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            thread::spawn(move || -> std::io::Result<u32> {
                let mut client = Client::connect(addr, "/")?;
                let mut count = 0;
                while Instant::now() < end {
                    client.get()?;
                    count += 1;
                }
                Ok(count)
            })
        })
        .collect();
    let mut all = 0;
    for client in clients {
        all += client.join().unwrap_or(Ok(0))?;
    }
    Ok(f64::from(all) / BURST.as_secs_f64())
}

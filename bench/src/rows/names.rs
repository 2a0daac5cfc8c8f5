//! `names`: a stack's first service comes up and its last one goes down, and
//! the resolver says so, against the service's own port.

use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::Bench;
use crate::dns::Asker;
use crate::place::{Place, STACK};
use crate::process;
use crate::report::{Row, Unit};
use crate::stats::Samples;
use crate::stop;

/// After a change, until the names are those of what is up.
const TARGET: f64 = 100.0;
/// How long a change may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_micros(500);

pub fn names(bench: &Bench) -> Result<Row> {
    let run = serde_json::to_string(&[bench.service.display().to_string()])?;
    let addr = process::free_address()?;
    let port = addr.port();
    let stack = format!("[services.web]\nport = 80\npublish = {port}\nrun = {run}\n");
    let place = Place::new(&bench.hob, &stack)?;
    let dns = process::free_address()?.port();
    place.run(&["dns", "up", "--port", &dns.to_string()])?;
    let (mut up, mut down, mut alone) =
        (Samples::default(), Samples::default(), Samples::default());
    // What every name below the stack's has, and the service's own.
    let any = Asker::new(dns, &format!("any.{STACK}.test"))?;
    let own = Asker::new(dns, &format!("web.{STACK}.test"))?;
    for _ in 0..bench.runs(50, 20) {
        let listens = || Ok(listens(addr));
        change(&place, "up", &mut up, listens, || {
            Ok(own.ask()? == Some(true) && any.ask()? == Some(true))
        })?;
        change(
            &place,
            "down",
            &mut down,
            || Ok(!listens()?),
            || Ok(own.ask()? == Some(false) && any.ask()? == Some(false)),
        )?;
        let began = Instant::now();
        own.ask()?;
        alone.add_ms(began.elapsed());
    }
    place.end()?;
    let worst = up.max().max(down.max());
    let mut row = Row::new(
        "names",
        "a stack's first service up, its last one down: names",
    );
    row.spread("up: port answers to name answers", Unit::Ms, &up);
    row.single("  the longest", Unit::Ms, up.max());
    row.spread("down: port closed to no name", Unit::Ms, &down);
    row.single("  the longest", Unit::Ms, down.max());
    row.spread("bare: a question", Unit::Ms, &alone);
    row.target("the longest of all", Unit::Ms, worst, TARGET);
    Ok(row)
}

/// From the moment at which the port is as the verb wants it to that at which
/// the names are.
fn change(
    place: &Place,
    verb: &str,
    samples: &mut Samples,
    is_done: impl Fn() -> Result<bool>,
    is_told: impl Fn() -> Result<bool>,
) -> Result<()> {
    let mut hob = place.hob();
    let hob = hob.args(["--quiet", verb]).stdout(Stdio::null());
    let mut running = stop::spawn(hob)?;
    until(verb, is_done)?;
    let began = Instant::now();
    until("the names", is_told)?;
    samples.add_ms(began.elapsed());
    let status = running.wait()?;
    if !status.success() {
        bail!("`hob {verb}` {status}");
    }
    Ok(())
}

fn until(what: &str, condition: impl Fn() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !condition()? {
        if Instant::now() > end {
            bail!("waited in vain for {what} for {} s", LIMIT.as_secs());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn listens(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).is_ok()
}

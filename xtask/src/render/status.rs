//! The table of `status`, and what is worth saying below it.

use console::style;
use hob_engine::{ServiceState, Usage, Verdict};
use hob_stack::ServiceId;
use hob_wire::{Listen, Micros, Mode, Phase, Protocol, Status};

use super::event::time;
use super::table::{aligned, bytes};
use crate::context::Whose;

/// A service, and what it uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub state: ServiceState,
    pub usage: Option<Usage>,
}

/// One row a service: those that are up first.
pub fn status_table(seen: &[Seen], now: Micros) -> Vec<String> {
    let mut rows: Vec<[String; 7]> = vec![[
        style("SERVICE").dim().to_string(),
        style("STATE").dim().to_string(),
        style("WHERE").dim().to_string(),
        style("SAVE").dim().to_string(),
        style("SINCE").dim().to_string(),
        style("CPU").dim().to_string(),
        style("MEMORY").dim().to_string(),
    ]];
    let up = |seen: &Seen| match &seen.state.verdict {
        Verdict::Up(status) => Some(((**status).clone(), seen.usage)),
        _ => None,
    };
    let all: Vec<(Status, Option<Usage>)> = seen.iter().filter_map(up).collect();
    for (status, usage) in &all {
        rows.push([
            status.service.clone(),
            state(status),
            place(status),
            save(status),
            status
                .serving
                .as_ref()
                .map_or_else(String::new, |it| age(now.saturating_sub(it.since))),
            usage.map_or_else(String::new, |it| format!("{:.0} %", it.cpu_percent)),
            usage.map_or_else(String::new, |it| bytes(it.memory_bytes)),
        ]);
    }
    let missing = seen.iter().filter(|seen| up(seen).is_none());
    for missing in missing.map(|seen| &seen.state) {
        let word = style(word(&missing.verdict));
        let word = match &missing.verdict {
            Verdict::Down => word.dim(),
            _ => word.red(),
        };
        rows.push([
            missing.owner.to_string(),
            word.to_string(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    let mut lines = aligned(&rows);
    for (status, _) in &all {
        if let Some(problem) = &status.problem {
            lines.push(format!(
                "{}: {}",
                status.service,
                style(&problem.message).red()
            ));
            let shown = problem.output.len().min(5);
            lines.extend(
                problem
                    .output
                    .iter()
                    .take(shown)
                    .map(|line| format!("    {}", line.text)),
            );
        }
    }
    lines
}

/// The state of a service without an agent that answers, in one word.
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Up(_) => "up",
        Verdict::Down => "down",
        Verdict::Remains(_) | Verdict::Cut | Verdict::Broken(_) => "lost",
    }
}

/// What is wrong with a version that gets no requests and is lost.
pub fn lost_version(state: &ServiceState, of: &ServiceId) -> Option<String> {
    let (owner, name) = (&state.owner, &of.service);
    let why = match &state.verdict {
        Verdict::Up(_) | Verdict::Down => return None,
        Verdict::Remains(_) => "its agent is gone",
        Verdict::Cut => "nobody can ask its agent",
        Verdict::Broken(why) => why,
    };
    Some(format!(
        "{owner}: {why}; it cannot come back, and the next `hob roll {name}` takes it away"
    ))
}

/// What is wrong with a service that is lost, and what to type.
pub fn note(state: &ServiceState, whose: Whose) -> Option<String> {
    let owner = &state.owner;
    let (up, up_or_dev, down) = match (whose, &owner.service) {
        (Whose::Hobs, Some(name)) => {
            let up = format!("`hob {name} up`");
            (up.clone(), up, format!("`hob {name} down`"))
        }
        _ => (
            format!("`hob up {owner}`"),
            format!("`hob up {owner}` or `hob dev {owner}`"),
            format!("`hob down {owner}`"),
        ),
    };
    match &state.verdict {
        Verdict::Up(_) | Verdict::Down => None,
        Verdict::Remains(count) => Some(format!(
            "{owner}: its agent is gone and {count} of its processes are left; \
             {down} ends them, {up} starts it anew"
        )),
        Verdict::Cut => Some(format!(
            "{owner}: it goes on, and nobody can ask its agent, whose socket was removed; \
             {up_or_dev} starts it anew, {down} ends it"
        )),
        Verdict::Broken(why) => Some(format!("{owner}: {why}; {up} makes it anew")),
    }
}

fn state(status: &Status) -> String {
    let word = match status.phase {
        Phase::Waiting => style("waiting").yellow(),
        Phase::Resting => style("resting").dim(),
        Phase::Building => style("building").yellow(),
        Phase::Starting => style("starting").yellow(),
        Phase::Ready => style("ready").green(),
        Phase::Updating => style("updating").green(),
        Phase::Stale => style("stale").red(),
        Phase::Failed => style("failed").red(),
        Phase::Backoff => style("crashing").red(),
        Phase::Stopped if status.done.is_some() => style("done").green(),
        Phase::Stopped => style("stopped").dim(),
    };
    let mode = match status.mode {
        Mode::Dev => "dev",
        Mode::Run => "run",
    };
    let session = if status.session.is_some() {
        ", watched"
    } else {
        ""
    };
    format!("{word} {}", style(format!("({mode}{session})")).dim())
}

fn place(status: &Status) -> String {
    status.listen.as_ref().map_or_else(String::new, address)
}

/// Where a person reaches a service.
pub fn address(listen: &Listen) -> String {
    let mut addr = listen.addr;
    if addr.ip().is_unspecified() {
        addr.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    match listen.protocol {
        Protocol::Http => format!("http://{addr}"),
        Protocol::Grpc | Protocol::Tcp => addr.to_string(),
    }
}

fn save(status: &Status) -> String {
    match &status.serving {
        Some(serving) if serving.generation == status.accepted => serving.generation.to_string(),
        Some(serving) => format!("{} of {}", serving.generation, status.accepted),
        None => String::new(),
    }
}

fn age(micros: Micros) -> String {
    match micros / 1_000_000 {
        0 => time(micros),
        seconds => super::table::age(seconds),
    }
}

//! The table of `status` and its JSON.

use console::{measure_text_width, pad_str, style};
use hob_wire::{Listen, Micros, Mode, Phase, Protocol, Status};

use super::event::time;
use super::line::printable;

/// One row a service; `missing` are those that are not up.
pub fn status_table(all: &[Status], missing: &[String], now: Micros) -> Vec<String> {
    let mut rows: Vec<[String; 5]> = vec![[
        style("SERVICE").dim().to_string(),
        style("STATE").dim().to_string(),
        style("WHERE").dim().to_string(),
        style("SAVE").dim().to_string(),
        style("SINCE").dim().to_string(),
    ]];
    for status in all {
        rows.push([
            status.service.clone(),
            state(status),
            place(status),
            save(status),
            status
                .serving
                .as_ref()
                .map_or_else(String::new, |it| age(now.saturating_sub(it.since))),
        ]);
    }
    for service in missing {
        let down = style("down").dim().to_string();
        rows.push([
            service.clone(),
            down,
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| measure_text_width(&row[column]))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut lines = Vec::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| pad_str(cell, *width, console::Alignment::Left, None).into_owned())
            .collect();
        lines.push(cells.join("  ").trim_end().to_owned());
    }
    for status in all {
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
                    .map(|line| format!("    {}", printable(&line.text))),
            );
        }
    }
    lines
}

fn state(status: &Status) -> String {
    let word = match status.phase {
        Phase::Waiting => style("waiting").yellow(),
        Phase::Building => style("building").yellow(),
        Phase::Starting => style("starting").yellow(),
        Phase::Ready => style("ready").green(),
        Phase::Updating => style("updating").green(),
        Phase::Stale => style("stale").red(),
        Phase::Failed => style("failed").red(),
        Phase::Backoff => style("crashing").red(),
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
        Protocol::Tcp => addr.to_string(),
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
    let seconds = micros / 1_000_000;
    match seconds {
        0 => time(micros),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d", seconds / 86400),
    }
}

/// The same for programs; versioned like everything on the wire.
pub fn status_json(status: &Status) -> serde_json::Value {
    serde_json::json!({ "protocol": hob_wire::PROTOCOL, "status": status })
}

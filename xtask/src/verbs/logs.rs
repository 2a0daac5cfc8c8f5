//! `logs`: stored lines of services in the order of time, then those to come.

#![expect(clippy::disallowed_methods, reason = "`--since` counts back from now")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hob_engine::Engine;
use hob_stack::ServiceId;
use hob_wire::{LogLine, LogQuery, Micros, Reply, Request};
use tokio::sync::mpsc;

use crate::change::engine_error;
use crate::cli::LogsArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::render::{Names, log_line};

/// Between two looks for an agent that is not there.
const LOOK: Duration = Duration::from_millis(300);

pub async fn logs(context: &Context, args: LogsArgs) -> Result {
    let running = context.running()?;
    let services = running.select_logged(&args.names.names).await?;
    let engine = &running.engine;
    let shown: Vec<String> = services.iter().map(ToString::to_string).collect();
    let names = Names::new(shown.iter().map(String::as_str));
    let since = args.since.as_deref().map(moment).transpose()?;
    let query = LogQuery {
        since,
        tail: args.tail.map(u64::from),
        follow: false,
    };
    let mut lines: Vec<(String, LogLine)> = Vec::new();
    for id in &services {
        // The files are there even when the agent is not.
        let (folder, last) = engine.logs_folder(id);
        if last {
            context
                .output
                .say(format!("{id} is not up; this is its last run's log"));
        }
        let stored = hob_agent::log::read(&folder, &query);
        lines.extend(stored.into_iter().map(|line| (id.to_string(), line)));
    }
    lines.sort_by_key(|(_, line)| line.at);
    for (service, line) in &lines {
        show(context, &names, service, line)?;
    }
    if !args.follow {
        if lines.is_empty() {
            context.output.say("there is no log of it yet");
        }
        return Ok(());
    }
    let mut after = BTreeMap::new();
    for (service, line) in &lines {
        after.insert(service.clone(), line.at);
    }
    follow(context, engine, &services, &names, &after, since).await
}

async fn follow(
    context: &Context,
    engine: &Engine,
    services: &[ServiceId],
    names: &Names,
    after: &BTreeMap<String, Micros>,
    since: Option<Micros>,
) -> Result {
    let (told, mut lines) = mpsc::unbounded_channel();
    for id in services {
        let client = engine.agent(id).map_err(engine_error)?;
        let (told, service) = (told.clone(), id.to_string());
        // What was stored while nobody listened is told first.
        let mut since = after.get(&service).map(|at| at + 1).or(since);
        tokio::spawn(async move {
            loop {
                let query = LogQuery {
                    since,
                    tail: None,
                    follow: true,
                };
                if let Ok(mut agent) = client.open(&Request::Logs(query), LOOK * 10).await {
                    while let Ok(Some(Reply::Log(line))) = agent.receiver.next().await {
                        since = Some(line.at + 1);
                        if told.send((service.clone(), line)).is_err() {
                            return;
                        }
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }
    drop(told);
    let showing = async {
        while let Some((service, line)) = lines.recv().await {
            show(context, names, &service, &line)?;
        }
        Ok(())
    };
    tokio::select! {
        result = showing => result,
        () = interrupted() => Err(Error::said(Code::Interrupted)),
    }
}

fn show(context: &Context, names: &Names, service: &str, line: &LogLine) -> Result {
    if context.output.json {
        context.output.value(&serde_json::json!({
            "protocol": hob_wire::PROTOCOL, "service": service, "log": line }))?;
    } else {
        context.output.data(log_line(names, service, line))?;
    }
    Ok(())
}

/// `10m` ago, or a time of RFC 3339.
fn moment(text: &str) -> Result<Micros> {
    let at = match (
        humantime::parse_duration(text),
        humantime::parse_rfc3339_weak(text),
    ) {
        (Ok(ago), _) => SystemTime::now().checked_sub(ago),
        (Err(_), Ok(at)) => Some(at),
        (Err(_), Err(_)) => {
            return Err(Error::usage(format!("`{text}` is no while and no time"))
                .hint("`--since 10m` or `--since 2026-01-31T08:00:00Z`"));
        }
    };
    let since = at
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    Ok(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

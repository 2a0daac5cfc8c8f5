//! `wait`: returns once what was on disk at the call is what answers.

use std::cell::Cell;
use std::time::Duration;

use hob_engine::{describe, sessions};
use hob_stack::ServiceId;
use hob_wire::{Hello, Reply, Request, SessionInfo, SessionRequest, decode, encode};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::change::engine_error;
use crate::cli::WaitArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::render::data;
use crate::running::{Asked, Running};
use crate::verbs::containers::current::current;

/// Between two looks for an agent that a session is about to make.
const LOOK: Duration = Duration::from_millis(50);

pub async fn wait(context: &Context, args: WaitArgs) -> Result {
    let running = context.running()?;
    let limit: Duration = args.timeout.into();
    let silent = Cell::new(false);
    let waiting = async {
        let id = running.one(&args.service).await?;
        loop {
            let tried = attempt(context, &running, &id, limit, &silent).await?;
            match tried {
                Some(generation) => return Ok::<_, Error>((id, generation)),
                // Another agent is about to take the place of the one asked.
                None => tokio::time::sleep(LOOK).await,
            }
        }
    };
    let (id, generation) = tokio::select! {
        result = tokio::time::timeout(limit, waiting) => match result {
            Ok(result) => result?,
            Err(_) if silent.get() => {
                let service = &args.service;
                let error = format!("the agent of {service} does not answer, not within {}", args.timeout);
                return Err(Error::failed(error).hint(format!("`hob down {service}` ends it")));
            }
            Err(_) => {
                let id = &args.service;
                let error = format!("{id} did not answer with what is on disk within {}", args.timeout);
                return Err(Error::new(Code::Service, error).hint(format!("`hob status {id}`")));
            }
        },
        () = interrupted() => return Err(Error::said(Code::Interrupted)),
    };
    if context.output.json {
        let line = data::done(&id.to_string(), Some(generation));
        context.output.value(&line)?;
    } else {
        context
            .output
            .say(format!("{id} answers with save {generation}"));
    }
    Ok(())
}

/// The generation that answers, once it is that of what is on disk; none when
/// the agent went meanwhile and a session makes another one.
async fn attempt(
    context: &Context,
    running: &Running<'_>,
    id: &ServiceId,
    limit: Duration,
    silent: &Cell<bool>,
) -> Result<Option<u64>> {
    let agent = running.engine.agent(id).map_err(engine_error)?;
    let mut status = status(context, running, id, silent).await?;
    if let (Some(containers), Some(project), Some(_)) = (
        running.engine.containers(),
        &running.project,
        &status.session,
    ) {
        current(context, &running.engine, containers, project, id).await?;
        // The container may be another one by now.
        status = self::status(context, running, id, silent).await?;
    }
    // Without a session nothing is built on a save: what answers is what was
    // accepted last.
    let generation = match &status.session {
        Some(session) => sync(session, &id.to_string()).await?,
        None if status.mode == hob_wire::Mode::Dev => {
            if has_session(running, id).await {
                return Ok(None);
            }
            return Err(Error::failed(format!("no dev session watches {id}"))
                .hint(format!("`hob dev {id}`")));
        }
        None => status.accepted,
    };
    let gone = |error: Error| async {
        match has_session(running, id).await {
            true => Ok(None),
            false => Err(error),
        }
    };
    let mut connection = match agent.open(&Request::Await { generation }, limit).await {
        Ok(connection) => connection,
        Err(error) => return gone(Error::failed(error.to_string())).await,
    };
    let mut problem = None;
    loop {
        match connection.receiver.next().await {
            Ok(Some(Reply::Done)) => return Ok(Some(generation)),
            Ok(Some(Reply::Status(status))) => problem = status.problem,
            Ok(Some(_)) => {}
            Ok(None) => return gone(Error::failed(format!("the agent of {id} went down"))).await,
            // It refuses without a problem of the service's when it is going.
            Err(error) if problem.is_none() => return gone(Error::failed(error.to_string())).await,
            Err(error) => return Err(failed(&id.to_string(), problem, &error.to_string())),
        }
    }
}

/// What the agent says; one that says nothing is asked again and again.
async fn status(
    context: &Context,
    running: &Running<'_>,
    id: &ServiceId,
    silent: &Cell<bool>,
) -> Result<hob_wire::Status> {
    loop {
        match running.ask(id).await? {
            Asked::Up(status) => {
                silent.set(false);
                return Ok(*status);
            }
            // A session may be about to put another agent in its place.
            Asked::Down(_) if has_session(running, id).await => tokio::time::sleep(LOOK).await,
            Asked::Down(error) => return Err(error),
            Asked::Silent => {
                if !silent.replace(true) {
                    let words = format!("the agent of {id} does not answer; waiting for it");
                    context.output.say(words);
                }
            }
        }
    }
}

/// Whether a dev session has the service.
async fn has_session(running: &Running<'_>, id: &ServiceId) -> bool {
    for session in sessions(&running.engine.paths().runtime).await {
        let state = describe(&session).await;
        if state.is_some_and(|it| it.services.contains(&id.to_string())) {
            return true;
        }
    }
    false
}

/// The service's own failure, with the compiler's words.
fn failed(service: &str, problem: Option<hob_wire::Problem>, reason: &str) -> Error {
    match problem {
        Some(problem) => {
            let error = format!("{service}: {}", problem.message);
            let words = problem.output.into_iter().map(|line| line.text);
            Error::new(Code::Service, error).details(words)
        }
        None => Error::failed(format!("{service}: {reason}")),
    }
}

/// The generation that holds all that is on disk now.
async fn sync(session: &SessionInfo, service: &str) -> Result<u64> {
    let gone = |error: std::io::Error| {
        Error::failed(format!(
            "the dev session of process {} does not answer: {error}",
            session.pid
        ))
    };
    let mut stream = tokio::net::UnixStream::connect(&session.socket)
        .await
        .map_err(gone)?;
    let request = SessionRequest::Sync {
        service: service.to_owned(),
    };
    stream
        .write_all(&encode(&Hello::current()))
        .await
        .map_err(gone)?;
    stream.write_all(&encode(&request)).await.map_err(gone)?;
    let mut line = Vec::new();
    BufReader::new(stream)
        .read_until(b'\n', &mut line)
        .await
        .map_err(gone)?;
    match decode(&line) {
        Ok(Reply::Generation(generation)) => Ok(generation),
        Ok(Reply::Refused { reason, .. }) => Err(Error::failed(reason)),
        Ok(Reply::Version { .. }) => Err(Error::failed(
            "the dev session is of another version of hob",
        )
        .hint("end it and start it again")),
        Ok(_) | Err(_) => Err(Error::failed(
            "the dev session did not say which save it is at",
        )),
    }
}

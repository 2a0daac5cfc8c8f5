//! `wait`: returns once what was on disk at the call is what answers.

use std::cell::Cell;
use std::time::Duration;

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

pub async fn wait(context: &Context, args: WaitArgs) -> Result {
    let running = context.running()?;
    let limit: Duration = args.timeout.into();
    let silent = Cell::new(false);
    let waiting = async {
        let id = running.one(&args.service).await?;
        let agent = running.engine.agent(&id).map_err(engine_error)?;
        let status = status(context, &running, &id, &silent).await?;
        if let (Some(containers), Some(project), Some(_)) = (
            running.engine.containers(),
            &running.project,
            &status.session,
        ) {
            current(context, &running.engine, containers, project, &id).await?;
        }
        // The container may be another one by now.
        let status = self::status(context, &running, &id, &silent).await?;
        // Without a session nothing is built on a save: what answers is what
        // was accepted last.
        let generation = match &status.session {
            Some(session) => sync(session, &id.to_string()).await?,
            None if status.mode == hob_wire::Mode::Dev => {
                return Err(Error::failed(format!("no dev session watches {id}"))
                    .hint(format!("`hob dev {id}`")));
            }
            None => status.accepted,
        };
        let mut connection = agent
            .open(&Request::Await { generation }, limit)
            .await
            .map_err(|error| Error::failed(error.to_string()))?;
        let mut problem = None;
        loop {
            match connection.receiver.next().await {
                Ok(Some(Reply::Done)) => break Ok((id, generation)),
                Ok(Some(Reply::Status(status))) => problem = status.problem,
                Ok(Some(_)) => {}
                Ok(None) => break Err(Error::failed(format!("the agent of {id} went down"))),
                Err(error) => break Err(failed(&id.to_string(), problem, &error.to_string())),
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

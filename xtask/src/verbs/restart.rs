//! `restart`: new processes from what is built.

use std::time::Duration;

use hob_engine::Engine;
use hob_stack::ServiceId;
use hob_wire::{Reply, Request};

use crate::change::engine_error;
use crate::cli::SomeArgs;
use crate::context::{Context, Interrupts};
use crate::error::{Code, Error, Result};
use crate::render::data;
use crate::running::Asked;

/// Of one restart: the service's own limits end it earlier.
const LIMIT: Duration = Duration::from_secs(120);

pub async fn restart(context: &Context, args: SomeArgs) -> Result {
    let running = context.running()?;
    let services = running.select(&args.names.names).await?;
    let (mut missing, mut interrupts) = (Ok(()), Interrupts::listen());
    for id in &services {
        match running.ask(id).await? {
            Asked::Up(_) => {}
            Asked::Down(error) if services.len() == 1 => return Err(error),
            Asked::Down(error) => {
                context.output.say(error.render().trim_end());
                missing = Err(Error::said(error.code));
                continue;
            }
            Asked::Silent => {
                let error = Error::failed(format!("the agent of {id} does not answer"));
                return Err(error.hint(format!("`hob down {id}` ends it")));
            }
        }
        tokio::select! {
            result = tokio::time::timeout(LIMIT, one(&running.engine, id)) => match result {
                Ok(result) => result?,
                Err(_) => {
                    let error = format!("{id} did not become ready within {} s", LIMIT.as_secs());
                    return Err(Error::new(Code::Service, error).hint(format!("`hob logs {id}`")));
                }
            },
            () = interrupts.next() => return Err(Error::said(Code::Interrupted)),
        }
        if context.output.json {
            context.output.value(&data::done(&id.to_string(), None))?;
        }
        context.output.say(format!("{id} is restarted"));
    }
    missing
}

/// Asks the agent for a new process and waits until it serves.
async fn one(engine: &Engine, id: &ServiceId) -> Result {
    let agent = engine.agent(id).map_err(engine_error)?;
    let failed = |error: String| {
        Error::new(Code::Service, format!("{id}: {error}")).hint(format!("`hob logs {id}`"))
    };
    let opened = agent.open(&Request::Restart, LIMIT).await;
    let mut connection = opened.map_err(|error| failed(error.to_string()))?;
    loop {
        match connection.receiver.next().await {
            Ok(Some(Reply::Done)) => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => return Err(failed("its agent went down".into())),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
}

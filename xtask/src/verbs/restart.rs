//! `restart`: new processes from what is built.

use std::time::Duration;

use hob_engine::Engine;
use hob_stack::ServiceId;
use hob_wire::{Reply, Request};

use crate::change::engine_error;
use crate::cli::SomeArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::ground::status_of;

/// Of one restart: the service's own limits end it earlier.
const LIMIT: Duration = Duration::from_secs(120);

pub async fn restart(context: &Context, args: SomeArgs) -> Result {
    let loading = context.load(&args.names.names)?;
    let services = loading.select(&args.names.names)?;
    let engine = loading.engine(context)?;
    let mut up = 0;
    for id in &services {
        if status_of(&engine, id).await.is_none() {
            context.output.say(format!("{id} is not up"));
            continue;
        }
        up += 1;
        tokio::select! {
            result = tokio::time::timeout(LIMIT, one(&engine, id)) => match result {
                Ok(result) => result?,
                Err(_) => {
                    let error = format!("{id} did not become ready within {} s", LIMIT.as_secs());
                    return Err(Error::new(Code::Service, error).hint(format!("`hob logs {id}`")));
                }
            },
            () = interrupted() => return Err(Error::said(Code::Interrupted)),
        }
        context.output.say(format!("{id} is restarted"));
    }
    if up == 0 {
        return Err(Error::failed("nothing of it is up").hint("`hob up` or `hob dev`"));
    }
    Ok(())
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

//! `restart`: new processes from what is built.

use std::time::Duration;

use hob_engine::ClientError;
use hob_stack::ServiceId;

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
        let agent = running.engine.agent(id).map_err(engine_error)?;
        tokio::select! {
            restarted = agent.restart(LIMIT) => restarted.map_err(|error| failed(id, &error))?,
            () = interrupts.next() => return Err(Error::said(Code::Interrupted)),
        }
        if context.output.json {
            context.output.value(&data::done(&id.to_string(), None))?;
        }
        context.output.say(format!("{id} is restarted"));
    }
    missing
}

fn failed(id: &ServiceId, error: &ClientError) -> Error {
    let why = match error {
        ClientError::Silent { limit, .. } => {
            format!("it did not become ready within {} s", limit.as_secs())
        }
        other => other.to_string(),
    };
    Error::new(Code::Service, format!("{id}: {why}")).hint(format!("`hob logs {id}`"))
}

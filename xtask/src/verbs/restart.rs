//! `restart`: new processes from what is built.

use std::time::Duration;

use hob_wire::Request;

use crate::cli::SomeArgs;
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::ground::{engine_error, status_of};

/// Beyond the service's own limits.
const SLACK: Duration = Duration::from_secs(120);

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
        let agent = engine.agent(id).map_err(engine_error)?;
        let result = tokio::select! {
            result = agent.open(&Request::Restart, SLACK) => result,
            () = interrupted() => return Err(Error::said(Code::Interrupted)),
        };
        let mut connection = result.map_err(|error| Error::failed(error.to_string()))?;
        loop {
            match connection.receiver.next().await {
                Ok(Some(hob_wire::Reply::Done)) => {
                    context.output.say(format!("{id} is restarted"));
                    break;
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(Error::failed(format!("the agent of {id} went down"))),
                Err(error) => {
                    return Err(Error::new(Code::Service, format!("{id}: {error}"))
                        .hint(format!("`hob logs {id}`")));
                }
            }
        }
    }
    if up == 0 {
        return Err(Error::failed("nothing of it is up").hint("`hob up` or `hob dev`"));
    }
    Ok(())
}

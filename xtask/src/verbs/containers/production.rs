//! `run` where services are containers: the production container in the
//! foreground, taken down when this program ends.

use std::collections::BTreeSet;
use std::time::Duration;

use hob_engine::{Engine, Scope, Want};
use hob_stack::ServiceId;
use hob_wire::{EventKind, LogQuery, Mode, Phase, Reply, Request, Status};

use crate::change::{change, engine_error};
use crate::context::{Context, Interrupts, Loading};
use crate::error::{Code, Error, Result};
use crate::render::{Names, address, log_line};
use crate::stage::Stage;

/// How long an agent may take to be connected to.
const CONNECT: Duration = Duration::from_secs(5);

/// Brings one service up, shows what it says until it ends or Ctrl-C, and takes
/// it down.
pub async fn run(
    context: &Context,
    loading: &Loading,
    engine: &Engine,
    id: &ServiceId,
    port_offset: u16,
) -> Result {
    let services = BTreeSet::from([id.clone()]);
    let mut want = Want::up(loading.project.clone(), services, Mode::Run);
    want.port_offset = port_offset;
    want.foreground = true;
    let stage = Stage::new(context.output);
    let mut interrupts = Interrupts::listen();
    let changed = change(engine, &want, &stage, context.whose, interrupts.next()).await?;
    drop(stage);
    let ended = match changed.result() {
        Ok(()) => follow(context, engine, id, &mut interrupts).await,
        Err(error) => Err(error),
    };
    let stage = Stage::new(context.output);
    let owners = BTreeSet::from([hob_engine::owner(id)]);
    let down = Want::down(Scope::Services(owners));
    let taken = change(engine, &down, &stage, context.whose, interrupts.next()).await?;
    drop(stage);
    ended.and(taken.result())
}

/// Shows what the service says until it ended for good.
async fn follow(
    context: &Context,
    engine: &Engine,
    id: &ServiceId,
    interrupts: &mut Interrupts,
) -> Result {
    let agent = engine.agent(id).map_err(engine_error)?;
    let gone = |error: hob_engine::ClientError| Error::failed(error.to_string());
    if let Ok(Status {
        listen: Some(listen),
        ..
    }) = agent.status(CONNECT).await
    {
        context.output.say(format!("{id} on {}", address(&listen)));
    }
    let name = id.to_string();
    let names = Names::new([name.as_str()]);
    let query = LogQuery {
        since: None,
        tail: None,
        follow: true,
    };
    let mut logs = agent
        .open(&Request::Logs(query), CONNECT)
        .await
        .map_err(gone)?;
    let mut watch = agent
        .open(&Request::Watch { logs: false }, CONNECT)
        .await
        .map_err(gone)?;
    let following = async {
        let mut code = None;
        loop {
            tokio::select! {
                biased;
                line = logs.receiver.next() => match line.map_err(gone)? {
                    Some(Reply::Log(line)) => context.output.data(log_line(&names, &name, &line))?,
                    Some(_) => {}
                    None => return Err(Error::failed(format!("{id} went away"))),
                },
                told = watch.receiver.next() => match told.map_err(gone)? {
                    Some(Reply::Status(status)) if is_over(&status) => return end(&status, code),
                    Some(Reply::Event(event)) => {
                        if let EventKind::Crashed { code: its, .. } = event.kind {
                            code = its;
                        }
                    }
                    Some(_) => {}
                    None => return Err(Error::failed(format!("{id} went away"))),
                },
            }
        }
    };
    tokio::select! {
        result = following => result,
        () = interrupts.next() => Err(Error::said(Code::Interrupted)),
    }
}

/// Whether the service ended for good.
fn is_over(status: &Status) -> bool {
    matches!(status.phase, Phase::Stopped | Phase::Failed)
}

/// How it ended: with this code of its own, if that is known.
fn end(status: &Status, code: Option<u8>) -> Result {
    if status.done.is_some() {
        return Ok(());
    }
    if let Some(code) = code.filter(|code| *code != 0) {
        return Err(Error::said(Code::Program(code)));
    }
    let why = status.problem.as_ref().map(|it| it.message.as_str());
    let why = why.unwrap_or("it ended");
    Err(Error::new(
        Code::Service,
        format!("{}: {why}", status.service),
    ))
}

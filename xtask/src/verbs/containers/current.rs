//! `wait` where services are containers: until the container runs from the
//! image that the files on disk ask for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hob_engine::docker::{Currency, DockerEngine};
use hob_engine::{Engine, Want};
use hob_stack::{Project, ServiceId};
use hob_wire::Mode;

use crate::change::{LOCK, Words, change_within, engine_error};
use crate::context::{Context, interrupted};
use crate::error::{Code, Error, Result};
use crate::stage::Stage;

/// Between two looks while a session puts another container in the place of the
/// old one.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until what a session makes of the image of a service is there. An image
/// that does not build is found out by building it: the engine has all of it
/// that was good.
pub async fn current(
    context: &Context,
    engine: &Engine,
    containers: &DockerEngine,
    project: &Arc<Project>,
    id: &ServiceId,
) -> Result {
    let mut built = false;
    loop {
        let currency = containers.currency(project, id, Mode::Dev).await;
        match currency.map_err(|failure| engine_error(failure.into()))? {
            Currency::Current => return Ok(()),
            Currency::Unbuildable(obstacle) => {
                let error = format!("{id}: {}", obstacle.reason);
                let mut error = Error::new(Code::Service, error);
                error.hints = obstacle.hints;
                return Err(error);
            }
            Currency::Behind if built => tokio::time::sleep(LOOK).await,
            Currency::Behind => {
                build(context, engine, project, id).await?;
                built = true;
            }
        }
    }
}

async fn build(
    context: &Context,
    engine: &Engine,
    project: &Arc<Project>,
    id: &ServiceId,
) -> Result {
    let services = BTreeSet::from([id.clone()]);
    let mut want = Want::up(Arc::clone(project), services, Mode::Dev);
    want.built = true;
    let stage = Stage::new(context.output);
    let words = Words::troubles_alone();
    let changed = change_within(engine, &want, &stage, LOCK, &words, interrupted()).await;
    drop(stage);
    changed?.result()
}

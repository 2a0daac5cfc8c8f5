//! `build` where services are containers: their images.

use std::collections::BTreeSet;

use console::style;
use hob_engine::{Engine, Owner, Want};
use hob_stack::ServiceId;
use hob_wire::Mode;

use crate::change::change;
use crate::context::{Context, Loading, interrupted};
use crate::error::Result;
use crate::stage::Stage;

/// Builds the images of these services for this mode.
pub async fn build(
    context: &Context,
    loading: &Loading,
    engine: &Engine,
    services: &[ServiceId],
    mode: Mode,
) -> Result {
    let services: BTreeSet<ServiceId> = services.iter().cloned().collect();
    let mut want = Want::up(loading.project.clone(), services.clone(), mode);
    want.built = true;
    let stage = Stage::new(context.output);
    let changed = change(engine, &want, &stage, context.whose, interrupted()).await?;
    drop(stage);
    let touched: BTreeSet<&Owner> = changed.owners.iter().collect();
    for id in &services {
        let owner = hob_engine::owner(id);
        if !touched.contains(&owner) && changed.obstacles.iter().all(|it| it.owner != owner) {
            let mark = style("·").dim();
            context.output.say(format!("{mark} {id} is built already"));
        }
    }
    changed.result()
}

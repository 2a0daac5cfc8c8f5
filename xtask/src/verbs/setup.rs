//! setup
use crate::{cli::SetupArgs, context::Context, error::Result};
pub async fn setup(_: &Context, _: SetupArgs) -> Result {
    Ok(())
}

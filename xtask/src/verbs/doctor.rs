//! doctor
use crate::{cli::NameArgs, context::Context, error::Result};
pub async fn doctor(_: &Context, _: NameArgs) -> Result {
    Ok(())
}

//! bench
use crate::{cli::BenchArgs, context::Context, error::Result};
pub fn bench(_: &Context, _: BenchArgs) -> Result {
    Ok(())
}

//! test
use crate::{cli::TestArgs, context::Context, error::Result};
pub fn test(_: &Context, _: TestArgs) -> Result { Ok(()) }

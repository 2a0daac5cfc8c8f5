//! One file a kind of row. Each measures in a project of its own and returns
//! when nothing of it is left.

mod cli;
mod docker;
mod failed;
mod fifty;
mod front;
mod idle;
mod names;
mod noticed;
mod save;
mod subject;

use anyhow::Result;

use crate::Bench;
use crate::report::Row;

/// How a row is measured.
type Measure = fn(&Bench) -> Result<Row>;

/// All rows in the table's order.
pub const ROWS: &[(&str, Measure)] = &[
    ("noticed", noticed::noticed),
    ("go", save::go),
    ("python", save::python),
    ("node", save::node),
    ("failed", failed::failed),
    ("front", front::front),
    ("fifty", fifty::fifty),
    ("names", names::names),
    ("idle", idle::idle),
    ("cli", cli::cli),
    ("docker-save", docker::save::save),
    ("docker-failed", docker::failed::failed),
    ("docker-fifty", docker::fifty::fifty),
    ("docker-image", docker::image::image),
    ("docker-exec", docker::exec::exec),
];

//! The platform's files, one hob at a time.

use std::time::Duration;

use hob_platform::{Home, HomeError, Locked};

use super::home_error;
use crate::error::{Error, Result};

/// How long another hob may look and write, and between two looks at that.
const LOCK: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

/// The platform's files, for as long as this is held.
///
/// # Errors
/// Another hob does not let go of them in time.
pub async fn locked(home: &Home) -> Result<Locked> {
    let has = "held what it knows of services";
    waited(LOCK, has, || home.try_lock()).await
}

/// The turn to bring up a service of the platform, or to move it, once whoever
/// does so has done it.
///
/// # Errors
/// They do not within the time that a change may take.
pub async fn turn(home: &Home) -> Result<Locked> {
    let has = "brought up resolver, ingress or registry";
    waited(crate::change::LOCK, has, || home.try_turn()).await
}

/// A lock that another hob may have, which has done this meanwhile.
async fn waited(
    limit: Duration,
    has: &str,
    attempt: impl Fn() -> std::result::Result<Option<Locked>, HomeError>,
) -> Result<Locked> {
    let waiting = async {
        loop {
            if let Some(locked) = attempt().map_err(home_error)? {
                return Ok(locked);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let late = || Error::failed(format!("another hob has {has} for {} s", limit.as_secs()));
    tokio::time::timeout(limit, waiting)
        .await
        .map_err(|_| late())?
}

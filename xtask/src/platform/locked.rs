//! The platform's files, one hob at a time.

#![expect(
    clippy::disallowed_methods,
    reason = "who waits with nothing beside it looks at the clock itself"
)]

use std::time::Duration;

use hob_platform::{Home, Locked};

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
    let waiting = async {
        loop {
            if let Some(locked) = home.try_lock().map_err(home_error)? {
                return Ok(locked);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LOCK, waiting)
        .await
        .map_err(|_| late())?
}

/// The same where nothing else goes on that could wait with it, nor an
/// interruption.
///
/// # Errors
/// As [`locked`].
pub fn locked_alone(home: &Home) -> Result<Locked> {
    let end = std::time::Instant::now() + LOCK;
    loop {
        if let Some(locked) = home.try_lock().map_err(home_error)? {
            return Ok(locked);
        }
        if std::time::Instant::now() > end {
            return Err(late());
        }
        std::thread::sleep(LOOK);
    }
}

/// The turn to bring up a service of the platform, or to move it, once whoever
/// does so has done it.
///
/// # Errors
/// They do not within the time that a change may take.
pub async fn turn(home: &Home) -> Result<Locked> {
    let waiting = async {
        loop {
            if let Some(turn) = home.try_turn().map_err(home_error)? {
                return Ok(turn);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let late = || {
        let seconds = crate::change::LOCK.as_secs();
        Error::failed(format!(
            "another hob has brought up resolver, ingress or registry for {seconds} s"
        ))
    };
    tokio::time::timeout(crate::change::LOCK, waiting)
        .await
        .map_err(|_| late())?
}

fn late() -> Error {
    let seconds = LOCK.as_secs();
    Error::failed(format!(
        "another hob has held what it knows of services for {seconds} s"
    ))
}

//! Ctrl-C, TERM and HUP as the wish to leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hob_session::Key;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::error::{Error, Result};

/// Watches for signals; each one is a wish to leave.
pub struct Leaving {
    signalled: Arc<AtomicBool>,
}

impl Leaving {
    pub fn watch(keys: mpsc::UnboundedSender<Key>) -> Result<Self> {
        let failed = |error| Error::failed(format!("cannot watch for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
        let signalled = Arc::new(AtomicBool::new(false));
        let seen = signalled.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = term.recv() => {}
                    _ = hangup.recv() => {}
                }
                seen.store(true, Ordering::Relaxed);
                if keys.send(Key::Leave).is_err() {
                    return;
                }
            }
        });
        Ok(Self { signalled })
    }

    /// Whether a signal asked for it.
    pub fn by_signal(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }
}

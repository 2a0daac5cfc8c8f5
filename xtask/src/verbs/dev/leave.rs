//! Ctrl-C, TERM and HUP as the wish to leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hob_session::Key;
use tokio::sync::mpsc;

use crate::context::Interrupts;

/// Passes each signal on as a wish to leave.
pub struct Leaving {
    signalled: Arc<AtomicBool>,
}

impl Leaving {
    pub fn watch(keys: mpsc::UnboundedSender<Key>) -> Self {
        let signalled = Arc::new(AtomicBool::new(false));
        let seen = signalled.clone();
        tokio::spawn(async move {
            let mut interrupts = Interrupts::listen();
            loop {
                interrupts.next().await;
                seen.store(true, Ordering::Relaxed);
                if keys.send(Key::Leave).is_err() {
                    return;
                }
            }
        });
        Self { signalled }
    }

    /// Whether a signal asked for it.
    pub fn by_signal(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
    }
}

//! [`Backend`]: one target that requests are or were sent to, with the count
//! of what is in flight on it and the word that ends its connections.
//!
//! Owns the count and the connection pool of that target. Never decides where
//! a request goes: that is [`Gate`](crate::Gate)'s, which hands out a
//! [`Flight`] under its lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::gate::Target;
use crate::pool::Pool;

/// A target and everything that the front holds of it.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) target: Target,
    /// What `hob-generation` says of its answers: the target's generation, or
    /// a newer one after a reload without a new process.
    label: AtomicU64,
    flights: AtomicUsize,
    landed: Arc<Notify>,
    closed: watch::Sender<bool>,
    pub(crate) pool: Pool,
}

impl Backend {
    pub(crate) fn new(target: Target, landed: Arc<Notify>) -> Self {
        Self {
            label: AtomicU64::new(target.generation),
            target,
            flights: AtomicUsize::new(0),
            landed,
            closed: watch::Sender::new(false),
            pool: Pool::default(),
        }
    }

    pub(crate) fn label(&self) -> u64 {
        self.label.load(Ordering::Relaxed)
    }

    pub(crate) fn set_label(&self, generation: u64) {
        self.label.store(generation, Ordering::Relaxed);
    }

    pub(crate) fn flights(&self) -> usize {
        self.flights.load(Ordering::SeqCst)
    }

    /// Ends every connection to the target: pooled, busy and tunnels.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
        self.pool.clear();
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Resolves once [`close`](Self::close) was called.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closed = self.closed.subscribe();
        async move {
            // An error means that the backend itself is gone: nothing will
            // close it any more, and whoever waits is ended by other means.
            if closed.wait_for(|closed| *closed).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// One request, or one TCP connection, that counts as in flight until dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    backend: Arc<Backend>,
}

impl Flight {
    /// Only for the gate, under its lock.
    pub(crate) fn begin(backend: &Arc<Backend>) -> Self {
        backend.flights.fetch_add(1, Ordering::SeqCst);
        Self {
            backend: Arc::clone(backend),
        }
    }

    pub(crate) fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.backend.flights.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.backend.landed.notify_waiters();
        }
    }
}

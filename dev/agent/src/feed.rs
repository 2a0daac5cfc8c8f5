//! What one watching client is told: status, events, and log lines on wish.

use std::sync::Arc;

use hob_wire::{EventKind, Reply};
use tokio::sync::{broadcast, watch};

use crate::publish::View;
use crate::server::Shared;

/// Status, events and log lines for one client, in order.
pub struct Feed {
    replies: broadcast::Receiver<Arc<Reply>>,
    lines: Option<broadcast::Receiver<crate::log::Numbered>>,
    view: watch::Receiver<View>,
    service: String,
}

impl Feed {
    /// A feed from now on, with log lines if wanted.
    pub fn new(shared: &Shared, logs: bool) -> Self {
        let service = shared.view.borrow().status.service.clone();
        Self {
            replies: shared.replies.subscribe(),
            lines: logs.then(|| shared.log.feed()),
            view: shared.view.clone(),
            service,
        }
    }

    /// A feed from now on, with these log lines.
    pub fn with(shared: &Shared, lines: broadcast::Receiver<crate::log::Numbered>) -> Self {
        Self {
            lines: Some(lines),
            ..Self::new(shared, false)
        }
    }

    /// A line of the log, as it is told.
    pub fn line(&self, line: hob_wire::LogLine) -> Reply {
        self.told(line.at, EventKind::Log(line))
    }

    /// The next of them; none when the agent goes. Dropping it loses nothing.
    pub async fn next(&mut self) -> Option<Reply> {
        use broadcast::error::RecvError::{Closed, Lagged};
        let lines = async {
            match self.lines.as_mut() {
                Some(lines) => lines.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reply = self.replies.recv() => match reply {
                Ok(reply) => Some((*reply).clone()),
                // The client was slow: the newest state stands for what it missed.
                Err(Lagged(_)) => {
                    let status = self.view.borrow().status.clone();
                    Some(Reply::Status(Box::new(status)))
                }
                Err(Closed) => None,
            },
            line = lines => match line {
                Ok((_, line)) => Some(self.line(line)),
                Err(Lagged(missed)) => {
                    Some(self.told(crate::log::now(), EventKind::Note(too_fast(missed))))
                }
                Err(Closed) => None,
            },
        }
    }

    fn told(&self, at: hob_wire::Micros, kind: EventKind) -> Reply {
        Reply::Event(hob_wire::Event {
            at,
            service: self.service.clone(),
            kind,
        })
    }
}

/// What a follower is told that could not keep up.
pub fn too_fast(missed: u64) -> String {
    format!("{missed} lines of output were too fast to show; the log has them")
}

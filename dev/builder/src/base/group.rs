//! A program that ends with all that it started.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// How long it has to tidy up once it is told to end.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// A child and its process group: told to end, then killed, when dropped.
pub(super) struct Group {
    child: Option<Child>,
    pid: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: Child) -> Self {
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self {
            child: Some(child),
            pid,
        }
    }

    /// Whether it succeeded.
    pub(super) async fn wait(&mut self) -> io::Result<bool> {
        let Some(child) = &mut self.child else {
            return Ok(false);
        };
        let status = child.wait().await?;
        self.child = None;
        Ok(status.success())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let (Some(mut child), Some(pid)) = (self.child.take(), self.pid) else {
            return;
        };
        // It has mounts to undo: it is asked before it is killed.
        let _ = kill_process_group(pid, Signal::TERM);
        let kill = Kill(pid);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(GRACE, child.wait()).await;
                drop(kill);
            });
        }
    }
}

/// Kills what is left of the group, also when the runtime ends first.
struct Kill(Pid);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

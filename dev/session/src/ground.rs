//! [`Ground`]: what a session stands on. Whoever starts a session brings it;
//! the session itself knows no engine, no plan and no path.

use std::future::Future;
use std::path::PathBuf;

use hob_stack::ServiceId;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::changes::Watched;
use crate::message::Performed;

/// Both ways of a connection to an agent, whatever carries it.
pub struct Wire {
    /// What the agent says.
    pub read: Box<dyn AsyncRead + Send + Unpin>,
    /// What the agent is told.
    pub write: Box<dyn AsyncWrite + Send + Unpin>,
}

/// The services of a session and the engine that they run on.
pub trait Ground: Send + Sync + 'static {
    /// The services and what of them is watched, as the stack files say now.
    fn watched(&self) -> Vec<Watched>;

    /// The files that say so, whose change is no save but another question.
    fn stack_files(&self) -> Vec<PathBuf>;

    /// Reads the stack files again. `Err` says in one line what is wrong with
    /// them, told in full already; everything stays as it was.
    fn reload(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Observes, plans and applies these of its services; tells the user
    /// meanwhile, or `quietly` only what is different from the last time.
    /// Dropping it interrupts it.
    /// `planned` is told once, and only where there is a plan, which of the
    /// services it makes anew.
    fn apply(
        &self,
        services: &[ServiceId],
        quietly: bool,
        planned: impl FnOnce(Vec<ServiceId>) + Send,
    ) -> impl Future<Output = Performed> + Send;

    /// Takes down these services, unless another session works with them; by
    /// force without a grace.
    fn take_down(&self, services: &[ServiceId], force: bool) -> impl Future<Output = ()> + Send;

    /// Connects to the agent of a service.
    fn connect(&self, service: &ServiceId) -> impl Future<Output = std::io::Result<Wire>> + Send;
}

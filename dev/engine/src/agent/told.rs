//! [`Told`]: an agent and what it is told, one request an action.
//!
//! Owns the words of a request that failed. How long it is waited for is the
//! action's.

use std::time::Duration;

use hob_wire::{Request, Spec};

use super::{AgentClient, ClientError, ready};
use crate::resource::Digest;
use crate::world::Failure;

/// One agent, what it is to run, and where its last words stand.
pub(crate) struct Told<'a> {
    /// The agent.
    pub(crate) client: AgentClient,
    /// What it is told to run.
    pub(crate) spec: &'a Spec,
    /// The fingerprint that it is given with it.
    pub(crate) digest: &'a Digest,
    /// What it said outside of its log, asked for when it is gone.
    pub(crate) last_words: &'a (dyn Fn() -> Vec<String> + Sync),
}

impl Told<'_> {
    /// Tells it what it is to run.
    pub(crate) async fn configure(&self, limit: Duration) -> Result<(), Failure> {
        let request = Request::Configure {
            spec: Box::new(self.spec.clone()),
            digest: self.digest.as_str().to_owned(),
        };
        self.tell(&request, limit).await
    }

    /// Lets it begin.
    pub(crate) async fn start(&self, limit: Duration) -> Result<(), Failure> {
        self.tell(&Request::Start, limit).await
    }

    /// Waits until it says that its service is ready, or that it will not be.
    pub(crate) async fn ready(&self, limit: Duration) -> Result<(), Failure> {
        ready::ready(self, limit).await
    }

    async fn tell(&self, request: &Request, limit: Duration) -> Result<(), Failure> {
        let told = self.client.tell(request, limit).await;
        told.map_err(|error| self.explained(error))
    }

    /// A failed request in words; what the agent said before it went is added.
    pub(super) fn explained(&self, error: ClientError) -> Failure {
        match error {
            ClientError::Gone { .. } => {
                Failure::operation("its agent is gone").output((self.last_words)())
            }
            error => Failure::operation(error.to_string()),
        }
    }
}

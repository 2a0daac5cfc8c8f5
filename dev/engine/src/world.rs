//! [`World`]: the only way from plans to outside things.
//!
//! Owns the trait and the words of a failed action. An engine implements it;
//! the tests' fake does too.

use std::future::Future;

use tokio::sync::mpsc;

use crate::apply::{Progress, StepState};
use crate::plan::StepId;
use crate::resource::{Observed, ResourceId, Verb};

/// One outside action, as the executor hands it over.
#[derive(Debug, Clone)]
pub struct Action<S> {
    /// What is done.
    pub verb: Verb,
    /// What it is done to.
    pub resource: ResourceId,
    /// What the engine needs to know; none when only a found resource is
    /// removed.
    pub spec: Option<S>,
    /// How long it may take. The executor gives up then; an action that can
    /// say more about the reason does so earlier.
    pub limit: std::time::Duration,
    /// Takes what is worth knowing while it goes on.
    pub says: Says,
}

/// Takes lines that an action says while it goes on: those of a build. Nobody
/// may be listening.
#[derive(Debug, Clone, Default)]
pub struct Says(Option<(StepId, mpsc::UnboundedSender<Progress>)>);

impl Says {
    /// Says them of this step.
    #[must_use]
    pub fn of(step: StepId, progress: mpsc::UnboundedSender<Progress>) -> Self {
        Self(Some((step, progress)))
    }

    /// Says one line.
    pub fn line(&self, text: impl Into<String>) {
        if let Some((step, progress)) = &self.0 {
            let (step, state) = (*step, StepState::Said(text.into()));
            let _ = progress.send(Progress { step, state });
        }
    }
}

/// Where resources live.
pub trait World: Send + Sync + 'static {
    /// What the engine needs to know of one resource.
    type Spec: Clone + Send + Sync + 'static;
    /// What else it looks at for its lowering.
    type Facts;
    /// What is asked about when it looks.
    type Question: ?Sized;

    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// It could not look; the words say what is wrong with the engine.
    fn observe(
        &self,
        question: &Self::Question,
    ) -> impl Future<Output = Result<Observed<Self::Facts>, Failure>> + Send;

    /// Does one action. It is safe to do again, whether it was done before,
    /// half done or not done; and safe to drop at any point.
    ///
    /// # Errors
    /// It was not done, or [`Verb::Await`] found that it never will be.
    fn perform(
        &self,
        action: Action<Self::Spec>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why an action was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose fault it is; the exit code follows from it.
    pub kind: FailureKind,
    /// One line.
    pub message: String,
    /// What a program said: the compiler, the last log lines.
    pub output: Vec<String>,
    /// What to type next.
    pub hints: Vec<String>,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// hob's or the machine's.
    Operation,
    /// The user's service did not build or did not become ready.
    Service,
    /// The image that the user's service is to run from does not build.
    Image,
    /// Something is not installed.
    Prerequisite,
}

impl Failure {
    /// Something on the machine went wrong.
    #[must_use]
    pub fn operation(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Operation,
            message: message.into(),
            output: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The user's service did not do as it should.
    #[must_use]
    pub fn service(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Service,
            ..Self::operation(message)
        }
    }

    /// The same with what a program said.
    #[must_use]
    pub fn output(mut self, output: Vec<String>) -> Self {
        self.output = output;
        self
    }

    /// The same with what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

//! A plan that is performed, on the stage as it goes: how each step ended, and
//! what is under way.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hob_engine::docker::CONTAINER;
use hob_engine::{Engine, Owner, Plan, Progress, StepState, Verb};
use hob_wire::Phase;
use tokio::sync::mpsc;

use super::words::Words;
use crate::platform::Announcer;
use crate::render::Steps;
use crate::stage::Stage;

/// Between two looks at what a service is at, and how long one may take.
const LOOK: Duration = Duration::from_millis(200);

/// Whose each step of a plan is.
pub fn owners(plan: &Plan<()>) -> Vec<Owner> {
    let steps = plan.steps.iter();
    steps.map(|step| step.resource.owner()).collect()
}

/// Whose containers are there and are made anew, or told another configuration.
pub fn changed_in_place(plan: &Plan<()>) -> BTreeSet<Owner> {
    let of = |verb: Verb| -> BTreeSet<Owner> {
        let steps = plan.steps.iter().filter(|step| step.verb == verb);
        let containers = steps.filter(|step| step.resource.kind == CONTAINER);
        containers.map(|step| step.resource.owner()).collect()
    };
    let (made, removed) = (of(Verb::Create), of(Verb::Remove));
    let configured = of(Verb::Configure);
    let told = configured.difference(&made);
    made.intersection(&removed).chain(told).cloned().collect()
}

/// Shows what is told of a plan until nothing more is.
pub async fn show(
    engine: &Engine,
    plan: &Plan<()>,
    words: &Words,
    stage: &Stage,
    mut progress: mpsc::UnboundedReceiver<Progress>,
    announcer: Option<&Announcer<'_>>,
) {
    let owners = owners(plan);
    let steps = Mutex::new(Steps::new(plan));
    let steps = || steps.lock().unwrap_or_else(PoisonError::into_inner);
    let showing = async {
        while let Some(one) = progress.recv().await {
            let lines = steps().take(&one);
            if let (StepState::Ended(outcome), Some(owner)) = (&one.state, owners.get(one.step.0)) {
                words.ended(stage, owner, outcome, lines);
                announcer.inspect(|it| it.nudge());
            }
            stage.busy(steps().busy().as_deref());
        }
    };
    // The plan waits for agents; what they are at is theirs to tell.
    let asking = async {
        loop {
            tokio::time::sleep(LOOK).await;
            let awaited = steps().awaited();
            for service in awaited {
                if let Some(phase) = phase_of(engine, &service).await {
                    steps().told(service, phase);
                }
            }
            stage.busy(steps().busy().as_deref());
        }
    };
    let shown = async {
        tokio::select! {
            () = showing => {}
            () = asking, if stage.output().watched => {}
        }
        stage.busy(None);
        announcer.inspect(|it| it.finish());
    };
    let announcing = async {
        match announcer {
            Some(announcer) => announcer.go_on().await,
            None => Ok(()),
        }
    };
    if let ((), Err(error)) = tokio::join!(shown, announcing) {
        stage.say(error.render().trim_end());
    }
    let news = announcer.map(Announcer::news).unwrap_or_default();
    news.iter().for_each(|line| stage.say_folded(line));
}

/// What an agent is at.
async fn phase_of(engine: &Engine, service: &str) -> Option<Phase> {
    let agent = engine.agent(&service.parse().ok()?).ok()?;
    Some(agent.status(LOOK).await.ok()?.phase)
}

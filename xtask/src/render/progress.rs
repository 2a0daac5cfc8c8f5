//! A plan being performed: one line for each service that came up, failed or
//! went down, and what is under way.

#![expect(
    clippy::disallowed_methods,
    reason = "what a service took is measured where it is shown"
)]

use std::collections::{BTreeMap, BTreeSet};

use console::style;
use hob_engine::{Failure, Obstacle, Outcome, Plan, Progress, StepState, Verb};

use hob_wire::Phase;

use super::event::time;

/// What a step does, for people.
#[derive(Debug, Clone)]
struct Doing {
    /// `stack/service`, or the stack.
    owner: String,
    verb: Verb,
    /// What it is done to: `container`.
    kind: String,
}

impl Doing {
    fn is_of_an_image(&self) -> bool {
        self.kind.ends_with("image")
    }
}

/// Follows one plan. What a stack has as a whole is no news once it is done.
pub struct Steps {
    steps: BTreeMap<usize, Doing>,
    last: BTreeMap<String, usize>,
    labels: BTreeMap<String, String>,
    running: BTreeSet<usize>,
    /// The last line that each of them said.
    said: BTreeMap<usize, String>,
    began: BTreeMap<String, std::time::Instant>,
    phases: BTreeMap<String, Phase>,
    /// Those of which something failed: what waits for that is told with it.
    failed: BTreeSet<String>,
}

impl Steps {
    pub fn new(plan: &Plan<()>) -> Self {
        let mut steps = BTreeMap::new();
        let mut last = BTreeMap::new();
        let mut labels = BTreeMap::new();
        for step in &plan.steps {
            let owner = step.resource.owner().to_string();
            let doing = Doing {
                owner: owner.clone(),
                verb: step.verb,
                kind: step.resource.kind.as_str().to_owned(),
            };
            let older = doing.is_of_an_image();
            steps.insert(step.id.0, doing);
            if step.resource.service.is_none() {
                continue;
            }
            // An older image that goes is not the service.
            if !older || !last.contains_key(&owner) {
                last.insert(owner.clone(), step.id.0);
            }
            if let Some(label) = &step.label {
                labels.insert(owner, label.clone());
            }
        }
        Self {
            steps,
            last,
            labels,
            running: BTreeSet::new(),
            said: BTreeMap::new(),
            began: BTreeMap::new(),
            phases: BTreeMap::new(),
            failed: BTreeSet::new(),
        }
    }

    /// Takes in what happened; the lines are for people.
    pub fn take(&mut self, progress: &Progress) -> Vec<String> {
        let step = progress.step.0;
        let Some(doing) = self.steps.get(&step).cloned() else {
            return Vec::new();
        };
        match &progress.state {
            StepState::Started => {
                self.running.insert(step);
                self.began
                    .entry(doing.owner)
                    .or_insert_with(std::time::Instant::now);
                Vec::new()
            }
            StepState::Said(line) => {
                self.said.insert(step, line.clone());
                Vec::new()
            }
            StepState::Ended(outcome) => {
                self.running.remove(&step);
                self.said.remove(&step);
                if matches!(outcome, Outcome::Failed(_)) {
                    self.failed.insert(doing.owner.clone());
                }
                let last = self.last.get(&doing.owner) == Some(&step);
                self.ended(&doing, outcome, last)
            }
        }
    }

    fn ended(&self, doing: &Doing, outcome: &Outcome, last: bool) -> Vec<String> {
        let owner = &doing.owner;
        match outcome {
            Outcome::Done { .. } if last => {
                let took = self.began.get(owner).map_or(0, |began| {
                    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
                });
                let what = match doing.verb {
                    Verb::Remove => "is down",
                    Verb::Create if doing.is_of_an_image() => "is built",
                    Verb::Await => "is ready",
                    Verb::Create | Verb::Configure | Verb::Start => "is set",
                };
                let label = self.labels.get(owner).map(|label| format!(" ({label})"));
                let after = style(format!("after {}", time(took))).dim();
                let label = label.unwrap_or_default();
                vec![format!(
                    "{} {owner} {what} {after}{label}",
                    style("✓").green()
                )]
            }
            Outcome::Done { .. } | Outcome::Interrupted => Vec::new(),
            Outcome::Failed(failure) => failure_lines(owner, failure),
            Outcome::Skipped { because } if last && !self.failed.contains(owner) => {
                vec![format!("{} {owner} waits: {because}", style("·").yellow(),)]
            }
            Outcome::Skipped { .. } => Vec::new(),
        }
    }

    /// The services whose agents are at work.
    pub fn awaited(&self) -> Vec<String> {
        let steps = self.running.iter().filter_map(|step| self.steps.get(step));
        let awaited = steps.filter(|doing| doing.verb == Verb::Await);
        awaited.map(|doing| doing.owner.clone()).collect()
    }

    /// What the agent of a service is at.
    pub fn told(&mut self, owner: String, phase: Phase) {
        self.phases.insert(owner, phase);
    }

    /// What is under way, in a few words.
    pub fn busy(&self) -> Option<String> {
        let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for step in &self.running {
            let Some(Doing { owner, verb, kind }) = self.steps.get(step) else {
                continue;
            };
            let doing = match verb {
                Verb::Remove => "stopping",
                Verb::Create if kind == "image" && !owner.contains('/') => "building the agent of",
                Verb::Create if kind == "image" => "building the image of",
                Verb::Create if kind == "base image" => "getting the base image of",
                Verb::Create | Verb::Configure => "setting up",
                Verb::Start => "starting",
                Verb::Await => match self.phases.get(owner) {
                    Some(Phase::Building) => "building",
                    Some(Phase::Starting) => "waiting for the readiness of",
                    Some(Phase::Backoff) => "starting again",
                    _ => "starting",
                },
            };
            let names = words.entry(doing).or_default();
            if !names.contains(&short(owner)) {
                names.push(short(owner));
            }
        }
        let text: Vec<String> = words
            .iter()
            .map(|(doing, names)| format!("{doing} {}", enumerated(names)))
            .collect();
        let said = self.said.iter().next_back();
        let said = said.map_or_else(String::new, |(step, line)| {
            let doing = self.steps.get(step).filter(|_| self.running.len() > 1);
            let whose = doing.map_or("", |doing| short(&doing.owner));
            match whose {
                "" => format!(": {line}"),
                whose => format!("; {whose}: {line}"),
            }
        });
        (!text.is_empty()).then(|| text.join("; ") + &said)
    }
}

/// A service without its stack.
fn short(owner: &str) -> &str {
    owner.rsplit('/').next().unwrap_or(owner)
}

/// Names in half a line: what comes after them is to be seen, too.
fn enumerated(names: &[&str]) -> String {
    const FIT: usize = 3;
    match names.len() {
        0..=FIT => names.join(", "),
        many => format!(
            "{} and {} more",
            names[..FIT - 1].join(", "),
            many - FIT + 1
        ),
    }
}

/// Why a step was not done, in lines.
pub fn failure_lines(owner: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {owner}: {}",
        style("✗").red().bold(),
        style(&failure.message).red()
    )];
    lines.extend(failure.output.iter().map(|line| format!("    {line}")));
    lines.extend(failure.hints.iter().map(|hint| hint_line(hint)));
    lines
}

/// Why services are left as they are, in lines. A hint that is good for
/// several that follow each other stands below the last of them.
pub fn obstacles_lines(obstacles: &[Obstacle]) -> Vec<String> {
    let mark = style("✗").red().bold();
    let mut lines = Vec::new();
    for (at, obstacle) in obstacles.iter().enumerate() {
        lines.push(format!("{mark} {}: {}", obstacle.owner, obstacle.reason));
        let next = obstacles.get(at + 1);
        let comes = |hint: &&String| next.is_some_and(|next| next.hints.contains(hint));
        let own = obstacle.hints.iter().filter(|hint| !comes(hint));
        lines.extend(own.map(|hint| hint_line(hint)));
    }
    lines
}

fn hint_line(hint: &str) -> String {
    format!("  {} {hint}", style("hint:").cyan())
}

#[cfg(test)]
mod tests {
    use hob_engine::{ObstacleKind, Owner};
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn obstacle(service: &str, reason: &str, hints: &[&str]) -> Obstacle {
        Obstacle {
            owner: Owner {
                stack: "s".into(),
                service: Some(service.into()),
            },
            kind: ObstacleKind::Busy,
            reason: reason.into(),
            hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
        }
    }

    #[test]
    fn a_hint_for_several_services_is_given_once() {
        let lines = obstacles_lines(&[
            obstacle("a", "a session works with it", &["`hob down`"]),
            obstacle("b", "a session works with it", &["`hob down`", "wait"]),
            obstacle("c", "its port is taken", &[]),
        ]);
        assert_data_eq!(
            console::strip_ansi_codes(&lines.join("\n")).into_owned(),
            str![[r#"
✗ s/a: a session works with it
✗ s/b: a session works with it
  hint: `hob down`
  hint: wait
✗ s/c: its port is taken
"#]]
        );
    }
}

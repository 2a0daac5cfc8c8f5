//! [`Words`]: what is said of a change, and what of it is no news.

use std::sync::{Mutex, PoisonError};

use hob_engine::{FailureKind, Obstacle, Outcome, Owner};

use crate::render::obstacles_lines;
use crate::stage::Stage;

/// What kept services from where they are wanted: what was in their way, and
/// what went wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Troubles {
    obstacles: Vec<Obstacle>,
    ends: Vec<(Owner, Outcome)>,
}

impl Troubles {
    /// What no agent tells itself, one line each. What was not tried follows
    /// from it.
    pub fn lines(&self) -> Vec<String> {
        let obstacles = self.obstacles.iter();
        let mut lines: Vec<String> = obstacles
            .map(|it| format!("{}: {}", it.owner, it.reason))
            .collect();
        for (owner, outcome) in &self.ends {
            if let Outcome::Failed(failure) = outcome
                && failure.kind != FailureKind::Service
            {
                lines.push(format!("{owner}: {}", failure.message));
            }
        }
        lines
    }
}

/// What is said of a change, and what was said of the one before.
#[derive(Debug, Default)]
pub struct Words {
    /// What need not be said again.
    known: Troubles,
    /// Whether somebody else tells how services fail.
    told_elsewhere: bool,
    /// Whether what goes well is no news.
    troubles_alone: bool,
    met: Mutex<Troubles>,
}

impl Words {
    /// Without what agents tell themselves, and without what is known.
    pub fn beside_agents(known: Troubles) -> Self {
        Self {
            known,
            told_elsewhere: true,
            ..Self::default()
        }
    }

    /// Of what does not go well alone.
    pub fn troubles_alone() -> Self {
        Self {
            troubles_alone: true,
            ..Self::default()
        }
    }

    /// What this change met with, said or not.
    pub fn into_troubles(self) -> Troubles {
        self.met
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is in the way, as far as it is news.
    pub fn obstacles(&self, stage: &Stage, obstacles: &[Obstacle]) {
        let news: Vec<Obstacle> = obstacles
            .iter()
            .filter(|it| !self.known.obstacles.contains(it))
            .cloned()
            .collect();
        for line in obstacles_lines(&news) {
            stage.say_folded(line);
        }
        self.met().obstacles.extend_from_slice(obstacles);
    }

    /// Says in these lines how a step ended, as far as it is news and nobody
    /// else tells it.
    pub fn ended(&self, stage: &Stage, owner: &Owner, outcome: &Outcome, lines: Vec<String>) {
        if self.is_news(owner, outcome) {
            let shown = match self.is_told_of_another(outcome) {
                true => 1,
                false => lines.len(),
            };
            let lines = lines.iter().take(shown);
            lines.for_each(|line| stage.say_folded(line));
        }
        if let Outcome::Failed(_) | Outcome::Skipped { .. } = outcome {
            self.met().ends.push((owner.clone(), outcome.clone()));
        }
    }

    /// Whether the same went wrong with something else just now: what a program
    /// said of it was shown then.
    fn is_told_of_another(&self, outcome: &Outcome) -> bool {
        let failed = matches!(outcome, Outcome::Failed(_));
        failed && self.met().ends.iter().any(|(_, how)| how == outcome)
    }

    fn is_news(&self, owner: &Owner, outcome: &Outcome) -> bool {
        let elsewhere = self.told_elsewhere
            && matches!(outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Service);
        if self.troubles_alone && matches!(outcome, Outcome::Done { .. }) {
            return false;
        }
        let mut known = self.known.ends.iter();
        !elsewhere && !known.any(|(whose, how)| whose == owner && how == outcome)
    }

    fn met(&self) -> std::sync::MutexGuard<'_, Troubles> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hob_engine::Failure;

    use super::*;

    /// Whether the second of two like ends is news to these words.
    fn again(first: &Outcome, second: &Outcome) -> bool {
        let owner = Owner {
            stack: "s".into(),
            service: Some("web".into()),
        };
        let stage = Stage::new(crate::output::Output::new(false, true));
        let before = Words::beside_agents(Troubles::default());
        before.ended(&stage, &owner, first, Vec::new());
        Words::beside_agents(before.into_troubles()).is_news(&owner, second)
    }

    #[test]
    fn the_same_trouble_is_no_news_and_everything_else_is() {
        let done = Outcome::Done {
            took: Duration::ZERO,
        };
        let full = Outcome::Failed(Failure::operation("the disk is full"));
        let waits = Outcome::Skipped {
            because: "db is not ready".into(),
        };
        assert!(!again(&full, &full));
        assert!(!again(&waits, &waits));
        assert!(again(&full, &waits));
        assert!(again(
            &full,
            &Outcome::Failed(Failure::operation("no room"))
        ));
        assert!(again(&done, &done), "it came up again");
        // Agents tell that themselves.
        assert!(!again(
            &done,
            &Outcome::Failed(Failure::service("it ended"))
        ));
    }
}

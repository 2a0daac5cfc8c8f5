//! A plan in words, one line a step.

use std::fmt::Write as _;

use super::{Plan, Step};

impl<S> Step<S> {
    /// `create agent polykube/goapi`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.verb.as_str(), self.resource)
    }
}

impl<S> Plan<S> {
    /// One line a step: what is done and because of what. Obstacles are not
    /// part of it. Ends with a line break unless it is empty.
    #[must_use]
    pub fn to_text(&self) -> String {
        let titles: Vec<String> = self.steps.iter().map(Step::title).collect();
        let width = titles.iter().map(|t| t.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (title, step) in titles.iter().zip(&self.steps) {
            let _ = write!(text, "{title:width$}  because {}", step.cause);
            if let Some(label) = &step.label {
                let _ = write!(text, " ({label})");
            }
            text.push('\n');
        }
        text
    }
}

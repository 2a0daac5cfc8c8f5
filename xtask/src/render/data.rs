//! Data for programs: what `--json` prints. Each line is one object with
//! `protocol`, the version of the format, and a key that names what the line
//! is; the list of them stands in `dev/ARCHITECTURE.md`. Pure.

use std::collections::BTreeMap;

use hob_engine::{Failure, Obstacle, Outcome, Owner, ServiceState, Verdict};
use serde_json::{Value, json};

use super::status::{Seen, address, note, word};
use crate::context::Whose;

/// A line of this kind.
pub fn line(kind: &str, value: Value) -> Value {
    let mut line = json!({ "protocol": hob_wire::PROTOCOL });
    line[kind] = value;
    line
}

/// How a service is: `service`, `phase`, `url` and `note` are always there,
/// the rest is what its agent says.
pub fn status(state: &ServiceState, whose: Whose) -> Value {
    let mut value = match &state.verdict {
        Verdict::Up(status) => json!(status),
        _ => json!({ "service": state.owner.to_string(), "phase": word(&state.verdict) }),
    };
    value["url"] = match &state.verdict {
        Verdict::Up(status) => status.listen.as_ref().map(address).into(),
        _ => Value::Null,
    };
    value["note"] = note(state, whose).into();
    line("status", value)
}

/// The same with what it uses, where that is known: `usage` has `cpu_percent`
/// of one core and `memory_bytes`.
pub fn seen(seen: &Seen, whose: Whose) -> Value {
    let mut line = status(&seen.state, whose);
    if let Some(usage) = seen.usage {
        line["status"]["usage"] =
            json!({ "cpu_percent": usage.cpu_percent, "memory_bytes": usage.memory_bytes });
    }
    line
}

/// How what was asked for ended for one service, as lines for programs.
#[derive(Debug, Default)]
pub struct Results(BTreeMap<String, Value>);

impl Results {
    /// Of a change: the obstacles, and how each step ended with its owner.
    pub fn of<'a>(
        obstacles: &[Obstacle],
        steps: impl IntoIterator<Item = (&'a Owner, &'a Outcome)>,
    ) -> Self {
        let mut results = Self::default();
        // What a stack has as a whole is no service.
        for (owner, outcome) in steps.into_iter().filter(|(it, _)| it.service.is_some()) {
            let (word, message, hints) = match outcome {
                Outcome::Done { .. } => ("done", None, &[][..]),
                Outcome::Failed(Failure { message, hints, .. }) => {
                    ("failed", Some(message), &hints[..])
                }
                Outcome::Skipped { because } => ("skipped", Some(because), &[][..]),
                Outcome::Interrupted => ("interrupted", None, &[][..]),
            };
            results.add(&owner.to_string(), word, message, hints);
        }
        for obstacle in obstacles {
            let (owner, reason) = (obstacle.owner.to_string(), Some(&obstacle.reason));
            results.add(&owner, "blocked", reason, &obstacle.hints);
        }
        results
    }

    /// The same with services of which it is known that they are as they were
    /// asked for.
    pub fn and_done<'a>(mut self, services: impl IntoIterator<Item = &'a Owner>) -> Self {
        for owner in services {
            self.add(&owner.to_string(), "done", None, &[]);
        }
        self
    }

    /// The first thing that was not done is what is told of a service.
    fn add(&mut self, service: &str, outcome: &str, message: Option<&String>, hints: &[String]) {
        let known = self.0.get(service).map(|value| &value["outcome"]);
        if known.is_none_or(|known| known == "done") {
            let value = json!({ "service": service, "outcome": outcome,
                "message": message, "hints": hints, "generation": null });
            self.0.insert(service.to_owned(), value);
        }
    }

    /// The lines, in the order of the services' names.
    pub fn lines(self) -> impl Iterator<Item = Value> {
        self.0.into_values().map(|value| line("result", value))
    }
}

/// That something was done with a service, with what there is to tell of it.
pub fn done(service: &str, generation: Option<u64>) -> Value {
    let value = json!({ "service": service, "outcome": "done", "message": null, "hints": [],
        "generation": generation });
    line("result", value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn owner(service: &str) -> Owner {
        Owner {
            stack: "s".into(),
            service: Some(service.into()),
        }
    }

    #[test]
    fn of_each_service_the_first_thing_that_was_not_done_is_told() {
        let done = Outcome::Done {
            took: Duration::ZERO,
        };
        let failed = Outcome::Failed(Failure::service("it ended"));
        let skipped = Outcome::Skipped {
            because: "web did not become ready".into(),
        };
        let steps = [
            (&owner("web"), &done),
            (&owner("web"), &failed),
            (&owner("web"), &skipped),
            (&owner("db"), &done),
        ];
        let lines: Vec<String> = Results::of(&[], steps)
            .lines()
            .map(|line| {
                format!(
                    "{} {}",
                    line["result"]["service"], line["result"]["outcome"]
                )
            })
            .collect();
        assert_eq!(lines, [r#""s/db" "done""#, r#""s/web" "failed""#]);
    }

    #[test]
    fn a_service_that_is_down_has_the_keys_that_everyone_has() {
        let state = ServiceState {
            owner: owner("web"),
            verdict: Verdict::Down,
        };
        let line = status(&state, Whose::Projects);
        assert_eq!(
            line,
            json!({ "protocol": hob_wire::PROTOCOL, "status": {
                "service": "s/web", "phase": "down", "url": null, "note": null } })
        );
    }
}
